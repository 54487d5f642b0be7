import type { Log } from '../log.ts'
import { type Database, unprepared } from './database.ts'

const mebibyte = 1024 * 1024
/** Bytes of write-ahead log between checkpoints, and thus to replay after a crash. */
const checkpointAfter = { idle: 8 * mebibyte, busy: 64 * mebibyte }
const vacuumAfter = { idle: 32 * mebibyte, busy: 128 * mebibyte }

/** VACUUM for every table, and ANALYZE for those of Duly. */
const tidying = unprepared(
  `select format('vacuum %I.%I', nspname, relname) from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where relkind = 'r'
  union all
  select format('analyze %I.%I', schemaname, tablename) from pg_tables where schemaname = 'duly'`,
)

/**
 * Removes dead rows and updates the planner's statistics. Requests wait while one of its statements
 * runs, so there is one per table: 0.1 s at most for some ten thousand tasks. If one fails, the
 * others still run.
 * @throws the first failure, after all have run
 */
export async function tidy(database: Database, goesOn = () => true): Promise<void> {
  const failures: unknown[] = []
  for (const [statement] of await database.query(tidying)) {
    if (!goesOn()) break
    await database.query(unprepared(String(statement))).catch(error => failures.push(error))
  }
  if (failures.length > 0) throw failures[0]
}

interface Upkeep {
  /** Runs `work` while no upkeep runs. */
  pausedFor<T>(work: () => Promise<T>): Promise<T>
  stop(): Promise<void>
}

/**
 * Replaces the background processes that PGlite lacks: without it, write-ahead log and dead rows
 * would only grow. It is due after some bytes of log: fewer while the database is idle.
 */
export function keepUp(database: Database, log: Log): Upkeep {
  const written = unprepared(`select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')`)
  let checkpointed: number | undefined
  let vacuumed: number | undefined
  let running: Promise<void> = Promise.resolve()
  let stopped = false
  const round = async () => {
    const when = database.usage.busy === 0 ? 'idle' : 'busy'
    const [row] = await database.query(written)
    const position = Number(row?.[0])
    checkpointed ??= position
    vacuumed ??= position
    if (position - checkpointed > checkpointAfter[when]) {
      await database.query(unprepared('checkpoint'))
      checkpointed = position
    }
    if (position - vacuumed > vacuumAfter[when]) {
      vacuumed = position
      await tidy(database, () => !stopped)
    }
  }
  const timer = setInterval(() => {
    running = running
      .then(round)
      .catch(error => log.warn({ err: error }, 'upkeep of the embedded database failed'))
  }, 10_000)
  timer.unref()
  return {
    pausedFor(work) {
      const done = running.then(work)
      running = done.then(
        () => {},
        () => {},
      )
      return done
    },
    stop: async () => {
      clearInterval(timer)
      stopped = true
      await running
    },
  }
}
