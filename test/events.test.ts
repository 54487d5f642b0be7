import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { described } from './described.ts'
import { type EventSource, openEvents, type ReceivedEvent } from './event-source.ts'
import { operator } from './operator.ts'
import { newUser, onPostgres, type Served, tokenOf, twoReplicas, unlimited } from './served.ts'

const tasks = '/api/v1/tasks'
const maxStreams = 20
let both: Awaited<ReturnType<typeof twoReplicas>>
let api: Served
const opened: EventSource[] = []
before(async () => {
  both = await twoReplicas(unlimited)
  api = both.api
})
after(async () => {
  for (const stream of opened) stream.close()
  await both.close()
})

async function open(options: Parameters<typeof openEvents>[1], at: Served = api): Promise<EventSource> {
  const stream = await openEvents(at.server.url, options)
  opened.push(stream)
  return stream
}

async function create(user: string, title = 'a task', at: Served = api) {
  const { status, body } = await at.call('POST', tasks, { user, json: { title } })
  assert.equal(status, 201)
  return body
}

const names = ({ events }: EventSource) => events.map(({ event }) => event)
const ids = ({ events }: EventSource) => events.map(({ id }) => id)
const sql = (text: string, values: (string | number)[] = []) => api.server.db.query(unprepared(text), values)

