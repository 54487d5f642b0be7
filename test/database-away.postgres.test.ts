import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { failedStart } from './command.ts'
import { FaultyNetwork } from './faults/faulty-network.ts'
import { duly } from './program.ts'
import {
  callAt,
  newUser,
  type OwnDatabase,
  openDatabase,
  ownDatabase,
  type Served,
  served,
  testSecret,
} from './served.ts'

let database: OwnDatabase
let network: FaultyNetwork
let api: Served
before(async () => {
  database = await ownDatabase()
  network = new FaultyNetwork(String(database.env.DATABASE_URL))
  await network.listen()
  api = await served({ DATABASE_URL: network.url }, database)
})
after(async () => {
  network.set('open')
  await api.close()
  network.close()
  await database.drop()
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition did not become true')
    await pause(50)
  }
}

describe('while the database is unavailable', () => {
  it('requests get 503 with Retry-After, the process continues, and requests succeed afterwards', async () => {
    const user = newUser()
    const create = (title: string) => api.call('POST', '/api/tasks', { user, json: { title } })
    assert.equal((await create('before')).status, 201)
    network.set('shut')
    const refused = await create('during')
    assert.equal(refused.status, 503)
    assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/)
    assert.deepEqual(Object.keys(refused.body), ['detail', 'error'])
    const health = await api.call('GET', '/health')
    assert.deepEqual(
      [health.status, health.body.status, health.body.database],
      [503, 'unavailable', 'unavailable'],
    )
    assert.equal((await api.call('GET', '/readyz')).status, 503)
    assert.equal((await api.call('GET', '/livez')).status, 200)
    network.set('open')
    await until(async () => (await create('after')).status === 201)
    await until(async () => (await api.call('GET', '/readyz')).status === 200)
    const { body } = await api.call('GET', '/api/tasks', { user })
    assert.ok(body.tasks.some((task: { title: string }) => task.title === 'before'))
  })

  it('a write that was in flight is reported as not executed, or as possibly executed', async () => {
    const [plain, keyed] = [newUser(), newUser()]
    const create = (user: string, headers = {}) =>
      api.call('POST', '/api/v1/tasks', { user, headers, json: { title: 'once' } })
    for (const user of [plain, keyed]) assert.equal((await create(user)).status, 201)
    const { db } = await openDatabase(database.env)
    const waiting = async (count: number) => {
      const look = `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      const [row] = await db.query({ name: '', text: look })
      return row?.[0] === String(count)
    }
    await db.transaction(async other => {
      await other.query({ name: '', text: 'set local idle_in_transaction_session_timeout = 0' })
      await other.query({ name: '', text: 'select from duly.owners for update' })
      const undone = create(keyed, { 'idempotency-key': 'a' })
      await until(() => waiting(1))
      const unknown = create(plain)
      network.cut()
      // Sent or not, depending on timing.
      for (const answer of [await undone, await unknown]) {
        assert.match(answer.body.code, /^(database_away|outcome_unknown)$/)
        assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/)
      }
    })
    await db.close()
    await until(async () => (await api.call('GET', '/readyz')).status === 200)
    const again = await create(keyed, { 'idempotency-key': 'a' })
    assert.equal(again.status, 201)
    const { body } = await api.call('GET', '/api/v1/tasks', { user: keyed })
    assert.equal(body.tasks.length, 2)
  })

  it('the log gives the reason for a lost session once', () => {
    assert.ok(api.lines.some(line => /session was lost/.test(String(line.msg))))
  })

  it('an unexpected error returns a message and an id, and is logged once with its stack', async () => {
    const { db } = await openDatabase(database.env)
    const rename = (from: string, to: string) =>
      db.query({ name: '', text: `alter table duly.${from} rename to ${to}` })
    await rename('tasks', 'hidden')
    const { status, body } = await api.call('GET', '/api/tasks/1', { user: newUser() })
    await rename('hidden', 'tasks')
    await db.close()
    assert.equal(status, 500)
    const [, id] = /^Internal server error\. Report it with the request id "(\S+)"\.$/.exec(body.detail) ?? []
    const lines = api.lines.filter(line => line.msg === 'unexpected error' && line.reqId === id)
    assert.equal(lines.length, 1)
    const { err } = JSON.parse(JSON.stringify(lines[0]))
    assert.match(err.stack, /\n\s+at /)
    assert.equal(err.statement, 'duly_get')
  })
})

describe('a start', () => {
  it('waits for a database that is still starting, and logs that', async () => {
    network.set('shut')
    const program = duly(['start'], {
      ...database.env,
      PORT: '0',
      DATABASE_URL: network.url,
      BETTER_AUTH_SECRET: testSecret,
    })
    await program.printed(/waiting for PostgreSQL at 127\.0\.0\.1:\d+\/\w+ for \d+ s at most: /)
    network.set('open')
    const [, address = ''] = await program.printed(/listening on (http\S+?)[,"]/)
    assert.equal((await callAt(address, 'GET', '/health')).status, 200)
    program.child.kill('SIGTERM')
    assert.equal((await program.ended).code, 0)
  })

  it('that the database rejects ends at once with an error message', async () => {
    const url = new URL(String(database.env.DATABASE_URL))
    url.pathname = '/no_such_database'
    const env = { DATABASE_URL: url.toString(), PORT: '0', BETTER_AUTH_SECRET: testSecret }
    const { code, stderr } = await failedStart(env)
    assert.equal(code, 69)
    assert.match(
      stderr,
      /^Cannot start: PostgreSQL at 127\.0\.0\.1:\d+\/no_such_database reported "[^"]*"no_such_database"[^"]*" \(3D000\)\. Create the database/,
    )
    assert.ok(!stderr.includes('    at '))
  })
})
