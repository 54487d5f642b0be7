import type { Session } from '../db/database.ts'

/**
 * Work for one owner that a request has found to be of use, and does not wait for: one after the other in this process, and once for each
 * owner. What fails is left to the next request; two replicas at once do the same work, and no harm.
 */
export function inBackground(
  work: (db: Session, owner: string) => Promise<void>,
): (db: Session, owner: string) => void {
  const waiting = new WeakMap<Session, Set<string>>()
  let last = Promise.resolve()
  return (db, owner) => {
    const owners = waiting.get(db) ?? new Set<string>()
    waiting.set(db, owners)
    if (owners.has(owner)) return
    owners.add(owner)
    last = last
      .then(() => work(db, owner))
      .catch(() => {})
      .finally(() => owners.delete(owner))
  }
}
