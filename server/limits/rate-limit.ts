import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import type { Config } from '../config/config.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { Buckets } from './buckets.ts'
import { costMs, fillingMs, type Rate, toleranceMs } from './rate.ts'
import { RefusalLog } from './refusal-log.ts'
import type { SharedBuckets } from './shared-buckets.ts'

/** Absent: no limit. */
export interface Limits {
  /** By user: requests with a valid token. */
  readonly user: RateLimit | undefined
  /** By address: all other requests. */
  readonly address: RateLimit | undefined
}

/** @param shared counts for all replicas while it is available */
export function rateLimits(
  { rateLimit, rateLimitAddress }: Pick<Config, 'rateLimit' | 'rateLimitAddress'>,
  shared: SharedBuckets | undefined,
  log: Log,
): Limits {
  return {
    user: rateLimit && new RateLimit('user', rateLimit, shared, log),
    address: rateLimitAddress && new RateLimit('address', rateLimitAddress, shared, log),
  }
}

/** Counts requests by key and sets RateLimit headers (draft-ietf-httpapi-ratelimit-headers-10). */
export class RateLimit {
  readonly name: string
  #refused = 0
  readonly #rate: Rate
  readonly #own: Buckets
  readonly #shared: SharedBuckets | undefined
  readonly #refusals: RefusalLog
  readonly #policy: string
  /** Cached values of the `RateLimit` header, by remaining requests. */
  readonly #written: string[] = []

  constructor(name: string, rate: Rate, shared: SharedBuckets | undefined, log: Log) {
    this.name = name
    this.#rate = rate
    this.#own = new Buckets({ rate })
    this.#shared = shared
    this.#refusals = new RefusalLog(log, name)
    this.#policy = `"${name}";q=${rate.burst};w=${Math.ceil(fillingMs(rate) / 1000)}`
  }

  /** Rejected requests since the start. */
  get refused(): number {
    return this.#refused
  }

  /**
   * Counts a request and sets its headers.
   * @returns the error if it exceeds the limit; never rejects
   */
  count(key: string, reply: FastifyReply): AppError | undefined | Promise<AppError | undefined> {
    if (!this.#shared?.isThere) return this.#judge(this.#own.take(key), reply)
    return this.#shared
      .take(`${this.name}:${hashed(key)}`, this.#rate)
      .then(untilFull => this.#judge(untilFull ?? this.#own.take(key), reply))
  }

  #judge(untilFull: number, reply: FastifyReply): AppError | undefined {
    const spare = fillingMs(this.#rate) - untilFull
    const left = Math.floor((spare + toleranceMs(this.#rate)) / costMs(this.#rate))
    reply.header('ratelimit', this.#header(Math.max(left, 0))).header('ratelimit-policy', this.#policy)
    if (left >= 0) return undefined
    this.#refused += 1
    if (!this.#refusals.take()) reply.request.isRejected = true
    const retryAfter = Math.ceil(-spare / 1000)
    return new AppError('too_many_requests', `Too many requests. Try again in ${retryAfter} s.`, {
      retryAfter,
    })
  }

  #header(left: number): string {
    const { perSecond, burst } = this.#rate
    this.#written[left] ??= `"${this.name}";r=${left};t=${Math.ceil((burst - left) / perSecond)}`
    return this.#written[left]
  }
}

// Hashed keys reveal no user or address, and have the same length.
function hashed(key: string): string {
  return createHash('sha256').update(key).digest('base64url')
}
