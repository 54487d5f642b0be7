import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { unprepared } from '../../server/db/database.ts'
import { type OwnDatabase, openDatabase, ownDatabase } from '../served.ts'
import { size } from '../size.ts'
import { Ledger } from './ledger.ts'
import { Servers } from './servers.ts'

// The upgrade begins with the replicas that the kills leave behind.

let database: OwnDatabase
let servers: Servers
before(async () => {
  database = await ownDatabase()
  servers = new Servers(database.env)
  await servers.start()
  await servers.start()
})
after(async () => {
  await servers.killAll()
  await database.drop()
})

it('when one of two replicas is killed repeatedly, clients use the other, and no write is lost or duplicated', async test => {
  const ledger = new Ledger(servers.urls)
  for (let round = 0; round < size(2, 10); round += 1) {
    await ledger.another(size(75, 1000))
    await servers.kill()
    await ledger.another(size(50, 500))
    await servers.start()
  }
  await ledger.settle()
  test.diagnostic(await ledger.audit(database.env))
})

it('a rolling upgrade that migrates the busiest tables loses and duplicates no write', async test => {
  const ledger = new Ledger(servers.urls)
  const [first, second] = servers.running
  assert.ok(first && second)
  await ledger.another(size(75, 3000))

  // A dump reads every table to its end: while the migration waits for it, others must not wait.
  const { db } = await openDatabase(database.env)
  const upgraded = await db.transaction(async dump => {
    await dump.query(unprepared('set local idle_in_transaction_session_timeout = 0'))
    await dump.query(unprepared('lock table duly.tasks in access share mode'))
    const starting = servers.startNext()
    await ledger.another(size(75, 2000))
    return { starting }
  })
  await upgraded.starting
  await db.close()

  await ledger.another(size(50, 1500))
  assert.equal(await servers.stop(first), 0)
  await ledger.another(size(50, 1500))
  await servers.startNext()
  assert.equal(await servers.stop(second), 0)
  await ledger.another(size(50, 1500))
  await ledger.settle()
  test.diagnostic(await ledger.audit(database.env, servers.stopAll))
})
