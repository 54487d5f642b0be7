import type { ServerResponse } from 'node:http'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { type EventPage, settingsEvent } from './events.ts'
import type { Follower } from './hub.ts'
import { type Position, writePosition } from './position.ts'

/** What a stream needs. */
export interface Source {
  readonly owner: string
  /** The next events after a position. @throws AppError `resync_required` */
  readonly read: (position: Position) => Promise<EventPage>
  /** The end of the log. */
  readonly now: () => Promise<Position>
  /** @throws (or rejects) if the caller may no longer read */
  readonly check: () => void | Promise<void>
  /** Whether the caller may read settings. */
  readonly seesSettings: boolean
  /** When the token expires, in milliseconds since the epoch. */
  readonly expiresAt: number
  /** Called with the time from each change to its event, in seconds. */
  readonly onLag: (seconds: number) => void
  readonly log: Log
}

/** Beats between two comments (15 s), which keep proxies from closing the connection. */
const commentEvery = 30
const retryMs = 2000

let opened = 0

/**
 * Server-Sent Events of one client. Whenever it is woken, it reads the log from its position. It
 * reads no further page before the client has read the last one. So a slow reader costs one page of
 * events, until connections.ts closes its connection.
 */
export class EventStream implements Follower {
  readonly #raw: ServerResponse
  readonly #source: Source
  /** Set before `start`: where the stream begins. */
  position: Position = { epoch: '0', revision: 0, type: 0, id: 0 }
  #isWoken = false
  #isBegun = false
  /** Whether all events from before its start are sent. */
  #isLive = false
  #isReading = false
  /** Not all streams send their comments at the same beat. */
  readonly #turn = opened++ % commentEvery

  constructor(raw: ServerResponse, source: Source) {
    this.#raw = raw
    this.#source = source
    // Without a listener, an error of one connection would end the process.
    raw.on('error', error => source.log.warn({ err: error }, 'cannot write to a stream'))
  }

  /** Sends the first frame and the events since the position. */
  start(): void {
    this.#isBegun = true
    this.#write(`retry: ${retryMs}\n${this.#frame(this.position, 'ready', '{}')}`)
    this.wake()
  }

  wake(): void {
    this.#isWoken = true
    if (this.#isBegun && !this.#isReading) void this.#send()
  }

  tick(beat: number): void {
    if (!this.#isBegun || !this.#isOpen) return
    const { check, expiresAt } = this.#source
    if (expiresAt <= Date.now()) {
      this.end()
      return
    }
    this.#settle(check)
    if (beat % commentEvery === this.#turn && !this.#raw.writableNeedDrain) this.#write(':\n\n')
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

  /** Does nothing after the end of the stream. A check can end it at any time. */
  #write(text: string): void {
    if (this.#isOpen) this.#raw.write(text)
  }

  get #isOpen(): boolean {
    return !this.#raw.writableEnded && !this.#raw.destroyed
  }

  /** @returns undefined if the position is too old; the stream then continues from now */
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

  /** Ends the stream if the caller may no longer read. After other failures, it reads again. */
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
