import type { Database } from '../db/database.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { moved } from '../tasks/sync-statements.ts'

/** A request that waits for the changes of its owner. */
export interface Follower {
  /** The owner's log may have grown. */
  wake(): void
  /** Called twice a second, with the number of the beat. */
  tick(beat: number): void
  /** The server stops. */
  end(): void
}

/** Streams and waiting requests of one owner in this process. */
export const maxFollowers = 20
const beatMs = 500
const beatsPerPoll = 2

interface HubOptions {
  readonly db: Database
  readonly log: Log
  /** Reads the revocations, unless they were read less than half a second ago. */
  readonly readRevocations: () => Promise<void>
}

interface Owner {
  revision: number
  readonly followers: Set<Follower>
}

/**
 * Wakes those who wait for changes. Writes of this process wake the followers of their owner
 * directly. Writes of other processes are found by one statement a second, which names the owners
 * that are followed; nothing is asked while there are none. `NOTIFY` would serialize commits.
 *
 * Twice a second all followers check their callers, with revocations read before. So they end
 * within a second of a revocation.
 */
export class Hub {
  readonly #db: Database
  readonly #log: Log
  readonly #readRevocations: () => Promise<void>
  readonly #owners = new Map<string, Owner>()
  #open = 0
  #beats = 0
  #timer: NodeJS.Timeout | undefined
  #isAway = false

  constructor({ db, log, readRevocations }: HubOptions) {
    this.#db = db
    this.#log = log
    this.#readRevocations = readRevocations
    db.onWritten?.(owner => this.wrote(owner))
  }

  /** Streams and waiting requests. */
  get open(): number {
    return this.#open
  }

  /**
   * @returns a function that removes it
   * @throws AppError `too_many_requests`
   */
  follow(owner: string, follower: Follower): () => void {
    const own = this.#owners.get(owner) ?? { revision: -1, followers: new Set() }
    if (own.followers.size >= maxFollowers)
      throw new AppError('too_many_requests', `You have ${maxFollowers} open streams; close one first.`, {
        retryAfter: 5,
      })
    this.#owners.set(owner, own)
    own.followers.add(follower)
    this.#open += 1
    this.#timer ??= setTimeout(() => this.#beat(), beatMs).unref()
    return () => {
      if (!own.followers.delete(follower)) return
      this.#open -= 1
      if (own.followers.size === 0 && this.#owners.get(owner) === own) this.#owners.delete(owner)
    }
  }

  /** One follower has seen a revision. The others may not have. */
  note(owner: string, revision: number, by: Follower): void {
    const own = this.#owners.get(owner)
    if (!own || own.revision >= revision) return
    own.revision = revision
    for (const follower of own.followers) if (follower !== by) follower.wake()
  }

  endAll(): void {
    for (const { followers } of this.#owners.values()) for (const follower of [...followers]) follower.end()
  }

  /** The owner's log has grown. */
  wrote(owner: string): void {
    for (const follower of this.#owners.get(owner)?.followers ?? []) follower.wake()
  }

  async #beat(): Promise<void> {
    const startedAt = performance.now()
    this.#beats += 1
    // If this fails, so does the check of each follower.
    if (this.#owners.size > 0) await this.#readRevocations().catch(() => {})
    for (const { followers } of this.#owners.values())
      for (const follower of followers) follower.tick(this.#beats)
    if (this.#beats % beatsPerPoll === 0) await this.#poll()
    this.#timer = undefined
    if (this.#owners.size === 0) return
    const pause = Math.max(beatMs / 10, beatMs - (performance.now() - startedAt))
    this.#timer = setTimeout(() => this.#beat(), pause).unref()
  }

  async #poll(): Promise<void> {
    if (this.#owners.size === 0) return
    const known = [...this.#owners]
    try {
      const rows = await this.#db.query(moved, [
        known.map(([owner]) => owner),
        known.map(([, { revision }]) => revision),
      ])
      this.#isAway = false
      for (const [owner = '', revision] of rows as [string, string][]) {
        const own = this.#owners.get(owner)
        if (!own || own.revision === Number(revision)) continue
        own.revision = Number(revision)
        for (const follower of own.followers) follower.wake()
      }
    } catch (error) {
      if (!this.#isAway) this.#log.warn({ err: error }, 'cannot look for changes of other replicas; retrying')
      this.#isAway = true
    }
  }
}
