import type { Session, Statement, Value } from '../db/database.ts'
import { expiredKeys, sweepKeys } from './idempotency.ts'
import * as statements from './statements.ts'

const batchSize = 1000

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
