import { setTimeout as pause } from 'node:timers/promises'
import type { Session } from '../db/database.ts'

/** Work for one owner in parts that each take some milliseconds: another one begins where it is asked for the next value. */
export type InParts = (db: Session, owner: string) => AsyncIterator<void>

/**
 * Work for one owner that a request has found to be of use, and does not wait for: once for each owner, and of several a part each in turn,
 * so that a long list keeps nobody waiting. After each part comes a pause as long as it took: the embedded database has one session, which
 * requests wait for. What fails is left to the next request; two replicas at once do the same work, and no harm.
 */
export function inBackground(work: InParts): (db: Session, owner: string) => void {
  const begun = new WeakMap<Session, Set<string>>()
  const queue: { parts: AsyncIterator<void>; end: () => void }[] = []
  let isRunning = false

  const run = async () => {
    isRunning = true
    for (let next = queue.shift(); next; next = queue.shift()) {
      const start = performance.now()
      const isDone = await next.parts.next().then(
        ({ done }) => done === true,
        () => true,
      )
      if (isDone) next.end()
      else queue.push(next)
      await pause(performance.now() - start, undefined, { ref: false })
    }
    isRunning = false
  }

  return (db, owner) => {
    const owners = begun.get(db) ?? new Set<string>()
    begun.set(db, owners)
    if (owners.has(owner)) return
    owners.add(owner)
    queue.push({ parts: work(db, owner), end: () => owners.delete(owner) })
    if (!isRunning) void run()
  }
}
