import type { Log } from '../log.ts'

/** Requests over a limit that are logged one by one each second. */
const mostLines = 10

/**
 * Decides which refused requests get lines of their own in the log. A refusal costs the caller next to nothing, so that without a
 * bound anybody could fill the disk with lines. The others are summed up, once a second.
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

  /** Counts a refusal. @returns whether it gets a line */
  take(): boolean {
    this.#refused += 1
    this.#timer ??= setTimeout(() => this.#sum(), 1000).unref()
    return this.#refused <= mostLines
  }

  #sum(): void {
    const unlogged = this.#refused - mostLines
    this.#refused = 0
    this.#timer = undefined
    if (unlogged > 0) this.#log.warn({ limit: this.#limit, unlogged }, 'more requests over their rate limit')
  }
}
