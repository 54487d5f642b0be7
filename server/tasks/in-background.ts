import type { Session } from '../db/database.ts'

/**
 * Work for one owner that a request has found to be of use, and does not wait for: once at a time in this process. What fails is left
 * to the next request; two replicas at once do the same work, and no harm.
 */
export function inBackground(
  work: (db: Session, owner: string) => Promise<void>,
): (db: Session, owner: string) => void {
  const running = new WeakMap<Session, Set<string>>()
  return (db, owner) => {
    const owners = running.get(db) ?? new Set<string>()
    running.set(db, owners)
    if (owners.has(owner)) return
    owners.add(owner)
    work(db, owner)
      .catch(() => {})
      .finally(() => owners.delete(owner))
  }
}
