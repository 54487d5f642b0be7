import type { ServerResponse } from 'node:http'
import type { Database, Guard, Reader, Reads, Session } from '../db/database.ts'
import { FairReads } from '../db/fair-reads.ts'
import type { Log } from '../log.ts'
import { readState } from '../tasks/list.ts'
import { Changes, type ChangesPage } from './changes.ts'
import { EventStream } from './event-stream.ts'
import { type EventPage, readEvents } from './events.ts'
import { Hub } from './hub.ts'
import { type Position, positionAt, type Since } from './position.ts'
import { Waiter } from './waiter.ts'

interface SyncOptions {
  readonly db: Database
  /** Reads the revocations, unless they were read less than half a second ago. */
  readonly readRevocations: () => Promise<void>
  /** Runs a read of one user when it is the user's turn. */
  readonly turn: <T>(user: { readonly userId: string }, read: () => Promise<T>) => Promise<T>
  /** Aborted at shutdown. */
  readonly stopping: AbortSignal
  readonly log: Log
}

/** The caller of a request for changes. */
export interface Caller {
  readonly userId: string
  /** When the token expires, in milliseconds since the epoch. */
  readonly expiresAt: number
  /** Whether the settings are among the changes. */
  readonly seesSettings: boolean
  readonly guard: Guard
  readonly isGone: () => boolean
}

/** Changes and live events of this process's callers. */
export class Sync {
  readonly #options: SyncOptions
  readonly #reads: Reads
  readonly #hub: Hub
  /** Pages that are being read, which streams at the same position share. */
  readonly #reading = new Map<string, Promise<EventPage>>()
  #onLag: (seconds: number) => void = () => {}

  constructor(options: SyncOptions) {
    const { db, stopping } = options
    this.#options = options
    this.#reads = db.reads ?? new FairReads(db, db, 1)
    this.#hub = new Hub(options)
    stopping.addEventListener('abort', () => this.#hub.endAll())
  }

  /** Streams and waiting requests. */
  get open(): number {
    return this.#hub.open
  }

  /** Calls `listener` with the time from each change to its event, in seconds. */
  onLag(listener: (seconds: number) => void): void {
    this.#onLag = listener
  }

  /**
   * One page of changes. Where there is none, waits up to `wait` seconds for it.
   * @throws AppError `resync_required`, `too_many_requests`, `token_invalid`
   */
  async changes(
    caller: Caller,
    since: Since | undefined,
    { limit, wait }: { readonly limit: number; readonly wait: number },
  ): Promise<ChangesPage> {
    const { userId } = caller
    const changes = new Changes(this.#reads, userId, caller)
    const read = (from: Since | undefined) => this.#options.turn(caller, () => changes.page(from, limit))
    let page = await read(since)
    const isEmpty = () => page.changes.length === 0 && !page.hasMore
    if (wait === 0 || !isEmpty() || this.#options.stopping.aborted) return page
    const waiter = new Waiter(caller, wait)
    const leave = this.#hub.follow(userId, waiter)
    try {
      // Something may have happened before the waiter followed.
      do {
        page = await read({ ...page.next, isFirst: false })
        this.#hub.note(userId, page.next.revision, waiter)
      } while (isEmpty() && (await waiter.woken()))
      return page
    } finally {
      leave()
      waiter.end()
    }
  }

  /**
   * Reserves a stream of events for the caller, after `since` or from now on. Start it once the
   * head of the response is written. It is given up when the response closes.
   * @throws AppError `too_many_requests`
   */
  async events(raw: ServerResponse, caller: Caller, since: Position | undefined): Promise<EventStream> {
    const { userId, guard, expiresAt, seesSettings } = caller
    const now = () => this.end(userId)
    const stream: EventStream = new EventStream(raw, {
      owner: userId,
      read: async position => {
        const page = await this.page(userId, position)
        this.#hub.note(userId, page.state.revision, stream)
        return page
      },
      now,
      check: () => guard.check(),
      expiresAt,
      seesSettings,
      onLag: this.#onLag,
      log: this.#options.log,
    })
    const leave = this.#hub.follow(userId, stream)
    if (raw.destroyed) leave()
    else raw.once('close', leave)
    try {
      stream.position = since ?? (await now())
      return stream
    } catch (error) {
      leave()
      throw error
    }
  }

  /** The end of the log of an owner. */
  async end(owner: string): Promise<Position> {
    return positionAt(await this.run(owner, db => readState(db, owner)))
  }

  /** The next events after a position. @throws AppError `resync_required` */
  page(owner: string, position: Position): Promise<EventPage> {
    const key = JSON.stringify([owner, position])
    const known = this.#reading.get(key)
    if (known) return known
    const reading = readEvents(owner, position, read => this.run(owner, read)).finally(() =>
      this.#reading.delete(key),
    )
    this.#reading.set(key, reading)
    return reading
  }

  /** Runs one statement when it is the owner's turn. */
  run<T>(owner: string, read: (db: Session) => Promise<T>): Promise<T> {
    return this.#options.turn({ userId: owner }, () => this.#reads.moreOfList(owner, read, always))
  }
}

/** A read for several streams, each of which checks its caller before it sends anything. */
const always: Reader = { isGone: () => false }
