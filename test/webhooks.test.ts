import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import { pruneDeliveries, trimDeliveries } from '../server/sync/webhooks/deliveries.ts'
import { tasksOf } from '../server/tasks/tasks.ts'
import { operator } from './operator.ts'
import { accept, type Received, type Receiver, receiver } from './receiver.ts'
import { newUser, type Served, twoReplicas, unlimited } from './served.ts'

// Webhooks, with a receiver that verifies every message.

const path = '/api/v1/webhooks'
const tasks = '/api/v1/tasks'
const settings = { ...unlimited, WEBHOOK_PRIVATE_NETWORKS: '127.0.0.0/8' }
let both: Awaited<ReturnType<typeof twoReplicas>>
let api: Served
const receivers: Receiver[] = []
before(async () => {
  both = await twoReplicas(settings)
  api = both.api
})
after(async () => {
  await both.close()
  for (const one of receivers) await one.close()
})

const sql = (text: string, values: (string | number)[] = []) => api.server.db.query(unprepared(text), values)

async function create(user: string, json: object = {}) {
  const to = await receiver()
  receivers.push(to)
  const { status, body, headers } = await api.call('POST', path, {
    user,
    json: { url: to.url, events: ['*'], ...json },
  })
  assert.equal(status, 201, JSON.stringify(body))
  to.secret = body.secret
  return { to, hook: body, at: `${path}/${body.id}`, headers }
}

async function write(user: string, title = 'a task', at: Served = api) {
  const { status, body } = await at.call('POST', tasks, { user, json: { title } })
  assert.equal(status, 201)
  return body
}

/** Repeats a read until the condition is true. */
async function eventually<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await read()
    if (holds(value)) return value
    await pause(20)
  }
}

const deliveriesOf = async (user: string, at: string) =>
  (await api.call('GET', `${at}/deliveries?limit=1000`, { user })).body.deliveries
/** Makes a retry due, in the clock of the database. */
async function retryNow(user: string, at: string) {
  await sql('update duly.webhooks set retry_at = now() where user_id = $1', [user])
  await sql('update duly.jobs set due_at = now() where user_id = $1', [user])
  // Changes nothing, and makes this server look for jobs.
  assert.equal((await api.call('PATCH', at, { user, json: {} })).status, 200)
}
/** Seconds until the retry, once the failure is recorded. */
async function pauseOf(user: string, failures: number) {
  const text =
    'select failures, extract(epoch from retry_at - now()), (select max(attempts) from duly.deliveries where user_id = $1) from duly.webhooks where user_id = $1'
  const [row] = await eventually(
    () => sql(text, [user]),
    ([found]) => Number(found?.[0]) === failures,
  )
  return Number(row?.[1])
}
const refuse =
  (status: number): Receiver['answer'] =>
  (_message, response) =>
    response.writeHead(status, { location: '/elsewhere' }).end('no')
const types = ({ received }: Receiver) => received.map(({ body }) => body.type)
const ids = (received: readonly Received[]) => received.map(({ id }) => id)

