import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { contracts } from '../server/config/contract.ts'
import { operationsOf } from './described.ts'
import { behindProxy, newPerson } from './person.ts'
import { type Call, newUser, type Served, served } from './served.ts'

// CORS headers for calls of allowed front ends, and none for other origins.

const front = 'http://localhost:3000'
const second = 'https://app.example.com'
const strangers = [
  ...['https://evil.example', 'null', 'http://localhost', 'http://localhost:30000', 'https://localhost:3000'],
  ...[
    'http://localhost:3000.evil.example',
    'http://evil.example/http://localhost:3000',
    'HTTP://LOCALHOST:3000',
    '*',
    '',
  ],
]
const asked = 'authorization,content-type,idempotency-key,if-match,if-none-match,x-request-id'
const allowing = (headers: Headers) =>
  [...headers].filter(([name]) => name.startsWith('access-control-')).sort()

for (const contract of contracts) {
  describe(`requests to ${contract} from another origin`, () => {
    const calls = operationsOf(contract)
    const user = newUser()
    const fill = (path: string) => path.replace('{user_id}', user).replace(/\{\w+\}/, '1')
    let api: Served
    before(async () => {
      api = await served({ CONTRACT: contract, CORS_ORIGINS: `${front}, ${second}` })
    })
    after(() => api.close())

    const preflight = (origin: string, path: string, method: string) =>
      api.call('OPTIONS', path, {
        headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': asked },
      })

    it('every route can be called from the allowed origins, with every header that it accepts', async () => {
      for (const origin of [front, second]) {
        for (const { path, method } of calls) {
          const { status, headers, text } = await preflight(origin, fill(path), method)
          assert.deepEqual([status, text], [204, ''], `${method} ${path}`)
          assert.equal(headers.get('access-control-allow-origin'), origin)
          assert.equal(headers.get('access-control-allow-credentials'), 'true')
          assert.ok(headers.get('access-control-allow-methods')?.split(', ').includes(method))
          assert.equal(headers.get('access-control-allow-headers'), asked)
          assert.match(headers.get('vary') ?? '', /Origin/)
          assert.ok(Number(headers.get('access-control-max-age')) > 0)
        }
      }
    })

    it('every response can be read by them, with the relevant headers', async () => {
      const answers: [number, string, string, Call][] = [
        [200, 'GET', '/api/v1/tasks', { user }],
        [201, 'POST', '/api/v1/tasks', { user, json: { title: 'a' } }],
        [401, 'GET', '/api/tasks', {}],
        [404, 'GET', '/api/tasks/9007199254740991', { user }],
        [404, 'GET', '/nowhere', { user }],
        [405, 'DELETE', '/api/tasks', { user }],
        [413, 'POST', '/api/tasks', { user, body: 'x'.repeat(200_000) }],
      ]
      for (const [expected, method, path, call] of answers) {
        const { status, headers } = await api.call(method, path, { ...call, headers: { origin: front } })
        assert.equal(status, expected, `${method} ${path}`)
        assert.equal(headers.get('access-control-allow-origin'), front)
        assert.equal(headers.get('access-control-allow-credentials'), 'true')
        const exposed = headers.get('access-control-expose-headers')?.split(', ')
        const needed = ['ETag', 'Link', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'Idempotent-Replayed']
        assert.deepEqual(
          exposed?.filter(name => needed.includes(name)),
          needed,
        )
        assert.match(headers.get('vary') ?? '', /Origin/)
      }
    })

    it('other origins get no CORS headers', async () => {
      for (const origin of strangers) {
        for (const { path, method } of [{ path: '/api/v1/tasks', method: 'POST' }, ...calls.slice(0, 3)]) {
          const { headers } = await preflight(origin, fill(path), method)
          assert.equal(headers.get('access-control-allow-origin'), null, `${origin} ${path}`)
          assert.deepEqual(allowing(headers), [], `${origin} ${path}`)
        }
        const { headers } = await api.call('GET', '/api/v1/tasks', { user, headers: { origin } })
        assert.deepEqual(allowing(headers), [], origin)
      }
    })
  })
}

describe('any origin', () => {
  it('is allowed by *, without credentials', async () => {
    const api = await served({ CORS_ORIGINS: '*' })
    const { headers } = await api.call('GET', '/api/v1/tasks', {
      user: newUser(),
      headers: { origin: second },
    })
    assert.equal(headers.get('access-control-allow-origin'), '*')
    assert.equal(headers.get('access-control-allow-credentials'), null)
    await api.close()
  })
})

describe('front ends in apps, and previews', () => {
  const app = 'capacitor://localhost'
  const preview = 'https://pr-1.example.app'
  let api: Served
  before(async () => {
    api = await served({ ...behindProxy, CORS_ORIGINS: `${app},https://*.example.app` })
  })
  after(() => api.close())

  it('are allowed by their scheme, or by a pattern of one label', async () => {
    for (const origin of [app, preview]) {
      const { headers } = await api.call('GET', '/api/v1/tasks', { user: newUser(), headers: { origin } })
      assert.equal(headers.get('access-control-allow-origin'), origin)
      assert.equal(headers.get('access-control-allow-credentials'), 'true')
    }
    for (const origin of ['https://a.b.example.app', 'https://example.app', 'capacitor://other']) {
      const { headers } = await api.call('GET', '/api/v1/tasks', { user: newUser(), headers: { origin } })
      assert.deepEqual(allowing(headers), [], origin)
    }
  })

  it('can sign up and sign in', async () => {
    for (const origin of [app, preview]) {
      const person = newPerson(api)
      const { email, password } = person
      const fields = { name: 'Ann', email, password }
      assert.equal((await person.auth('POST', '/sign-up/email', fields, { origin })).status, 200, origin)
      assert.equal((await person.auth('POST', '/sign-out', {}, { origin })).status, 200, origin)
      assert.equal((await person.auth('POST', '/sign-in/email', { email, password }, { origin })).status, 200)
      const evil = { origin: 'https://a.b.example.app' }
      assert.equal((await person.auth('POST', '/sign-out', {}, evil)).status, 403)
    }
  })

  it('are targets of links only if they are listed in full', async () => {
    for (const [origin, redirectTo, status] of [
      [app, `${app}/reset`, 200],
      [preview, `${preview}/reset`, 403],
      [preview, 'https://other.example.app/reset', 403],
      [app, 'capacitor://localhost.evil/reset', 403],
    ] as const) {
      const person = newPerson(api)
      const fields = { email: person.email, redirectTo }
      const answer = await person.auth('POST', '/request-password-reset', fields, { origin })
      assert.equal(answer.status, status, redirectTo)
    }
  })
})
