import type { Log } from '../log.ts'

/** Rejected requests that are logged individually each second. */
const maxLines = 10

/**
 * Decides which rejected requests get their own log line; the others are counted in one line per
 * second. Without this bound a client could fill the disk with log lines.
 */
export class RefusalLog {
  readonly #log: Log
  readonly #limit: string
  #refused = 0
  #timer: NodeJS.Timeout | undefined

  constructor(log: Log, limit: string) {
    this.#log = log
    this.#limit = limit
  }

  /** Counts a rejected request. @returns whether to log it */
  take(): boolean {
    this.#refused += 1
    this.#timer ??= setTimeout(() => this.#sum(), 1000).unref()
    return this.#refused <= maxLines
  }

  #sum(): void {
    const unlogged = this.#refused - maxLines
    this.#refused = 0
    this.#timer = undefined
    if (unlogged > 0)
      this.#log.warn({ limit: this.#limit, unlogged }, 'more requests exceeded the rate limit')
  }
}
