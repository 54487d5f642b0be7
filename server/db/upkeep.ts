import type { Log } from '../log.ts'
import { type Database, unprepared } from './database.ts'

const mebibyte = 1024 * 1024
/** Bytes of the write-ahead log from one to the next; what has to be replayed after a crash is as long. */
const checkpointAfter = { idle: 8 * mebibyte, busy: 64 * mebibyte }
const vacuumAfter = { idle: 32 * mebibyte, busy: 128 * mebibyte }

/** Every table with a statement that does it good; Duly's own are looked at for the planner as well. */
const tidying = unprepared(
  `select format('vacuum %I.%I', nspname, relname) from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where relkind = 'r'
  union all
  select format('analyze %I.%I', schemaname, tablename) from pg_tables where schemaname = 'duly'`,
)

/**
 * Clears dead rows away, and looks at how the others are distributed. Everybody waits while a statement of it runs, so there is one for
 * each table: a tenth of a second at most for some ten thousand tasks. One that fails keeps nothing from the others.
 * @throws the first that failed, in the end
 */
export async function tidy(database: Database, goesOn = () => true): Promise<void> {
  const failures: unknown[] = []
  for (const [statement] of await database.query(tidying)) {
    if (!goesOn()) break
    await database.query(unprepared(String(statement))).catch(error => failures.push(error))
  }
  if (failures.length > 0) throw failures[0]
}

export interface Upkeep {
  /** Runs `work` when no upkeep runs, and none while it does. */
  pausedFor<T>(work: () => Promise<T>): Promise<T>
  stop(): Promise<void>
}

/**
 * PGlite has no background processes: without this its write-ahead log and its dead rows would only grow. Work is
 * measured by the log, and done where nobody waits for it, or when it must be.
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
