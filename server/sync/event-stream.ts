import type { ServerResponse } from 'node:http'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { type EventPage, settingsEvent } from './events.ts'
import type { Follower } from './hub.ts'
import { type Position, writePosition } from './position.ts'

/** What a stream asks of its surroundings. */
export interface Source {
  readonly owner: string
  /** The next events after a position. @throws AppError `resync_required` */
  readonly read: (position: Position) => Promise<EventPage>
  /** Where the log ends. */
  readonly now: () => Promise<Position>
  /** @throws (or rejects) where the caller may no longer read */
  readonly check: () => void | Promise<void>
  /** Whether the caller may read settings. */
  readonly seesSettings: boolean
  /** When the token expires, in milliseconds since the epoch. */
  readonly expiresAt: number
  /** Called with the time from each change to its event, in seconds. */
  readonly onLag: (seconds: number) => void
  readonly log: Log
}

/** Seconds between two comments, by which proxies see that the connection lives. */
const commentEvery = 15
const retryMs = 2000

let opened = 0

/**
 * Server-Sent Events of one client. It reads the log from its position whenever it is woken, and
 * writes no more while the client has not read what was written: a slow reader costs one page of
 * events, and connections.ts closes its connection.
 */
export class EventStream implements Follower {
  readonly #raw: ServerResponse
  readonly #source: Source
  /** Where it begins, until it has begun. */
  position: Position = { epoch: '0', revision: 0, type: 0, id: 0 }
  #isWoken = false
  #isBegun = false
  /** Whether it has sent all that had happened before it was opened. */
  #isLive = false
  #isReading = false
  /** Spreads the comments of all streams over the seconds. */
  readonly #turn = opened++ % commentEvery

  constructor(raw: ServerResponse, source: Source) {
    this.#raw = raw
    this.#source = source
    // Without a listener, an error of one connection would end the process.
    raw.on('error', error => source.log.warn({ err: error }, 'cannot write to a stream'))
  }

  /** Sends the first frame, and what has happened since the position. */
  start(): void {
    this.#isBegun = true
    this.#write(`retry: ${retryMs}\n${this.#frame(this.position, 'ready', '{}')}`)
    this.wake()
  }

  wake(): void {
    this.#isWoken = true
    if (this.#isBegun && !this.#isReading) void this.#send()
  }

  tick(second: number): void {
    if (!this.#isBegun || !this.#isOpen) return
    const { check, expiresAt } = this.#source
    if (expiresAt <= Date.now()) {
      this.end()
      return
    }
    this.#settle(check)
    if (second % commentEvery === this.#turn && !this.#raw.writableNeedDrain) this.#write(':\n\n')
    if (this.#isWoken && !this.#isReading) void this.#send()
  }

  end(): void {
    if (this.#raw.writableNeedDrain) this.#raw.destroy()
    else this.#raw.end()
  }

  async #send(): Promise<void> {
    this.#isReading = true
    try {
      while (this.#isWoken && this.#isOpen) {
        this.#isWoken = false
        if (this.#raw.writableNeedDrain) await drained(this.#raw)
        const page = await this.#read()
        // The token may have been revoked meanwhile.
        await this.#source.check()
        if (!page || !this.#isOpen) continue
        const shown = page.events.filter(({ name }) => name !== settingsEvent || this.#source.seesSettings)
        const frames = shown.map(({ position, name, data }) => this.#frame(position, name, data))
        if (frames.length > 0) this.#write(frames.join(''))
        if (this.#isLive) for (const { entry } of shown) this.#source.onLag(entry.age / 1000)
        this.position = page.end
        if (page.hasMore) this.#isWoken = true
        else this.#isLive = true
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#isReading = false
    }
  }

  /** Writes nothing once the stream has ended, which a check can do at any time. */
  #write(text: string): void {
    if (this.#isOpen) this.#raw.write(text)
  }

  get #isOpen(): boolean {
    return !this.#raw.writableEnded && !this.#raw.destroyed
  }

  /** @returns nothing where the log no longer reaches back: the stream goes on from now */
  async #read(): Promise<EventPage | undefined> {
    try {
      return await this.#source.read(this.position)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'resync_required') throw error
      const now = await this.#source.now()
      await this.#source.check()
      this.#write(this.#frame(now, 'reset', '{}'))
      this.position = now
      return undefined
    }
  }

  #settle(check: Source['check']): void {
    try {
      check()?.catch(error => this.#fail(error))
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Ends if the caller may no longer read. What failed for another reason is tried again. */
  #fail(error: unknown): void {
    this.#isWoken = true
    if (!(error instanceof AppError)) this.#source.log.error({ err: error }, 'unexpected error in a stream')
    if (!(error instanceof AppError) || error.code === 'token_invalid') this.end()
  }

  #frame(position: Position, event: string, data: string): string {
    return `id: ${writePosition(this.#source.owner, position)}\nevent: ${event}\ndata: ${data}\n\n`
  }
}

function drained(raw: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      raw.off('drain', done)
      raw.off('close', done)
      resolve()
    }
    raw.on('drain', done)
    raw.on('close', done)
  })
}