describe('a stream of events', () => {
  it('reports each change as it happens: what changed, who changed it, and the next position', async () => {
    const user = newUser()
    const { body: script } = await api.call('POST', '/api/v1/tokens', {
      user,
      json: { name: 'script', scopes: ['tasks:read', 'tasks:write'] },
    })
    const stream = await open({ user })
    assert.equal(stream.status, 200)
    assert.equal(stream.headers['content-type'], 'text/event-stream; charset=utf-8')
    assert.equal(stream.headers['x-accel-buffering'], 'no')
    assert.match(String(stream.headers['cache-control']), /no-store, no-transform/)
    assert.match(stream.text(), /^retry: 2000\nid: [\w-]+\nevent: ready\ndata: \{\}\n\n$/)
    const made = await create(user, 'Two\nlines')
    const change = (json: object) =>
      api.call('PATCH', `${tasks}/${made.id}`, { token: script.token, json }).then(({ body }) => body)
    await stream.until(() => stream.events.length === 1)
    const { change: name, by, ...rest } = (stream.events[0] as ReceivedEvent).data
    assert.deepEqual(rest, { type: 'task', id: made.id, deleted: false, task: made })
    assert.deepEqual(by, { kind: 'issuer', name: null })
    assert.ok(name.length > 8)
    await change({ title: 'b' })
    await change({ is_completed: true })
    const last = await change({ is_completed: false })
    await stream.until(() => stream.events.length === 4)
    assert.deepEqual(stream.events.at(-1)?.data.task, last)
    assert.deepEqual(stream.events.at(-1)?.data.by, { kind: 'token', name: 'script' })
    await api.call('DELETE', `${tasks}/${made.id}`, { user })
    await stream.until(() => stream.events.length === 5)
    const { validate } = described('task-api')
    for (const { data } of stream.events)
      assert.equal(validate(['components', 'schemas', 'Event'], data), undefined)
    const expected = ['created', 'updated', 'completed', 'reopened', 'deleted'].map(
      action => `task.${action}`,
    )
    assert.deepEqual(names(stream), expected)
    assert.deepEqual(stream.events[4]?.data.deleted, true)
    assert.equal(new Set(ids(stream)).size, 5)
    // Each id is also a position of `/changes`.
    for (const [n, { id }] of stream.events.entries()) {
      const { body } = await api.call('GET', `/api/v1/changes?since=${id}`, { user })
      assert.equal(body.changes.length, n < 4 ? 1 : 0)
    }
  })

  it('resumes another stream at any replica, without loss or repetition', async () => {
    const user = newUser()
    const whole = await open({ user })
    const start = whole.lastId()
    for (let n = 0; n < 3; n += 1) await create(user, `task ${n}`)
    await whole.until(() => whole.events.length === 3)
    const resumed = [
      await open({ user, query: `?since=${start}` }, both.other),
      await open({ user, headers: { 'last-event-id': start }, query: `?since=${whole.lastId()}` }),
      await open({ user, headers: { 'last-event-id': ids(whole)[0] as string } }),
      await open({ user, query: `?since=${whole.lastId()}` }),
    ]
    for (let n = 3; n < 6; n += 1) await create(user, `task ${n}`, n % 2 === 0 ? api : both.other)
    await whole.until(() => whole.events.length === 6)
    for (const [n, from] of [0, 0, 1, 3].entries()) {
      const stream = resumed[n] as EventSource
      await stream.until(() => stream.events.length === 6 - from)
      assert.deepEqual(ids(stream), ids(whole).slice(from))
      assert.equal(stream.text().match(/event: ready/g)?.length, 1)
    }
  })

  it('resumes within a change of many items', async () => {
    const user = newUser()
    const { body: list } = await api.call('POST', '/api/v1/lists', { user, json: { name: 'a' } })
    for (let n = 0; n < 4; n += 1) {
      const operation = { op: 'create', task: { title: 'a task', list_id: list.id } }
      const json = { operations: Array.from({ length: 100 }, () => operation) }
      assert.equal((await api.call('POST', '/api/v1/batch', { user, json })).status, 200)
    }
    const count = 401
    const stream = await open({ user })
    await api.call('DELETE', `/api/v1/lists/${list.id}`, { user })
    await stream.until(() => stream.events.length === count)
    assert.deepEqual(new Set(names(stream)), new Set(['task.deleted', 'list.deleted']))
    assert.equal(new Set(stream.events.map(({ data }) => data.change)).size, 1)
    const middle = await open({ user, query: `?since=${ids(stream)[123]}` })
    await middle.until(() => middle.events.length === count - 124)
    assert.deepEqual(ids(middle), ids(stream).slice(124))
  })

  it('reports that a client must read everything again, and continues from the present', async () => {
    const user = newUser()
    await create(user)
    const early = await open({ user })
    await sql('update duly.owners set epoch = epoch + 1 where id = $1', [user])
    const stream = await open({ user, query: `?since=${early.lastId()}` })
    await stream.until(() => stream.events.length === 1)
    assert.deepEqual(names(stream), ['reset'])
    const position = stream.lastId()
    assert.equal((await api.call('GET', `/api/v1/changes?since=${position}`, { user })).status, 200)
    await create(user)
    await stream.until(() => stream.events.length === 2)
    assert.equal(stream.events[1]?.event, 'task.created')
  })

  it('is rejected for an invalid position, a body, or more streams than a user may have', async () => {
    const [user, other] = [newUser(), newUser()]
    await create(user)
    await create(user)
    const { body } = await api.call('GET', '/api/v1/changes', { user: other })
    const first = (await api.call('GET', '/api/v1/changes?limit=1', { user })).body.next
    for (const query of [`?since=${body.next}`, `?since=${first}`, '?since=x', '?sinse=x']) {
      assert.equal((await open({ user, query })).status, 422, query)
    }
    const streams = []
    for (let n = 0; n < maxStreams; n += 1) streams.push(await open({ user }))
    const refused = await open({ user })
    assert.equal(refused.status, 429)
    assert.ok(Number(refused.headers['retry-after']) > 0)
    const waiting = await api.call('GET', `/api/v1/changes?wait=1&since=${streams[0]?.lastId()}`, { user })
    assert.equal(waiting.status, 429)
    assert.equal((await open({ user: other })).status, 200)
    streams[0]?.close()
    let again = await open({ user })
    while (again.status === 429) again = await open({ user })
    assert.equal(again.status, 200)
  })

  // A stream waits for its client in the same way on both databases.
  if (onPostgres) {
    it('is closed if the client does not read, and can be resumed', async () => {
      const user = newUser()
      const slow = await open({ user })
      const start = slow.lastId()
      slow.response.pause()
      // 60 KB each: in total 9 MB, more than socket buffers hold.
      const text = '€'.repeat(20_000)
      const count = 150
      const operation = { op: 'create', task: { title: 'a task', description: text } }
      for (let n = 0; n < count; n += 10) {
        const operations = Array.from({ length: 10 }, () => operation)
        assert.equal((await api.call('POST', '/api/v1/batch', { user, json: { operations } })).status, 200)
      }
      // Unread events stay in the log, not in memory.
      const most = Math.max(...waitingBytes())
      assert.ok(most < 1024 * 1024, `${most} bytes wait`)
      slow.response.resume()
      await slow.until(() => slow.events.length === count)
      const other = await open({ user, query: `?since=${start}` })
      await other.until(() => other.events.length === count)
      assert.deepEqual(ids(other), ids(slow))
    })
  }
})

/** Unsent bytes of all connections of this process, which includes the server. */
function waitingBytes(): number[] {
  const process_ = process as unknown as { _getActiveHandles(): { writableLength?: number }[] }
  return process_._getActiveHandles().map(({ writableLength = 0 }) => writableLength)
}

describe('a stream of events with an invalid token', () => {
  it('ends when the token expires or is revoked, or its user is disabled', async () => {
    const user = newUser()
    const { body: script } = await api.call('POST', '/api/v1/tokens', {
      user,
      json: { name: 'script', scopes: ['tasks:read'] },
    })
    const short = tokenOf(user, { exp: Math.floor(Date.now() / 1000) + 2 })
    const waiting = api.call('GET', `/api/v1/changes?wait=60&since=${await positionOf(user)}`, {
      token: tokenOf(user, { exp: Math.floor(Date.now() / 1000) + 2 }),
    })
    const [own, expiring, revoked] = [
      await open({ user }),
      await open({ token: short }),
      await open({ token: script.token }),
    ]
    assert.equal(revoked.status, 200)
    await api.call('DELETE', `/api/v1/tokens/${script.id}`, { user })
    await Promise.all([expiring.ended, revoked.ended])
    assert.equal((await waiting).status, 401)
    await create(user)
    await own.until(() => own.events.length === 1)
    assert.deepEqual([expiring.events, revoked.events], [[], []])
    await operator(api, ['user', 'disable', user, '--other-issuer'])
    await own.ended
  })

  const positionOf = async (user: string) => (await api.call('GET', '/api/v1/changes', { user })).body.next
})

