import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { constantHeaders } from '../server/http/security-headers.ts'
import { described } from './described.ts'
import { type RawCall, type RawCaller, rawCaller } from './raw-call.ts'
import { type Answer, type Call, newUser, type Served, served, tokenOf, unlimited } from './served.ts'

// Security headers of every response: all routes of the OpenAPI document, and all kinds of errors.

const front = 'http://localhost:3000'
const { document } = described('task-api')
const calls = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
)
const pages = ['/docs', '/reset-password', '/verify-email', '/problems', '/problems/broken_rule']
const kept: Readonly<Record<string, string>> = {
  '/docs': 'no-cache',
  '/docs/docs.js': 'no-cache',
  '/openapi.json': 'no-cache',
  '/problems': 'public, max-age=3600',
  '/problems/broken_rule': 'public, max-age=3600',
}

let api: Served
let caller: RawCaller
let user: string
let id: number
before(async () => {
  api = await served({ ...unlimited, PUBLIC_URL: 'https://tasks.example.com', CORS_ORIGINS: front })
  caller = rawCaller(api.server.url)
  user = newUser()
  id = (await api.call('POST', '/api/v1/tasks', { user, json: { title: 'kept' } })).body.id
})
after(async () => {
  caller.close()
  await api.close()
})

const examples: Readonly<Record<string, () => string>> = {
  user_id: () => user,
  id: () => String(id),
  token_id: () => '1',
  file: () => 'docs.js',
  code: () => 'broken_rule',
  provider: () => 'github',
  token: () => 'x7',
}
const fill = (path: string) => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => examples[name]?.() ?? name)

/** @param open whether a browser can navigate to it, since it needs no token */
function check(
  what: string,
  { status, headers, text }: Pick<Answer, 'status' | 'headers' | 'text'>,
  open: boolean,
): void {
  const said = (name: string) => headers.get(name) ?? ''
  assert.equal(said('x-content-type-options'), 'nosniff', what)
  assert.equal(said('strict-transport-security'), 'max-age=31536000', what)
  assert.match(
    said('cache-control'),
    /^(no-store(, no-transform)?|no-cache|private, no-cache|public, max-age=3600)$/,
    what,
  )
  if (status >= 400) assert.equal(said('cache-control'), 'no-store', what)
  if (text !== '') assert.notEqual(said('content-type'), '', what)
  for (const name of ['server', 'x-powered-by', 'via'])
    assert.equal(headers.get(name), null, `${what}: ${name}`)
  if (!open || text === '') return
  const policy = said('content-security-policy')
  assert.match(policy, /^default-src 'none'; /, what)
  for (const directive of ['base-uri', 'frame-ancestors'])
    assert.ok(policy.includes(`${directive} 'none'`), `${what}: ${directive}`)
  // The pages that this server renders may send their forms to it.
  const isPage = said('content-type').startsWith('text/html') && !policy.includes('script-src')
  assert.ok(policy.includes(`form-action ${isPage ? "'self'" : "'none'"}`), `${what}: form-action`)
  assert.doesNotMatch(policy, /unsafe|https?:|\*/, what)
  assert.equal(said('referrer-policy'), 'no-referrer', what)
  assert.equal(said('cross-origin-resource-policy'), 'same-origin', what)
}

describe('every route', () => {
  it('sends its headers to every client', async () => {
    for (const { path, method, operation } of calls) {
      const [type, { examples: bodies = {} }] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [
        '',
        {},
      ]
      const [example] = Object.values(bodies)
      const sent: Call = example ? { json: example.value, headers: { 'content-type': type } } : {}
      const isOpen = operation.security !== undefined
      const address = fill(path)
      // Without a token first: what the last requests delete is needed by others.
      check(`${method} ${path}, without a token`, await api.call(method, address, sent), true)
      if (method === 'GET') check(`HEAD ${path}`, await api.call('HEAD', address), true)
      const preflight = { origin: front, 'access-control-request-method': method }
      check(`OPTIONS ${path}`, await api.call('OPTIONS', address, { headers: preflight }), true)
      if (isOpen || method === 'DELETE') continue
      const answer = await api.call(method, address, { ...sent, user })
      check(`${method} ${path}`, answer, false)
    }
    for (const { path } of calls.filter(
      ({ method, operation }) => method === 'DELETE' && operation.security === undefined,
    ))
      check(`DELETE ${path}`, await api.call('DELETE', fill(path), { user }), false)
  })

  it('of a user is not cached, or is revalidated each time', async () => {
    const asked = calls.filter(
      ({ method, operation }) => method === 'GET' && operation.security === undefined,
    )
    assert.ok(asked.length >= 8)
    for (const { path } of asked) {
      const { headers } = await api.call('GET', fill(path), { user })
      const expected = headers.has('etag') ? 'private, no-cache' : 'no-store'
      // A proxy that compresses a stream would delay its events.
      const said = headers.get('cache-control')?.replace(', no-transform', '')
      assert.equal(said, expected, path)
    }
  })

  it('of a page allows only what the page needs', async () => {
    for (const path of pages) {
      const { headers } = await api.call('GET', path)
      assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin')
      assert.match(headers.get('permissions-policy') ?? '', /^camera=\(\), geolocation=\(\), /)
    }
    for (const [path, expected] of Object.entries(kept))
      assert.equal((await api.call('GET', path)).headers.get('cache-control'), expected, path)
  })
})

