import { costMs, fillingMs, type Rate, toleranceMs } from './rate.ts'

interface Bucket {
  /** The moment at which it is as if nothing had been taken. */
  fullAt: number
}

export interface BucketsOptions {
  readonly rate: Rate
  /** Milliseconds that only ever grow. */
  readonly now?: () => number
  /** Keys remembered, at most twice this many. */
  readonly remembered?: number
}

/**
 * Counts calls by key, in this process's memory (the generic cell rate algorithm, ITU-T I.371).
 *
 * Two generations: a bucket that was not touched for as long as it takes to fill is full, which is what an unknown one is, so
 * forgetting it changes nothing. Where more keys come than can be remembered the oldest are forgotten early: whoever wants to be
 * forgotten has to send a hundred thousand calls that are counted for others.
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
   * Takes one, where there is one.
   * @returns milliseconds until the bucket is full again; more than it takes to fill where it was empty, and nothing was taken
   */
  take(key: string): number {
    const now = this.#now()
    const bucket = this.#bucket(key, now)
    const untilFull = Math.max(bucket.fullAt - now, 0) + this.#costMs
    if (untilFull <= this.#fillingMs + this.#toleranceMs) bucket.fullAt = now + untilFull
    return untilFull
  }

  /** Keys that are remembered. */
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