describe('a webhook', () => {
  it('is created, read, changed and deleted; its secret is returned once, and stored encrypted', async () => {
    const user = newUser()
    const { hook, at, headers } = await create(user, { description: 'mine' })
    const { secret, ...rest } = hook
    assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
    assert.equal(headers.get('location'), at)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.deepEqual(rest.events, ['*'])
    assert.deepEqual((await api.call('GET', at, { user })).body, rest)
    assert.deepEqual((await api.call('GET', path, { user })).body, { webhooks: [rest], next_cursor: null })
    const json = { events: ['list.*'], description: null, is_active: false, id: hook.id }
    const { body: changed } = await api.call('PATCH', at, { user, json })
    assert.deepEqual(changed, { ...rest, ...json, updated_at: changed.updated_at })
    const stored = JSON.stringify(await sql('select * from duly.webhooks where user_id = $1', [user]))
    assert.ok(!stored.includes(secret) && !stored.includes(secret.slice(6)))
    assert.equal((await api.call('DELETE', at, { user })).status, 204)
    assert.equal((await api.call('GET', at, { user })).body.code, 'webhook_not_found')
  })

  it('gets no more messages once it is deleted, even during a delivery', async () => {
    const user = newUser()
    const { to, at } = await create(user, { is_active: false })
    const operations = Array.from({ length: 10 }, (_, n) => ({ op: 'create', task: { title: `${n}` } }))
    to.answer = async (_message, response) => {
      await api.call('DELETE', at, { user })
      response.writeHead(204).end()
    }
    await api.call('PATCH', at, { user, json: { is_active: true } })
    await api.call('POST', '/api/v1/batch', { user, json: { operations } })
    await eventually(
      () => sql("select 1 from duly.jobs where user_id = $1 and id like 'webhook-%'", [user]),
      rows => to.received.length > 0 && rows.length === 0,
    )
    assert.equal(to.received.length, 1)
  })

  it('is rejected with the invalid fields', async () => {
    const user = newUser()
    const url = 'https://example.com/'
    for (const [json, field] of [
      [{ events: ['*'] }, 'url'],
      [{ url }, 'events'],
      [{ url, events: [] }, 'events'],
      [{ url, events: ['task.made'] }, 'events'],
      [{ url, events: 'task.*' }, 'events'],
      [{ url, events: ['*', '*'] }, 'events'],
      [{ url: `${url}${'a'.repeat(2000)}`, events: ['*'] }, 'url'],
      [{ url: 'https://10.0.0.1/', events: ['*'] }, 'url'],
      [{ url, events: ['*'], secret: 'whsec_mine' }, 'secret'],
      [{ url, events: ['*'], is_active: 'yes' }, 'is_active'],
    ] as const) {
      const { status, body } = await api.call('POST', path, { user, json })
      assert.deepEqual(
        [status, body.errors?.map(({ pointer }: { pointer: string }) => pointer)],
        [422, [`#/${field}`]],
        JSON.stringify(json),
      )
    }
    const headers = { 'idempotency-key': 'k' }
    const keyed = await api.call('POST', path, { user, json: { url, events: ['*'] }, headers })
    assert.deepEqual([keyed.status, keyed.body.errors[0].header], [422, 'Idempotency-Key'])
    assert.deepEqual((await api.call('GET', path, { user })).body.webhooks, [])
  })

  it('is limited to 20 per user, also for concurrent requests', async () => {
    const user = newUser()
    const json = { url: 'https://example.com/', events: ['*'] }
    const made = await Promise.all(Array.from({ length: 24 }, () => api.call('POST', path, { user, json })))
    const refused = made.filter(({ status }) => status !== 201)
    assert.deepEqual(
      refused.map(({ status, body }) => [status, body.code]),
      Array.from({ length: 4 }, () => [409, 'too_many_webhooks']),
    )
  })

  it('needs the scope `account`, which suffices for the responses of writes', async () => {
    const user = newUser()
    const tokenWith = async (scopes: string[]) =>
      (await api.call('POST', '/api/v1/tokens', { user, json: { name: 'a', scopes } })).body.token
    const { at } = await create(user)
    const token = await tokenWith(['tasks:read', 'tasks:write'])
    for (const method of ['GET', 'PATCH', 'DELETE'])
      assert.equal((await api.call(method, at, { token })).body.code, 'insufficient_scope')
    const account = await tokenWith(['account'])
    const headers = { 'idempotency-key': 'k' }
    for (let n = 0; n < 2; n += 1) {
      const changed = await api.call('PATCH', at, { token: account, json: { events: ['task.*'] }, headers })
      assert.deepEqual([changed.status, changed.body.events], [200, ['task.*']])
      assert.equal(changed.headers.get('idempotent-replayed'), n === 0 ? null : 'true')
    }
    assert.equal((await api.call('POST', `${at}/test`, { token: account })).status, 202)
  })

  it('cannot be created with a token that was just revoked at another replica', async () => {
    const user = newUser()
    const json = { name: 'a', scopes: ['account'] }
    const { body: script } = await api.call('POST', '/api/v1/tokens', { user, json })
    const { token } = script
    assert.equal((await api.call('GET', path, { token })).status, 200)
    await both.other.call('DELETE', `/api/v1/tokens/${script.id}`, { user })
    const hook = { url: 'https://example.com/', events: ['*'] }
    assert.equal((await api.call('POST', path, { token, json: hook })).status, 401)
    assert.deepEqual((await api.call('GET', path, { user })).body.webhooks, [])
  })

  it('of another user appears not to exist, nor do its deliveries', async () => {
    const [ann, bob] = [newUser('ann'), newUser('bob')]
    const { to, at } = await create(ann)
    await write(ann)
    await to.until(({ received }) => received.length === 1)
    const [delivery] = await eventually(
      () => deliveriesOf(ann, at),
      ([one]) => one?.status === 'succeeded',
    )
    const own = await create(bob)
    for (const [method, place, code] of [
      ['GET', at, 'webhook_not_found'],
      ['PATCH', at, 'webhook_not_found'],
      ['DELETE', at, 'webhook_not_found'],
      ['POST', `${at}/test`, 'webhook_not_found'],
      ['POST', `${at}/secret`, 'webhook_not_found'],
      ['GET', `${at}/deliveries`, 'webhook_not_found'],
      ['POST', `${at}/deliveries/${delivery.id}/redeliver`, 'webhook_not_found'],
      ['POST', `${own.at}/deliveries/${delivery.id}/redeliver`, 'delivery_not_found'],
      ['POST', `${own.at}/deliveries/x/redeliver`, 'delivery_not_found'],
    ] as const) {
      const { status, body } = await api.call(method, place, {
        user: bob,
        ...(method === 'PATCH' ? { json: {} } : {}),
      })
      assert.deepEqual([status, body.code], [404, code], `${method} ${place}`)
    }
    assert.equal(to.received.length, 1)
  })
})