describe('every error response', () => {
  before(async () => {
    id = (await api.call('POST', '/api/v1/tasks', { user, json: { title: 'another' } })).body.id
  })

  const json = { 'content-type': 'application/json' }
  const refusals: [status: number, method: string, path: string, call: Omit<RawCall, 'method' | 'path'>][] = [
    [400, 'GET', '/api/%zz', {}],
    [400, 'PATCH', '/api/v1/tasks/{id}', { body: 'no json', headers: json }],
    [401, 'GET', '/api/v1/tasks', { headers: { authorization: 'Bearer none' } }],
    [403, 'GET', '/api/somebody/tasks', {}],
    [404, 'GET', '/api/v1/tasks/9007199254740991', {}],
    [404, 'GET', '/nowhere', {}],
    [405, 'TRACE', '/', {}],
    [405, 'PUT', '/api/v1/tasks', {}],
    [405, 'PUT', '/health', {}],
    [412, 'PATCH', '/api/v1/tasks/{id}', { body: '{"title":"x"}', headers: { ...json, 'if-match': '"0"' } }],
    [413, 'POST', '/api/tasks', { body: 'x'.repeat(200_000) }],
    [414, 'GET', `/api/v1/tasks?q=${'x'.repeat(9000)}`, {}],
    [415, 'POST', '/api/v1/tasks', { body: 'x', headers: { 'content-type': 'text/plain' } }],
    [415, 'POST', '/api/auth/sign-out', { body: 'x', headers: { 'content-type': 'text/plain' } }],
    [422, 'POST', '/api/tasks', { body: '{}' }],
    [431, 'GET', '/api/tasks', { headers: { 'x-large': 'x'.repeat(20_000) } }],
  ]
  for (const [status, method, path, call] of refusals) {
    it(`${status} to ${method} ${path.slice(0, 30)}`, async () => {
      const headers = { authorization: `Bearer ${tokenOf(user)}`, ...call.headers }
      const answer = await caller.call({ method, path: fill(path), ...call, headers })
      assert.equal(answer.status, status, answer.text)
      check(`${method} ${path}`, answer, status !== 412)
    })
  }

  it('after too many attempts', async () => {
    const email = 'many@example.com'
    let answer = await api.call('GET', '/livez')
    for (let n = 0; n < 4; n += 1)
      answer = await api.call('POST', '/api/auth/request-password-reset', { json: { email } })
    assert.equal(answer.status, 429)
    check('429', answer, true)
  })

  it('to invalid HTTP', async () => {
    const socket = connect(Number(new URL(api.server.url).port), '127.0.0.1')
    let received = ''
    socket.on('data', bytes => {
      received += bytes
    })
    socket.write('nonsense\r\n\r\n')
    await once(socket, 'close')
    const [head = '', text = ''] = received.split('\r\n\r\n')
    const [first, ...lines] = head.split('\r\n')
    assert.equal(first, 'HTTP/1.1 400 Bad Request')
    const headers = new Headers(lines.map(line => line.split(/: (.*)/s).slice(0, 2) as [string, string]))
    check('nonsense', { status: 400, headers, text }, true)
  })
})

it('a link in an email that redirects to another site does not reveal its token', async () => {
  const answer = await api.call('GET', '/api/auth/verify-email?token=x&callbackURL=/docs')
  assert.equal(answer.status, 302)
  assert.equal(answer.headers.get('referrer-policy'), 'no-referrer')
  check('a redirect', answer, true)
})

it('a server without TLS sends no Strict-Transport-Security', () => {
  for (const publicUrl of [undefined, new URL('http://localhost:8000')])
    assert.equal(constantHeaders({ publicUrl })['strict-transport-security'], undefined)
})
