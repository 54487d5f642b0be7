import type { Log } from '../log.ts'
import { type Database, type OnStatement, plannerSettings } from './database.ts'
import { type PostgresAddress, placeOf } from './database-url.ts'
import { openSession } from './postgres-session.ts'
import { refuseUnfit } from './server-facts.ts'
import { holdServerLock } from './server-lock.ts'
import { asOptions, pinsOf } from './session-settings.ts'
import { Sessions } from './sessions.ts'
import { waitForServer } from './wait-for-server.ts'

/** Statement timeout of scans. One turn of a scan should take some milliseconds. */
const scanMs = 3000
const startupMs = 30_000

interface PostgresOptions {
  readonly address: PostgresAddress
  /** Maximum number of sessions. */
  readonly pool: number
  readonly log: Log
  /** Whether it answers requests, so that `migrate down` must not remove its tables. */
  readonly serves?: boolean
  /** How long to wait for a server that is starting. */
  readonly startupMs?: number
  readonly onStatement?: OnStatement | undefined
}

/**
 * Connects to a PostgreSQL server, and waits for one that is starting.
 * @throws StartError if it cannot be reached in time, or at once if waiting does not help
 */
export async function connectPostgres({
  address,
  pool,
  log,
  onStatement,
  serves = false,
  ...options
}: PostgresOptions): Promise<Database> {
  const label = `PostgreSQL at ${placeOf(address)}`
  if (address.poolerBecause !== undefined) {
    log.info(
      `${placeOf(address)} is treated as a pooler in transaction mode: ${address.poolerBecause}. If it is not a pooler, add pgbouncer=false to DATABASE_URL.`,
    )
  }
  if (serves && address.plainByDefault) {
    log.warn(
      `The connection to ${label} is not encrypted. Add sslmode=verify-full to DATABASE_URL (or sslmode=require, which does not check the certificate). Add sslmode=disable if the network is trusted.`,
    )
  }
  const facts = await waitForServer(address, log, options.startupMs ?? startupMs)
  refuseUnfit(label, address, facts)
  // Citus finds the shard from the owner, so it needs custom plans.
  const plan = facts.isCitus ? [] : plannerSettings
  const settingsWith = (planner: readonly string[]) =>
    [asOptions(pinsOf(facts.version)), ...planner].join(' -c ')
  const onTrouble = (error: Error) =>
    log.warn({ err: error }, 'a database session was lost or could not be opened')
  const scans = new Sessions({
    label,
    open: () => openSession(address, settingsWith(scanSettings(facts.isCitus)), scanMs),
    max: 2,
    prepare: !address.transactionPooler,
    groupCommits: false,
    onTrouble,
    onStatement,
  })
  return new Sessions({
    scans,
    label,
    open: async () => {
      const client = await openSession(address, settingsWith(plan))
      if (!serves || address.transactionPooler) return client
      await holdServerLock(client).catch(async error => {
        await client.end()
        throw error
      })
      return client
    },
    max: pool,
    prepare: !address.transactionPooler,
    groupCommits: !facts.isCitus,
    onTrouble,
    onStatement,
  })
}

/** Also on Citus, a turn of a scan goes by an index. It runs without parallel workers. */
const scanSettings = (isCitus: boolean) => [
  ...plannerSettings,
  ...(isCitus ? ['plan_cache_mode=force_custom_plan'] : []),
  'max_parallel_workers_per_gather=0',
]