describe('an event', () => {
  it('is sent to each webhook that subscribes to it, signed, with the data of a stream', async () => {
    const user = newUser()
    const all = await create(user)
    const lists = await create(user, { events: ['list.*', 'settings.updated'] })
    const made = await write(user, 'Ärger')
    await api.call('PATCH', `${tasks}/${made.id}`, { user, json: { is_completed: true } })
    await api.call('POST', '/api/v1/lists', { user, json: { name: 'a' } })
    await api.call('PATCH', '/api/v1/settings', { user, json: { week_start: 'sunday' } })
    const expected = ['task.created', 'task.completed', 'list.created', 'settings.updated']
    await all.to.until(({ received }) => received.length === 4)
    await lists.to.until(({ received }) => received.length === 2)
    assert.deepEqual(types(all.to), expected)
    assert.deepEqual(types(lists.to), expected.slice(2))
    assert.deepEqual([all.to.forged, lists.to.forged], [[], []])
    const [first] = all.to.received
    const { by, change, task, ...data } = (first as Received).body.data
    assert.deepEqual(data, { type: 'task', id: made.id, deleted: false })
    assert.deepEqual([task.title, by, typeof change], ['Ärger', { kind: 'issuer', name: null }, 'string'])
    assert.match(first?.body.timestamp, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    assert.equal(first?.headers['content-type'], 'application/json; charset=utf-8')
    const log = await eventually(
      () => deliveriesOf(user, all.at),
      list => list.length === 4,
    )
    assert.deepEqual(log.map(({ event }: { event: string }) => event).reverse(), expected)
    assert.deepEqual(log.map(({ id }: { id: string }) => id).reverse(), ids(all.to.received))
    for (const { status, attempts, response_status, error } of log)
      assert.deepEqual([status, attempts, response_status, error], ['succeeded', 1, 204, null])
  })
})

describe('a delivery that fails', () => {
  it('is repeated with the same id after 5 s and growing delays, and the later events wait', async () => {
    const user = newUser()
    const { to, at } = await create(user)
    to.answer = refuse(500)
    await write(user, 'one')
    assert.ok((await pauseOf(user, 1)) <= 5.5)
    await write(user, 'two')
    const [first] = to.received
    for (let failures = 2; failures < 6; failures += 1) {
      if (failures === 3) to.answer = (_message, _response, request) => request.socket.resetAndDestroy()
      await retryNow(user, at)
      const seconds = await pauseOf(user, failures)
      const most = 5 * 2 ** (failures - 1)
      assert.ok(seconds > most / 2 && seconds <= most * 1.1, `${seconds} s after ${failures} failures`)
    }
    assert.deepEqual(new Set(ids(to.received)), new Set([first?.id]))
    const [waiting] = await deliveriesOf(user, at)
    assert.deepEqual([waiting.status, waiting.attempts, waiting.error], ['retrying', 5, 'connection_failed'])
    to.answer = accept
    await retryNow(user, at)
    await to.until(({ received }) => received.some(({ body }) => body.data.task.title === 'two'))
    assert.equal(new Set(ids(to.received)).size, 2)
    const log = await eventually(
      () => deliveriesOf(user, at),
      ([last, before]) => last?.status === 'succeeded' && before?.status === 'succeeded',
    )
    assert.deepEqual([log[0].attempts, log[1].attempts], [1, 6])
  })

  it('includes a redirect, which is not followed', async () => {
    const user = newUser()
    const { to, at } = await create(user)
    to.answer = refuse(307)
    await write(user)
    await pauseOf(user, 1)
    const [one] = await deliveriesOf(user, at)
    assert.deepEqual([one.response_status, to.received.length, to.forged], [307, 1, []])
  })

  it('deactivates the webhook after three days; when activated, it continues where it stopped', async () => {
    const user = newUser()
    const { to, at } = await create(user)
    to.answer = refuse(503)
    await write(user, 'one')
    await pauseOf(user, 1)
    await sql(`update duly.webhooks set failing_since = now() - interval '73 hours' where user_id = $1`, [
      user,
    ])
    await retryNow(user, at)
    const read = async () => (await api.call('GET', at, { user })).body
    const disabled = await eventually(read, ({ is_active }) => !is_active)
    assert.equal(disabled.disabled_reason, 'failing')
    assert.equal((await deliveriesOf(user, at))[0].status, 'failed')
    await eventually(
      () => sql('select has_webhooks from duly.owners where id = $1', [user]),
      ([row]) => row?.[0] === 'f',
    )
    await write(user, 'two')
    to.answer = accept
    const before = to.received.length
    const { body } = await api.call('PATCH', at, { user, json: { is_active: true } })
    assert.deepEqual([body.is_active, body.disabled_reason], [true, null])
    await to.until(({ received }) => received.length === before + 2)
    assert.deepEqual(
      to.received.slice(before).map(({ body }) => body.data.task.title),
      ['one', 'two'],
    )
  })

  it('deactivates the webhook at once if the receiver returns 410', async () => {
    const user = newUser()
    const { to, at } = await create(user)
    to.answer = refuse(410)
    await write(user)
    const read = async () => (await api.call('GET', at, { user })).body
    assert.equal((await eventually(read, ({ is_active }) => !is_active)).disabled_reason, 'gone')
    assert.equal(to.received.length, 1)
  })

  it('of one user delays no other user, however many receivers hang', async () => {
    const [ann, bob] = [newUser(), newUser()]
    const hanging: Awaited<ReturnType<typeof create>>[] = []
    for (let n = 0; n < 6; n += 1) hanging.push(await create(ann))
    for (const { to } of hanging) to.answer = () => {}
    await write(ann)
    const arrived = () => hanging.filter(({ to }) => to.received.length > 0).length
    const busy = () =>
      sql('select count(*) from duly.jobs where user_id = $1 and leased_until > now()', [ann])
    await eventually(busy, ([row]) => Number(row?.[0]) >= 4)
    const { to } = await create(bob)
    await write(bob)
    await to.until(({ received }) => received.length === 1)
    // Four at a time in each process.
    assert.ok(arrived() <= (both.other === api ? 4 : 6), `${arrived()}`)
    for (const { to } of hanging) await to.close()
  })
})

describe('the messages of a webhook', () => {
  it('arrive once and in order if nothing fails, from writes at two replicas', async () => {
    const user = newUser()
    const { to } = await create(user)
    let atOnce = 0
    to.answer = (_message, response) => {
      atOnce += 1
      assert.equal(atOnce, 1)
      setImmediate(() => {
        atOnce -= 1
        response.writeHead(200).end('ok')
      })
    }
    const { id } = await write(user, '0')
    for (let n = 1; n < 30; n += 1) {
      const at = n % 2 === 0 ? api : both.other
      await at.call('PATCH', `${tasks}/${id}`, { user, json: { title: `${n}` } })
    }
    await to.until(({ received }) => received.length >= 30)
    const revisions = to.received.map(({ body }) => Number(body.data.task.revision))
    assert.deepEqual(
      revisions,
      revisions.toSorted((a, b) => a - b),
    )
    assert.equal(new Set(ids(to.received)).size, 30)
  })

  it('come from the log: a change of many items stores only a job for them', async () => {
    const user = newUser()
    const { body: list } = await api.call('POST', '/api/v1/lists', { user, json: { name: 'a' } })
    const operation = { op: 'create', task: { title: 'a task', list_id: list.id } }
    // A job sends 100 messages at most.
    for (const length of [100, 10]) {
      const operations = Array.from({ length }, () => operation)
      assert.equal((await api.call('POST', '/api/v1/batch', { user, json: { operations } })).status, 200)
    }
    const { to, at } = await create(user, { events: ['list.*', 'task.deleted'] })
    await api.call('DELETE', `/api/v1/lists/${list.id}`, { user })
    await to.until(({ received }) => received.length === 111)
    assert.deepEqual(new Set(types(to)), new Set(['task.deleted', 'list.deleted']))
    assert.equal(new Set(ids(to.received)).size, 111)
    // Pages of the log of deliveries.
    const seen: string[] = []
    await eventually(
      () => sql('select count(*) from duly.deliveries where user_id = $1', [user]),
      ([row]) => row?.[0] === '111',
    )
    for (let cursor = ''; ; ) {
      const { body } = await api.call('GET', `${at}/deliveries?limit=40${cursor}`, { user })
      seen.push(...body.deliveries.map((one: { id: string }) => one.id))
      if (body.next_cursor === null) break
      cursor = `&cursor=${body.next_cursor}`
    }
    assert.deepEqual(seen.toSorted(), ids(to.received).toSorted())
    const invalid = await api.call('GET', `${at}/deliveries?cursor=abc`, { user })
    assert.deepEqual([invalid.status, invalid.body.errors[0].query], [422, 'cursor'])
    // The newest are kept.
    await trimDeliveries(api.server.db, user, Number(at.split('/').at(-1)), 10)
    assert.deepEqual(
      (await deliveriesOf(user, at)).map(({ id }: { id: string }) => id),
      seen.slice(0, 10),
    )
    await sql(`update duly.deliveries set created_at = now() - interval '8 days' where user_id = $1`, [user])
    await pruneDeliveries(api.server.db)
    assert.deepEqual(await deliveriesOf(user, at), [])
  })

  it('begin with a reset if the log no longer reaches back', async () => {
    const user = newUser()
    const { to, at } = await create(user)
    await api.call('PATCH', at, { user, json: { is_active: false } })
    for (let n = 0; n < 3; n += 1) await write(user)
    await sql('delete from duly.changes where user_id = $1 and revision < 3', [user])
    to.answer = refuse(500)
    await api.call('PATCH', at, { user, json: { is_active: true } })
    await pauseOf(user, 1)
    to.answer = accept
    await retryNow(user, at)
    await to.until(({ received }) => received.length === 2)
    await write(user, 'after')
    await to.until(({ received }) => received.length === 3)
    assert.deepEqual(types(to), ['webhook.reset', 'webhook.reset', 'task.created'])
    assert.equal(to.received[0]?.id, to.received[1]?.id)
    assert.equal(to.received[2]?.body.data.task.title, 'after')
  })

  it('have two signatures for a day after the secret is rotated', async () => {
    const user = newUser()
    const { to, at, hook } = await create(user)
    const { status, body } = await api.call('POST', `${at}/secret`, { user })
    assert.equal(status, 200)
    assert.notEqual(body.secret, hook.secret)
    await write(user)
    await to.until(({ received }) => received.length === 1)
    to.secret = body.secret
    await write(user)
    await to.until(({ received }) => received.length === 2)
    await sql('update duly.webhooks set old_secret_until = now() where user_id = $1', [user])
    await write(user)
    await to.until(({ received }) => received.length === 3)
    const signatures = to.received.map(
      ({ headers }) => String(headers['webhook-signature']).split(' ').length,
    )
    assert.deepEqual([signatures, to.forged], [[2, 2, 1], []])
    const keyed = await api.call('POST', `${at}/secret`, { user, headers: { 'idempotency-key': 'k' } })
    assert.equal(keyed.status, 422)
  })

  it('can be tested and repeated, even while the webhook is not active', async () => {
    const user = newUser()
    const { to, at } = await create(user)
    const made = await write(user, 'before')
    await to.until(({ received }) => received.length === 1)
    await api.call('PATCH', at, { user, json: { is_active: false } })
    const headers = { 'idempotency-key': 'test' }
    const asked = await api.call('POST', `${at}/test`, { user, headers })
    assert.deepEqual([asked.status, asked.body.status, asked.body.event], [202, 'pending', 'webhook.test'])
    assert.deepEqual((await api.call('POST', `${at}/test`, { user, headers })).body, asked.body)
    await to.until(({ received }) => received.length === 2)
    assert.deepEqual(to.received[1]?.body.data, {})
    assert.equal(to.received[1]?.id, asked.body.id)
    await api.call('PATCH', `${tasks}/${made.id}`, { user, json: { title: 'after' } })
    const [first] = to.received
    to.answer = refuse(500)
    const again = await api.call('POST', `${at}/deliveries/${first?.id}/redeliver`, { user })
    assert.equal(again.status, 202)
    await to.until(({ received }) => received.length === 3)
    const [, , last] = to.received
    assert.deepEqual(
      [last?.id, last?.body.type, last?.body.timestamp],
      [first?.id, 'task.created', first?.body.timestamp],
    )
    assert.equal(last?.body.data.task.title, 'after')
    const states = await eventually(
      () => deliveriesOf(user, at),
      list => list.every(({ status }: { status: string }) => status !== 'pending'),
    )
    assert.deepEqual(
      states.map(({ status, attempts }: { status: string; attempts: number }) => [status, attempts]),
      [
        ['succeeded', 1],
        ['failed', 2],
      ],
    )
    // Waiting requests are bounded.
    to.answer = () => {}
    const tests = []
    for (let n = 0; n < 24; n += 1) tests.push((await api.call('POST', `${at}/test`, { user })).status)
    assert.deepEqual([tests[0], tests.at(-1)], [202, 429])
    await to.close()
  })
})

describe('a user', () => {
  it('without webhooks has no jobs for them', async () => {
    const user = newUser()
    const made = await write(user)
    await api.call('POST', `${tasks}/${made.id}/move`, { user, json: {} })
    const { at } = await create(user)
    await api.call('DELETE', at, { user })
    await write(user)
    assert.deepEqual(await sql('select id from duly.jobs where user_id = $1', [user]), [])
  })

  it('whose account is disabled gets no messages until it is enabled', async () => {
    const user = newUser()
    const { to, at } = await create(user)
    await operator(api, ['user', 'disable', '--other-issuer', user])
    for (const replica of [api, both.other])
      await eventually(
        () => replica.call('GET', path, { user }),
        ({ status }) => status === 401,
      )
    await tasksOf(api.server.db, user).create({ title: 'a' })
    await eventually(
      () => sql('select id from duly.jobs where user_id = $1', [user]),
      rows => rows.length === 0,
    )
    assert.deepEqual(to.received, [])
    await operator(api, ['user', 'enable', '--other-issuer', user])
    await eventually(
      () => api.call('PATCH', at, { user, json: { is_active: true } }),
      ({ status }) => status === 200,
    )
    await to.until(({ received }) => received.length === 1)
  })

  it('who deletes the account also deletes the webhooks', async () => {
    const user = newUser()
    const { to } = await create(user)
    await write(user)
    await to.until(({ received }) => received.length === 1)
    assert.equal((await api.call('DELETE', '/api/v1/account', { user })).status, 204)
    for (const table of ['webhooks', 'deliveries'])
      assert.deepEqual(await sql(`select from duly.${table} where user_id = $1`, [user]), [])
  })
})
