import type { Session, Statement, Value } from '../db/database.ts'
import type { Log } from '../log.ts'
import { expiredKeys, sweepKeys } from './idempotency.ts'
import * as statements from './statements.ts'

const batchSize = 1000
const everyMs = 60 * 60 * 1000

/** Removes tasks that were deleted more than `days` days ago, for good. @returns how many. */
export function sweep(db: Session, days: number): Promise<number> {
  return sweepRows(db, statements.expired, statements.sweep, [days])
}

/** Removes idempotency keys that are older than the 24 hours for which they are good. @returns how many. */
export function sweepIdempotencyKeys(db: Session): Promise<number> {
  return sweepRows(db, expiredKeys, sweepKeys, [])
}

// What has expired is looked up across owners, and removed owner by owner.
async function sweepRows(db: Session, look: Statement, remove: Statement, age: Value[]): Promise<number> {
  let swept = 0
  for (;;) {
    const rows = await db.query(look, [...age, batchSize])
    const byOwner = new Map<string, string[]>()
    for (const [owner, key] of rows as [string, string][]) {
      const keys = byOwner.get(owner)
      if (keys) keys.push(key)
      else byOwner.set(owner, [key])
    }
    for (const [owner, keys] of byOwner) await db.query(remove, [owner, keys, ...age])
    swept += rows.length
    if (rows.length < batchSize) return swept
  }
}

/** Sweeps once an hour, at a moment of the hour that differs between replicas. Resolved when a sweep under way has ended. */
export function sweepHourly(db: Session, days: number, log: Log): { stop(): Promise<void> } {
  let running: Promise<void> = Promise.resolve()
  const sweepAll = async () => {
    const tasks = await sweep(db, days)
    const keys = await sweepIdempotencyKeys(db)
    log.debug({ tasks, keys }, 'swept deleted tasks and idempotency keys')
  }
  const round = () => {
    running = sweepAll().catch(error =>
      log.warn({ err: error }, 'the sweep failed and will be tried again in an hour'),
    )
  }
  let timer = setTimeout(() => {
    round()
    timer = setInterval(round, everyMs).unref()
  }, Math.random() * everyMs).unref()
  return {
    stop: async () => {
      clearTimeout(timer)
      await running
    },
  }
}
