import type { Session } from '../db/database.ts'
import type { Log } from '../log.ts'
import * as statements from './statements.ts'

const batchSize = 1000
const everyMs = 60 * 60 * 1000

/** Removes tasks that were deleted more than `days` days ago, for good. @returns how many. */
export async function sweep(db: Session, days: number): Promise<number> {
  let swept = 0
  for (;;) {
    const rows = await db.query(statements.expired, [days, batchSize])
    const byOwner = new Map<string, number[]>()
    for (const [owner, id] of rows as [string, string][]) {
      byOwner.set(owner, [...(byOwner.get(owner) ?? []), Number(id)])
    }
    for (const [owner, ids] of byOwner) await db.query(statements.sweep, [owner, ids, days])
    swept += rows.length
    if (rows.length < batchSize) return swept
  }
}

/** Sweeps once an hour, at a moment of the hour that differs between replicas. Resolved when a sweep under way has ended. */
export function sweepHourly(db: Session, days: number, log: Log): { stop(): Promise<void> } {
  let running: Promise<void> = Promise.resolve()
  const round = () => {
    running = sweep(db, days).then(
      swept => log.debug({ swept }, 'swept deleted tasks'),
      error =>
        log.warn({ err: error }, 'the sweep of deleted tasks failed and will be tried again in an hour'),
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