describe('a ticket', () => {
  const ticketOf = async (call: { user?: string; token?: string }, at: Served = api) => {
    const { status, body, headers } = await at.call('POST', '/api/v1/events/ticket', call)
    assert.equal(status, 200)
    assert.deepEqual([body.expires_in, headers.get('cache-control')], [60, 'no-store'])
    return body.ticket as string
  }
  const with_ = (ticket: string, at: Served = api) => open({ query: `?ticket=${ticket}` }, at)

  it('opens one stream, at any replica, and nothing else', async () => {
    const user = newUser()
    const ticket = await ticketOf({ user })
    const calls = await Promise.all([with_(ticket), with_(ticket, both.other), with_(ticket)])
    assert.deepEqual(calls.map(({ status }) => status).sort(), [200, 401, 401])
    const stream = calls.find(({ status }) => status === 200) as EventSource
    await create(user)
    await stream.until(() => stream.events.length === 1)
    assert.equal((await with_(ticket)).status, 401)
    const unused = await ticketOf({ user })
    for (const path of ['/api/v1/changes', '/api/v1/tasks', '/api/v1/export'])
      assert.equal((await api.call('GET', `${path}?ticket=${unused}`)).status, 401, path)
    for (const wrong of ['', 'x', `${unused}x`, unused.toUpperCase()])
      assert.equal((await with_(wrong)).status, 401)
    assert.equal((await with_(unused)).status, 200)
    const [row] = await sql('select count(*) from duly.tickets where user_id = $1', [user])
    assert.equal(row?.[0], '0')
  })

  it('is stored as a hash, and expires after a minute', async () => {
    const user = newUser()
    const ticket = await ticketOf({ user })
    const hash = createHash('sha256').update(ticket).digest('base64url')
    const rows = await sql('select hash, tickets::text from duly.tickets where user_id = $1', [user])
    assert.deepEqual(
      rows.map(([stored]) => stored),
      [hash],
    )
    assert.ok(!rows[0]?.[1]?.includes(ticket))
    await sql(`update duly.tickets set expires_at = now() where user_id = $1`, [user])
    assert.equal((await with_(ticket)).status, 401)
    await ticketOf({ user })
    assert.equal((await sql('select from duly.tickets where user_id = $1', [user])).length, 1)
  })

  it('needs the scope to read, and ends with the token that created it', async () => {
    const user = newUser()
    const newToken = async (scopes: string[]) =>
      (await api.call('POST', '/api/v1/tokens', { user, json: { name: 'a', scopes } })).body
    const writer = await newToken(['tasks:write'])
    const refused = await api.call('POST', '/api/v1/events/ticket', { token: writer.token })
    assert.deepEqual([refused.status, refused.body.code], [403, 'insufficient_scope'])
    const reader = await newToken(['tasks:read'])
    const [first, second] = [await ticketOf({ token: reader.token }), await ticketOf({ token: reader.token })]
    const stream = await with_(first)
    assert.equal(stream.status, 200)
    await api.call('DELETE', `/api/v1/tokens/${reader.id}`, { user })
    await stream.ended
    assert.equal((await with_(second)).status, 401)
  })

  it('can be used by a page of an origin in CORS_ORIGINS', async () => {
    const ticket = await ticketOf({ user: newUser() })
    const stream = await open({ query: `?ticket=${ticket}`, headers: { origin: 'http://localhost:3000' } })
    assert.equal(stream.headers['access-control-allow-origin'], 'http://localhost:3000')
    const cookie = await open({ headers: { cookie: 'better-auth.session_token=x' } })
    assert.equal(cookie.status, 401)
  })
})

// Must be the last test, since it stops the server.
describe('at shutdown', () => {
  it('streams and waiting requests end, and no connection remains open', async () => {
    const user = newUser()
    const stream = await open({ user }, both.other)
    const waiting = both.other.call('GET', `/api/v1/changes?wait=60&since=${stream.lastId()}`, { user })
    await once(stream.response, 'data', { signal: AbortSignal.timeout(1) }).catch(() => {})
    both.other.server.announceStop()
    await stream.ended
    assert.equal((await waiting).status, 200)
    const late = await open({ user }, both.other)
    assert.equal(late.status, 200)
    await late.ended
  })
})
