import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import { type HalfSent, type Head, sendHalf } from './half-sent.ts'
import { operator } from './operator.ts'
import { behindProxy, newAddress, newPerson, newUserHere, type Person } from './person.ts'
import { newUser, type Served, tokenOf, twoReplicas, unlimited } from './served.ts'

// A body may take 20 s to arrive. None of it is written if its user is signed out meanwhile.

let api: Served
let other: Served
let close: () => Promise<void>
before(async () => {
  const settings = { ...behindProxy, ...unlimited }
  ;({ api, other, close } = await twoReplicas(settings, { ...settings, CONTRACT: 'stage-2' }))
})
after(() => close())

type Caller = Pick<Head, 'headers'>
const bearer = (token: string): Caller => ({ headers: { authorization: `Bearer ${token}` } })

/** Every kind of write with a token, half sent to both replicas. `task` is one of the user's. */
async function halfOfEverything(token: string, task: number, isPersonalToken = false): Promise<HalfSent[]> {
  const title = { title: 'written too late' }
  const text = { ...title, description: null }
  const caller = bearer(token)
  const heads = (contract: 'task-api' | 'stage-2', user: string): Omit<Head, 'headers'>[] => [
    { method: 'POST', path: '/api/v1/tasks', json: title },
    { method: 'PATCH', path: `/api/v1/tasks/${task}`, json: title },
    { method: 'DELETE', path: `/api/v1/tasks/${task}`, json: {} },
    { method: 'POST', path: '/api/v1/todos', json: title },
    { method: 'PUT', path: `/api/v1/todos/${task}`, json: { ...title, is_completed: true } },
    { method: 'POST', path: '/api/tasks', json: title },
    { method: 'POST', path: `/api/${user}/tasks`, json: title },
    contract === 'task-api'
      ? { method: 'PATCH', path: `/api/tasks/${task}/complete`, json: {} }
      : { method: 'PUT', path: `/api/tasks/${task}`, json: { ...text, complete: true } },
    { method: 'DELETE', path: `/api/tasks/${task}`, json: {} },
    ...(isPersonalToken
      ? []
      : [
          { method: 'POST', path: '/api/v1/tokens', json: { name: 'x', scopes: ['tasks:read'] } },
          { method: 'DELETE', path: '/api/v1/account', json: {} },
        ]),
  ]
  const user = await userOf(token)
  const replicas = [
    { url: api.server.url, contract: 'task-api' as const },
    { url: other.server.url, contract: other === api ? ('task-api' as const) : ('stage-2' as const) },
  ]
  const sent: HalfSent[] = []
  for (const { url, contract } of replicas) {
    for (const head of heads(contract, user)) {
      sent.push(await sendHalf(url, { ...head, ...caller }))
      if (head.method === 'DELETE' || !head.path.startsWith('/api/v1/tasks')) continue
      const headers = { ...caller.headers, 'idempotency-key': randomUUID() }
      sent.push(await sendHalf(url, { ...head, headers }))
    }
  }
  return sent
}

async function userOf(token: string): Promise<string> {
  const { body } = await api.call('POST', '/api/tasks', { token, json: { title: 'whose' } })
  await api.call('DELETE', `/api/tasks/${body.id}`, { token })
  return body.user_id
}

const newTask = async (token: string): Promise<number> =>
  (await api.call('POST', '/api/v1/tasks', { token, json: { title: 'before' } })).body.id

const newToken = async (token: string): Promise<{ id: number; token: string }> => {
  const json = { name: 'script', scopes: ['tasks:read', 'tasks:write'] }
  return (await api.call('POST', '/api/v1/tokens', { token, json })).body
}

/** The stored amounts of a user. */
async function stored(user: string) {
  const { db } = api.server
  const count = async (text: string) => Number((await db.query(unprepared(text), [user]))[0]?.[0] ?? 0)
  return {
    revision: await count('select revision from duly.owners where id = $1'),
    tasks: await count('select count(*) from duly.tasks where user_id = $1'),
    keys: await count('select count(*) from duly.keys where user_id = $1'),
  }
}

/** Resolves when both replicas reject this token. */
async function refused(token: string): Promise<void> {
  for (const replica of [api, other]) {
    while ((await replica.call('GET', '/api/v1/tasks', { token })).status !== 401) await pause(20)
  }
}

/** Completes half-sent requests after both replicas know of `act`: all must be rejected. */
async function nothingLands(
  person: { id: string },
  token: string,
  sent: HalfSent[],
  act: () => Promise<unknown>,
) {
  await act()
  await refused(token)
  const before = await stored(person.id)
  const statuses = await Promise.all(sent.map(async half => [half.name, await half.finish()]))
  assert.deepEqual(
    statuses.filter(([, status]) => status !== 401),
    [],
  )
  assert.deepEqual(await stored(person.id), before)
}

async function resetPassword({ email }: Person): Promise<void> {
  const stranger = newPerson(api)
  const asked = await stranger.auth('POST', '/request-password-reset', { email, redirectTo: '/docs' })
  assert.equal(asked.status, 200)
  const link = () =>
    api.lines
      .map(line => /reset-password(?:\/|\?token=)([\w-]+)/.exec(JSON.stringify(line))?.[1])
      .findLast(Boolean)
  const token = link()
  const { status, text } = await stranger.auth('POST', '/reset-password', {
    newPassword: 'a new password',
    token,
  })
  assert.equal(status, 200, text)
}

