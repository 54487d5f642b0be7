import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { type PostgresServer, startPostgres } from '../postgres-server.ts'
import { type OwnDatabase, ownDatabase } from '../served.ts'
import { long, size } from '../size.ts'
import { templateOn } from '../template.ts'
import { Ledger } from './ledger.ts'
import { Servers } from './servers.ts'

const connections = 60

// A PostgreSQL server of its own, since the faults would affect other tests.
let postgres: PostgresServer
let database: OwnDatabase
let servers: Servers
before(async () => {
  const { TEST_CLUSTER } = process.env
  postgres = await startPostgres([`max_connections=${connections}`], TEST_CLUSTER)
  process.env.TEST_DATABASE_URL = postgres.url
  if (TEST_CLUSTER !== undefined) process.env.TEST_TEMPLATE_DATABASE = templateOn(postgres.url)
  database = await ownDatabase()
  servers = new Servers(database.env)
  await servers.start()
})
after(async () => {
  await servers?.killAll()
  await postgres?.stop()
})

async function onPostgres<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: postgres.url })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Waits until PostgreSQL has recovered from the end of one of its processes. */
async function isGone(pid: number): Promise<void> {
  const look = (client: pg.Client) => client.query('select from pg_stat_activity where pid = $1', [pid])
  for (let deadline = Date.now() + 60_000; ; await pause(50)) {
    const found = await onPostgres(look).catch(() => undefined)
    if (found?.rowCount === 0) return
    assert.ok(Date.now() < deadline, 'PostgreSQL recovers')
  }
}

const dulys = `application_name = 'duly' and datname like 'duly_test%'`

/** Clients write before, during and after the fault that `happen` causes. */
function survives(name: string, happen: (ledger: Ledger) => Promise<void>, rounds: number): void {
  it(name, async test => {
    const ledger = new Ledger(servers.urls)
    for (let round = 0; round < rounds; round += 1) {
      await ledger.another(size(100, 1200))
      await happen(ledger)
    }
    await ledger.another(size(100, 1200))
    await ledger.settle()
    test.diagnostic(await ledger.audit(database.env))
  })
}

describe('no write is lost or duplicated', () => {
  survives(
    'when PostgreSQL is killed with kill -9, and started again',
    async ledger => {
      await postgres.end('SIGKILL')
      await ledger.troubled()
      await postgres.start()
    },
    size(1, 3),
  )

  survives(
    'when one process of PostgreSQL is killed with kill -9, and the others recover',
    async () => {
      const look = `select pid from pg_stat_activity where ${dulys} limit 1`
      const [row] = (await onPostgres(client => client.query(look))).rows
      process.kill(row.pid, 'SIGKILL')
      // If no client has a statement in progress, no call fails.
      await isGone(row.pid)
    },
    size(1, 3),
  )

  survives(
    'when PostgreSQL is restarted',
    async ledger => {
      await postgres.end('SIGINT')
      await ledger.troubled()
      await postgres.start()
    },
    size(1, 3),
  )

  survives(
    'when every process of PostgreSQL is stopped (SIGSTOP), and continued',
    async ledger => {
      const client = new pg.Client({ connectionString: postgres.url })
      await client.connect()
      postgres.signal('SIGSTOP')
      const look = 'select pid from pg_stat_activity order by pid = pg_backend_pid()'
      const pids = (await client.query(look)).rows.map(({ pid }) => pid)
      for (const pid of pids) process.kill(pid, 'SIGSTOP')
      if (long) await Promise.all([ledger.troubled(), pause(20_000)])
      else await pause(2000)
      for (const pid of pids) process.kill(pid, 'SIGCONT')
      postgres.signal('SIGCONT')
      await client.end()
    },
    size(1, 2),
  )

  survives(
    'when other clients take all connections, and release them',
    async ledger => {
      const others: pg.Client[] = []
      const take = async () => {
        const client = new pg.Client({ connectionString: postgres.url, connectionTimeoutMillis: 10_000 })
        client.on('error', () => {})
        await client.connect()
        others.push(client)
      }
      const takeAll = async () => {
        for (;;) await take()
      }
      await assert.rejects(takeAll, { code: '53300' })
      const [hand] = others
      const deadline = Date.now() + 60_000
      const ours = async () => {
        const look = `select count(*)::integer as count from pg_stat_activity where ${dulys}`
        return (await hand?.query(look))?.rows[0].count as number
      }
      // Our sessions end one by one, and others take their places. A session that has just ended
      // leaves a place that ours must not get.
      for (;;) {
        const wereGone = (await ours()) === 0
        await assert.rejects(takeAll, { code: '53300' })
        if (wereGone && (await ours()) === 0) break
        assert.ok(Date.now() < deadline, 'other clients have taken all connections')
        await hand?.query(`select pg_terminate_backend(pid) from pg_stat_activity where ${dulys} limit 1`)
      }
      await ledger.troubled()
      await Promise.all(others.map(client => client.end()))
    },
    size(1, 3),
  )
})
