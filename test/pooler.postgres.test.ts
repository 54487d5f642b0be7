import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { FaultyNetwork } from './faults/faulty-network.ts'
import { newUserHere } from './person.ts'
import { type PgBouncer, startPgBouncer } from './pgbouncer.ts'
import { newUser, type OwnDatabase, ownDatabase, type Served, served } from './served.ts'

// Duly behind PgBouncer in transaction mode, as behind Neon's pooler: each transaction may use
// another session. The database is migrated and used through it. deploy/neon/README.md
// describes how to run all other tests this way.

let own: OwnDatabase
let pooler: PgBouncer
let network: FaultyNetwork
let api: Served
before(async () => {
  own = await ownDatabase()
  pooler = await startPgBouncer(String(own.env.DATABASE_URL))
  network = new FaultyNetwork(pooler.url)
  await network.listen()
  api = await served({ DATABASE_URL: network.url, DATABASE_POOLER: 'transaction' }, own)
})
after(async () => {
  await api.close()
  network.close()
  await pooler.stop()
  await own.drop()
})

describe('behind a pooler in transaction mode', () => {
  it('users sign up, sign in and sign out', async () => {
    const person = await newUserHere(api)
    const token = await person.token()
    assert.equal((await api.call('GET', '/api/v1/tasks', { token })).status, 200)
    assert.equal((await person.auth('POST', '/sign-out', {})).status, 200)
    assert.equal((await api.call('GET', '/api/v1/tasks', { token })).status, 401)
  })

  it('concurrent writes are executed once each, with and without keys', async () => {
    const users = Array.from({ length: 5 }, () => newUser())
    const calls = users.flatMap(user =>
      Array.from({ length: 12 }, (_, n) => {
        // Every key is sent three times.
        const headers = n % 2 === 0 ? { 'idempotency-key': `key-${n % 4}` } : undefined
        const json = { title: headers ? `with ${n % 4}` : `without ${n}` }
        return api.call('POST', '/api/v1/tasks', { user, json, ...(headers && { headers }) })
      }),
    )
    for (const { status, text } of await Promise.all(calls)) assert.equal(status, 201, text)
    for (const user of users) {
      const { body } = await api.call('GET', '/api/v1/tasks?sort=title', { user })
      const titles = body.tasks.map((task: { title: string }) => task.title)
      assert.deepEqual(titles, [
        'with 0',
        'with 2',
        'without 1',
        'without 11',
        'without 3',
        'without 5',
        'without 7',
        'without 9',
      ])
    }
  })

  it('the first request after the database was suspended waits until it has resumed', async () => {
    const user = newUser()
    assert.equal((await api.call('POST', '/api/v1/tasks', { user, json: { title: 'a' } })).status, 201)
    network.cut()
    network.set('silent')
    const lost = () => api.lines.some(({ msg }) => String(msg).startsWith('a database session was lost'))
    for (const deadline = Date.now() + 30_000; !lost(); await pause(100)) assert.ok(Date.now() < deadline)
    const call = api.call('GET', '/api/v1/tasks', { user })
    await pause(300)
    network.set('open')
    const { status, body } = await call
    assert.deepEqual([status, body.tasks?.length], [200, 1])
  })
})