type Acts = Readonly<Record<string, (person: Person & { id: string }) => Promise<unknown>>>
const acts: Acts = {
  'signs out': person => person.auth('POST', '/sign-out'),
  'signs out everywhere': person => person.auth('POST', '/revoke-sessions'),
  'chooses a new password by email': person => resetPassword(person),
  'is signed out by the operator': ({ id }) => operator(api, ['user', 'sign-out', id]),
  'is disabled': ({ id }) => operator(api, ['user', 'disable', id]),
  'is removed by the operator': ({ id }) => operator(api, ['user', 'remove', id, '--yes']),
  'removes the account': person => person.auth('POST', '/delete-user', { password: person.password }),
}

describe('a half-sent request writes nothing if its user', () => {
  for (const [name, act] of Object.entries(acts)) {
    it(`${name}, with the token of a session`, async () => {
      const person = await newUserHere(api)
      const token = await person.token()
      const sent = await halfOfEverything(token, await newTask(token))
      await nothingLands(person, token, sent, () => act(person))
      const { db } = api.server
      const tokens = await db.query(unprepared('select from duly.access_tokens where user_id = $1'), [
        person.id,
      ])
      assert.equal(tokens.length, 0)
    })
  }

  for (const name of [
    'chooses a new password by email',
    'is signed out by the operator',
    'is disabled',
    'is removed by the operator',
    'removes the account',
  ]) {
    it(`${name}, with a personal access token`, async () => {
      const person = await newUserHere(api)
      const session = await person.token()
      const { token } = await newToken(session)
      const sent = await halfOfEverything(token, await newTask(session), true)
      await nothingLands(person, token, sent, () => acts[name]?.(person) ?? Promise.resolve())
    })
  }

  it('revokes the personal access token', async () => {
    const person = await newUserHere(api)
    const session = await person.token()
    const { token, id } = await newToken(session)
    const sent = await halfOfEverything(token, await newTask(session), true)
    await nothingLands(person, token, sent, () =>
      api.call('DELETE', `/api/v1/tokens/${id}`, { token: session }),
    )
  })

  it('is disabled and enabled again, after which new requests succeed', async () => {
    const user = newUser()
    const token = tokenOf(user)
    const sent = await halfOfEverything(token, await newTask(token))
    await operator(api, ['user', 'disable', user, '--other-issuer'])
    await refused(token)
    await operator(api, ['user', 'enable', user, '--other-issuer'])
    for (const replica of [api, other])
      while ((await replica.call('GET', '/api/v1/tasks', { token })).status !== 200) await pause(20)
    const before = await stored(user)
    for (const half of sent) assert.equal(await half.finish(), 401, half.name)
    assert.deepEqual(await stored(user), before)
  })

  it('belongs to another issuer and is disabled', async () => {
    const user = newUser()
    const token = tokenOf(user)
    const sent = await halfOfEverything(token, await newTask(token))
    await nothingLands({ id: user }, token, sent, () =>
      operator(api, ['user', 'disable', user, '--other-issuer']),
    )
  })

  it('belongs to another issuer and deletes all data, after which new requests succeed', async () => {
    const user = newUser()
    const token = tokenOf(user)
    const sent = await halfOfEverything(token, await newTask(token))
    assert.equal((await api.call('DELETE', '/api/v1/account', { token })).status, 204)
    for (const half of sent) assert.equal(await half.finish(), 401, half.name)
    assert.deepEqual(await stored(user), { revision: 0, tasks: 0, keys: 0 })
    assert.equal((await api.call('GET', '/api/v1/tasks', { token })).status, 200)
  })

  it('has a session token, and the operator rotates all signing keys with --now', async () => {
    const person = await newUserHere(api)
    const token = await person.token()
    const sent = await halfOfEverything(token, await newTask(token))
    await nothingLands(person, token, sent, () => operator(api, ['keys', 'rotate', '--now']))
  })
})

describe('half-sent requests to account routes', () => {
  const calls: Record<string, object> = {
    'update-user': { name: 'Changed too late' },
    'change-password': { currentPassword: 'correct horse battery', newPassword: 'staple battery horse' },
    'change-email': { newEmail: `late-${randomUUID()}@example.com` },
    'two-factor/enable': { password: 'correct horse battery' },
    'delete-user': { password: 'correct horse battery' },
  }
  for (const name of [
    'signs out',
    'chooses a new password by email',
    'is signed out by the operator',
    'is disabled',
  ]) {
    it(`change nothing if the user ${name}`, async () => {
      const person = await newUserHere(api)
      const cookie = [...person.cookies].map(([key, value]) => `${key}=${value}`).join('; ')
      const headers = { cookie, origin: 'http://localhost:3000', 'x-forwarded-for': newAddress() }
      const sent: HalfSent[] = []
      for (const url of [api.server.url, other.server.url])
        for (const [path, json] of Object.entries(calls))
          sent.push(await sendHalf(url, { method: 'POST', path: `/api/auth/${path}`, headers, json }))
      await acts[name]?.(person)
      const state = `select "user".name, "user".email, "twoFactorEnabled", password
        from duly."user" join duly.account on "userId" = "user".id where "user".id = $1`
      const before = await api.server.db.query(unprepared(state), [person.id])
      assert.equal(before.length, 1)
      for (const half of sent) {
        const status = await half.finish()
        assert.ok([401, 403].includes(status), `${half.name}: ${status}`)
      }
      assert.deepEqual(await api.server.db.query(unprepared(state), [person.id]), before)
    })
  }
})
