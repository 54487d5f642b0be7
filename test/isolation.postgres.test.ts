import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { contracts } from '../server/config/contract.ts'
import { badTokens } from './bad-tokens.ts'
import { described, type OperationObject, operationsOf } from './described.ts'
import { type RawCall, type RawCaller, rawCaller } from './raw-call.ts'
import { type Answer, newUser, type Served, served, tokenOf, unlimited } from './served.ts'
import { seed, someOf } from './size.ts'

// One user sends every request of the OpenAPI document with the ids of another: new routes are
// included. `npm test` tries some ids, tokens and conditions, `npm run test:faults` all of them.

const missing = String(Number.MAX_SAFE_INTEGER)

/** Invalid ids, which cause an error for every user. */
const noIds = [
  ...['0', '-1', '00', '01', '1.0', '1e0', '+1', ' 1', '1 ', '0x1', 'NaN', 'null', 'x', '٣', '１'],
  ...[String(2 ** 53), '9'.repeat(16), `1${'0'.repeat(30)}`, '1'.repeat(5000)],
  ...[
    '%2F',
    '..%2F..%2Fbob',
    '%2e%2e',
    '%00',
    '1%00',
    '1;2',
    '1,2',
    '%31%00',
    "1'--",
    '%zz',
    '%',
    '%C3',
    '*',
  ],
]

for (const contract of contracts) {
  describe(`users of ${contract} and the routes beside it (TEST_SEED=${seed})`, () => {
    const { check } = described(contract)
    const calls = operationsOf(contract).filter(({ operation }) => operation.security === undefined)
    const secret = randomUUID()
    const victim = newUser(`victim-${secret}`)
    const stranger = newUser('stranger')
    const authorization = `Bearer ${tokenOf(stranger)}`
    let api: Served
    let raw: RawCaller
    let theirs: { id: number; revision: number }[]
    let lists: { id: number; revision: number }[]
    let trashed: { id: number; revision: number }[]
    let hooks: { id: number; revision?: number }[]
    let untouched: string

    const listOf = async (user: string) => (await api.call('GET', '/api/v1/tasks?limit=1000', { user })).text

    before(async () => {
      api = await served({ CONTRACT: contract, ...unlimited })
      raw = rawCaller(api.server.url)
      for (let n = 0; n < 3; n += 1) {
        const json = { title: `${secret} ${n}`, description: secret }
        await api.call('POST', '/api/v1/tasks', {
          user: victim,
          json,
          headers: { 'idempotency-key': `key-${n}` },
        })
      }
      for (const name of [secret, `${secret} 2`])
        await api.call('POST', '/api/v1/lists', { user: victim, json: { name } })
      const { body: gone } = await api.call('POST', '/api/v1/tasks', {
        user: victim,
        json: { title: secret },
      })
      await api.call('DELETE', `/api/v1/tasks/${gone.id}`, { user: victim })
      trashed = [gone]
      untouched = await listOf(victim)
      theirs = JSON.parse(untouched).tasks
      lists = (await api.call('GET', '/api/v1/lists', { user: victim })).body.lists
      const hook = { url: `https://example.com/${secret}`, events: ['*'], is_active: false }
      hooks = [(await api.call('POST', '/api/v1/webhooks', { user: victim, json: hook })).body]
    })
    after(async () => {
      raw.close()
      await api.close()
    })

    /** Sends it; the response must be documented, and must reveal nothing about the other user. */
    async function attempt(call: RawCall): Promise<Answer> {
      const answer = await raw.call(call)
      const what = `${call.method} ${call.path}: ${answer.status} ${answer.text.slice(0, 200)}`
      check(call, answer)
      assert.ok(answer.status < 500, what)
      assert.ok(!`${[...answer.headers].join()} ${answer.text}`.includes(secret), what)
      return answer
    }

    it('get the same response for another user’s task or list as for a missing one', async () => {
      for (const { path, method, operation } of calls.filter(call => item.test(call.path))) {
        const others = path.includes('{webhook_id}')
          ? hooks
          : path.includes('{list_id}')
            ? lists
            : path.includes('{item_id}')
              ? trashed
              : theirs
        for (const body of bodiesOf(operation)) {
          for (const conditions of someOf(conditionsOf(others[0]?.revision ?? 0), 2)) {
            const answers: { status: number }[] = []
            for (const id of [missing, ...someOf(others, 1).map(other => String(other.id))]) {
              // A user each, since the first request uses up an idempotency key.
              const user = newUser('stranger')
              const headers = { authorization: `Bearer ${tokenOf(user)}`, ...body.headers, ...conditions }
              const address = fill(path, user, id)
              answers.push(seen(await attempt({ method, path: address, headers, ...body.sent }), user, id))
            }
            // A key is rejected before the item is looked up.
            const isKeyRefused = path.endsWith('/secret') && 'idempotency-key' in conditions
            assert.equal(answers[0]?.status, isKeyRefused ? 422 : 404, `${method} ${path}`)
            for (const answer of answers) assert.deepEqual(answer, answers[0])
          }
        }
      }
    })

    it('get nothing with an invalid id', async () => {
      for (const { path, method, operation } of calls.filter(call => item.test(call.path))) {
        const [body] = bodiesOf(operation)
        for (const id of someOf(noIds, 10)) {
          const address = fill(
            path,
            stranger,
            id.replaceAll(' ', '%20').replaceAll(/[^\x21-\x7e]/g, encodeURIComponent),
          )
          const { status } = await attempt({
            method,
            path: address,
            headers: { authorization, ...body?.headers },
            ...body?.sent,
          })
          assert.ok([400, 404, 414, 422].includes(status), `${method} ${address}: ${status}`)
        }
      }
    })

    it('get nothing with another user’s name in the path', async () => {
      const encoded = [...victim].map(letter => `%${letter.charCodeAt(0).toString(16)}`).join('')
      const names = [
        victim,
        encoded,
        `${victim}%00`,
        `${victim}%20`,
        `./${victim}`,
        `${stranger}%2F..%2F${victim}`,
        victim.toUpperCase(),
        `${victim}.`,
        '..',
        '%2e%2e',
        'nobody',
      ]
      for (const { path, method, operation } of calls.filter(call => call.path.includes('{user_id}'))) {
        const [body] = bodiesOf(operation)
        for (const name of names) {
          const address = fill(path, name, String(theirs[0]?.id))
          const { status } = await attempt({
            method,
            path: address,
            headers: { authorization, ...body?.headers },
            ...body?.sent,
          })
          assert.ok([400, 403, 404].includes(status), `${method} ${address}: ${status}`)
        }
        const inTheirs = await attempt({
          method,
          path: fill(path, victim, missing),
          headers: { authorization },
        })
        const inNobodys = await attempt({
          method,
          path: fill(path, 'nobody', missing),
          headers: { authorization },
        })
        assert.deepEqual(seen(inTheirs, victim, missing), seen(inNobodys, 'nobody', missing))
      }
    })

    it('get nothing with another user’s id in a body', async () => {
      for (const { path, method, operation } of calls) {
        for (const body of bodiesOf(operation)) {
          if (body.value === undefined) continue
          for (const field of ['user_id', 'owner_id']) {
            const { body: own } = await api.call('POST', '/api/v1/tasks', {
              user: stranger,
              json: { title: 'own' },
            })
            const planted = JSON.stringify({ ...(body.value as object), [field]: victim })
            const address = fill(path, stranger, String(own.id))
            const { status } = await attempt({
              method,
              path: address,
              headers: { authorization, ...body.headers },
              body: planted,
            })
            assert.ok([400, 422].includes(status), `${method} ${path}: ${status}`)
          }
        }
      }
    })

    it('get nothing with an invalid token, on any route', async () => {
      for (const { path, method, operation } of calls) {
        const [body] = bodiesOf(operation)
        for (const [name, header] of someOf(Object.entries(badTokens(victim)), 10)) {
          const headers = { ...body?.headers, ...(header === undefined ? {} : { authorization: header }) }
          const address = fill(path, victim, String(theirs[0]?.id))
          const answer = await attempt({ method, path: address, headers, ...body?.sent })
          assert.equal(answer.status, 401, `${method} ${path} with ${name}`)
          assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
        }
      }
    })

    it('find nothing of another user in any list', async () => {
      const queries = [
        '',
        `?q=${secret}`,
        '?limit=1000',
        '?sort=title',
        `?user_id=${victim}`,
        `?owner_id=${victim}`,
        `?parent_id=${theirs[0]?.id}`,
      ]
      for (const { path, method, operation } of calls.filter(
        call => call.method === 'GET' && !item.test(call.path),
      )) {
        for (const query of queries) {
          const { status } = await attempt({
            method,
            path: fill(path, stranger, '') + query,
            headers: { authorization },
          })
          const name = query.slice(1).replace(/=.*/, '')
          const isKnown = name === '' || operation.parameters?.some(parameter => parameter.name === name)
          const isStrict = path.startsWith('/api/v1/') && !path.startsWith('/api/v1/todos')
          assert.equal(status, isKnown || !isStrict ? 200 : 422, `${path}${query}`)
        }
      }
    })

    // The last test: the previous ones must not have changed anything.
    it('have changed nothing of another user', async () => {
      assert.equal(await listOf(victim), untouched)
    })
  })
}

