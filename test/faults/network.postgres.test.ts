import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { callAt, type OwnDatabase, ownDatabase } from '../served.ts'
import { long, size } from '../size.ts'
import { FaultyNetwork } from './faulty-network.ts'
import { Ledger } from './ledger.ts'
import { Servers } from './servers.ts'

// A TCP proxy between the server and PostgreSQL injects network faults.

let database: OwnDatabase
let network: FaultyNetwork
let servers: Servers
before(async () => {
  database = await ownDatabase()
  network = new FaultyNetwork(String(database.env.DATABASE_URL))
  await network.listen()
  servers = new Servers({ ...database.env, DATABASE_URL: network.url })
  await servers.start()
})
after(async () => {
  await servers?.killAll()
  network?.close()
  await database?.drop()
})

function survives(name: string, happen: (ledger: Ledger) => Promise<void>, rounds: number): void {
  it(name, async test => {
    const ledger = new Ledger(servers.urls)
    for (let round = 0; round < rounds; round += 1) {
      await ledger.another(size(100, 1000))
      await happen(ledger)
      network.set('open')
    }
    await ledger.another(size(100, 1000))
    await ledger.settle()
    test.diagnostic(await ledger.audit(database.env))
  })
}

describe('no write is lost or duplicated when the network', () => {
  survives('cuts connections', async () => network.cut(), size(5, 8))

  survives(
    'resets connections, and refuses new ones for a while',
    async ledger => {
      network.set('reset')
      await ledger.troubled()
    },
    size(2, 8),
  )

  survives(
    'is slow',
    async ledger => {
      network.set('slow')
      await ledger.another(size(50, 500))
    },
    size(1, 3),
  )

  survives(
    'holds all data back until requests have timed out, and then delivers it',
    async ledger => {
      network.set('silent')
      await (long ? ledger.troubled() : pause(1000))
    },
    size(1, 3),
  )

  survives(
    'discards all data, and leaves half-open connections behind',
    async ledger => {
      const [url = ''] = servers.urls()
      network.set('lost')
      const health = await callAt(url, 'GET', '/health')
      assert.deepEqual([health.status, health.body.database], [503, 'unavailable'])
      assert.equal((await callAt(url, 'GET', '/readyz')).status, 503)
      assert.equal((await callAt(url, 'GET', '/livez')).status, 200)
      await ledger.troubled()
    },
    size(1, 3),
  )
})
