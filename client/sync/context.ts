import type { Copy } from './copy.ts'
import type { Fields } from './fields.ts'
import type { Entry } from './store.ts'

/** Both sides changed these fields, from `base`. Each has the fields by name. */
export interface SyncConflict {
  readonly type: 'task' | 'list'
  readonly id: number
  readonly base: Fields
  readonly mine: Fields
  readonly theirs: Fields
}

/** A write that was done, or that has a problem. */
export interface Settled {
  readonly key: string
  /** The id of the change, for `undo`. */
  readonly change?: string
}

export interface SyncOptions {
  /**
   * Decides a conflict: returns the fields to write, with their values. For the other fields the
   * server's value wins, and a problem keeps the local one.
   */
  readonly onConflict?: (conflict: SyncConflict) => Fields | undefined
}

/** What the parts of a sync share. */
export interface Context extends SyncOptions {
  readonly copy: Copy
  readonly signal: AbortSignal
  /**
   * Applies, shows, saves and tells other tabs. Resolves when it is saved, or cannot be.
   * @param isPart whether to save the entries together with later ones
   */
  commit(entries: readonly Entry[], settled?: Settled, isPart?: boolean): Promise<void>
  /** Runs one piece of work at a time, so that answers and pages are applied in a fitting order. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
  /** A request has got a response. */
  succeeded(): void
  /** A request has failed for a reason that may pass. */
  failed(error: unknown): void
  /** Waits so long, or until something wakes it. */
  sleep(ms?: number): Promise<void>
  wake(): void
  /** Writes of this program that were never sent. */
  readonly unsent: Set<string>
  /** Whether the copy was complete at some time since this program follows the server. */
  isCurrent: boolean
}
