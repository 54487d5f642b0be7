import { costMs, fillingMs, type Rate, toleranceMs } from './rate.ts'

interface Bucket {
  /** When the bucket is full again. */
  fullAt: number
}

interface BucketsOptions {
  readonly rate: Rate
  /** A monotonic clock in milliseconds. */
  readonly now?: () => number
  /** Half of the maximum number of stored keys. */
  readonly remembered?: number
}

/**
 * Counts requests by key in memory (generic cell rate algorithm, ITU-T I.371).
 *
 * Keys are stored in two generations. An unused bucket fills up and then equals an unknown one, so
 * dropping it changes nothing. With more keys than `remembered`, the oldest are dropped early; an
 * attacker who wants that has to send a hundred thousand requests that count for other keys.
 */
export class Buckets {
  readonly #costMs: number
  readonly #fillingMs: number
  readonly #toleranceMs: number
  readonly #now: () => number
  readonly #remembered: number
  #young = new Map<string, Bucket>()
  #old = new Map<string, Bucket>()
  #turnsAt: number

  constructor({ rate, now = () => performance.now(), remembered = 100_000 }: BucketsOptions) {
    this.#costMs = costMs(rate)
    this.#fillingMs = fillingMs(rate)
    this.#toleranceMs = toleranceMs(rate)
    this.#now = now
    this.#remembered = remembered
    this.#turnsAt = now() + this.#fillingMs
  }

  /**
   * Takes one request from the bucket, unless it is empty.
   * @returns milliseconds until the bucket is full; more than the filling time if it was empty and
   * nothing was taken
   */
  take(key: string): number {
    const now = this.#now()
    const bucket = this.#bucket(key, now)
    const untilFull = Math.max(bucket.fullAt - now, 0) + this.#costMs
    if (untilFull <= this.#fillingMs + this.#toleranceMs) bucket.fullAt = now + untilFull
    return untilFull
  }

  /** Number of stored keys. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  #bucket(key: string, now: number): Bucket {
    if (now >= this.#turnsAt || this.#young.size >= this.#remembered) this.#turn(now)
    const young = this.#young.get(key)
    if (young) return young
    const bucket = this.#old.get(key) ?? { fullAt: now }
    this.#young.set(key, bucket)
    return bucket
  }

  #turn(now: number): void {
    this.#old = this.#young
    this.#young = new Map()
    this.#turnsAt = now + this.#fillingMs
  }
}