interface Body {
  readonly value: unknown
  readonly headers: Readonly<Record<string, string>>
  readonly sent: { readonly body?: string }
}

/** The example bodies of the OpenAPI document, or none. */
function bodiesOf({ requestBody }: OperationObject): Body[] {
  const bodies = Object.entries(requestBody?.content ?? {}).flatMap(([type, { examples = {} }]) =>
    Object.values(examples).map(({ value }) => ({
      value,
      headers: { 'content-type': type },
      sent: { body: JSON.stringify(value) },
    })),
  )
  return bodies.length > 0 ? bodies : [{ value: undefined, headers: {}, sent: {} }]
}

/** Conditional headers, also with values that only the owner of the task could know. */
function conditionsOf(revision: number): Readonly<Record<string, string>>[] {
  const tag = `"${revision}"`
  return [
    {},
    { 'if-match': tag },
    { 'if-match': '*' },
    { 'if-none-match': tag },
    { 'if-none-match': '*' },
    { 'idempotency-key': 'key-0' },
  ]
}

/** The path parameter that is the id of an item of a user. */
const item = /\{(?:id|list_id|item_id|webhook_id)\}/

function fill(path: string, user: string, id: string): string {
  return path
    .replace('{user_id}', user)
    .replace('{type}', 'task')
    .replace(item, id)
    .replace('{delivery_id}', `msg_${'a'.repeat(22)}`)
}

/** All of a response that a client sees, except its time and the address that it repeats. */
function seen({ status, headers, text }: Answer, user: string, id: string): { status: number } {
  const kept = [...headers].filter(([name]) => !['date', 'content-length', 'x-request-id'].includes(name))
  const told = text
    .replace(`/${user}/`, '/user/')
    .replace(`/${id}`, '/id')
    .replace(/"timestamp":"[^"]*"/, '')
  return Object.assign({ status }, { kept, told })
}
