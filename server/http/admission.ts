import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import { AppError } from '../errors.ts'
import { network } from '../limits/network.ts'
import { type ErrorShape, errorAnswer, placeOf, refusalHeaders } from './error-reply.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Rejected because the server is overloaded. The log has one line for all of these. */
    isRejected: boolean
  }
}

/** Slots until it is known how long requests take. */
const usual = 128
const most = 1024
const least = 16
/** The part of the slots that one user or address can hold; at least `leastOfOne` slots. */
const partOfOne = 1 / 8
const leastOfOne = 4
/** Waiting requests of one user: more than RATE_LIMIT admits at once by default. */
const mostWaiting = 400
/** Requests that wait, of all users together. Each may hold a body in memory. */
const mostWaitingInAll = 2000
/** In overload there are as many slots as requests were done in this time. */
const aimMs = 300
const tickMs = 250

const busy = new AppError('busy', 'The server is busy. Please try again in a moment.', { retryAfter: 1 })
const tooManyAtOnce = new AppError(
  'too_many_requests',
  `You have more than ${mostWaiting} requests waiting. Send fewer at the same time.`,
  { retryAfter: 1 },
)

interface User {
  readonly name: string
  inside: number
  /** Each starts a handler, unless its client has disconnected. */
  readonly waiting: (() => void)[]
}

/**
 * Bounds how many handlers run at once, so that admitted requests are answered soon and the others
 * are rejected at once. The number of slots follows from the throughput (Little's law). A user's
 * requests beyond the user's part wait without a slot, so one user's load leaves slots for the
 * others.
 *
 * A slot is held while a handler runs, until it returns its answer. Receiving a body and sending an
 * answer hold none.
 */
export class Admission {
  #inside = 0
  #waiting = 0
  #room = usual
  #done = 0
  /** The highest `#inside` since the last adjustment. */
  #peak = 0
  #refused = 0
  #refusedInAll = 0
  #refusedBeforeOverload = 0
  #adjustedAt = 0
  #ticking: NodeJS.Timeout | undefined
  readonly #users = new Map<string, User>()
  readonly #log: Context['log']
  readonly #now: () => number

  constructor(log: Context['log'], now = () => performance.now()) {
    this.#log = log
    this.#now = now
  }

  /** Slots in use. */
  get inside(): number {
    return this.#inside
  }

  /** Slots. */
  get room(): number {
    return this.#room
  }

  /** Requests rejected since the start. */
  get refusedInAll(): number {
    return this.#refusedInAll
  }

  /** Whether no slot is free. Requests are then rejected before their token or body is read. */
  get isFull(): boolean {
    return this.#inside >= this.#room
  }

  /** Answers 503 without the error handler, which costs more. */
  reject(request: FastifyRequest, reply: FastifyReply, errors: ErrorShape): void {
    this.#refuse(request)
    const { status, headers, body } = errorAnswer(errors, busy, placeOf(request))
    reply.code(status).headers(refusalHeaders).headers(headers).send(body)
  }

  /**
   * Runs a handler in a slot.
   * @throws AppError `busy` if none is free, `too_many_requests` if too many of this user's wait
   */
  work(request: FastifyRequest, handler: () => unknown): Promise<unknown> {
    const name = request.userId || network(request.ip)
    const user = this.#users.get(name) ?? { name, inside: 0, waiting: [] }
    const hasShare = user.inside >= this.#mostOfOne
    if (!hasShare && this.#inside < this.#room) return this.#run(user, handler)
    if (hasShare && user.waiting.length >= mostWaiting) return Promise.reject(tooManyAtOnce)
    if (!hasShare || this.#waiting >= mostWaitingInAll) {
      this.#refuse(request)
      return Promise.reject(busy)
    }
    this.#waiting += 1
    return new Promise((resolve, reject) => {
      user.waiting.push(() => {
        this.#waiting -= 1
        // Nobody receives this error.
        if (request.raw.socket.destroyed) reject(busy)
        else this.#run(user, handler).then(resolve, reject)
      })
    })
  }

  get #mostOfOne(): number {
    return Math.max(leastOfOne, this.#room * partOfOne)
  }

  async #run(user: User, handler: () => unknown): Promise<unknown> {
    if (user.inside === 0) this.#users.set(user.name, user)
    user.inside += 1
    this.#inside += 1
    if (this.#inside > this.#peak) this.#peak = this.#inside
    try {
      return await handler()
    } finally {
      user.inside -= 1
      this.#inside -= 1
      this.#done += 1
      this.#startWaiting(user)
      if (user.inside === 0) this.#users.delete(user.name)
    }
  }

  /** Uses the slots that the user may have by now: at least one, or none would ever start. */
  #startWaiting(user: User): void {
    const mayStart = () => user.inside === 0 || (user.inside < this.#mostOfOne && this.#inside < this.#room)
    while (user.waiting.length > 0 && mayStart()) user.waiting.shift()?.()
  }

  #refuse(request: FastifyRequest): void {
    request.isRejected = true
    this.#refused += 1
    this.#refusedInAll += 1
    if (this.#ticking) return
    this.#refusedBeforeOverload = this.#refusedInAll - 1
    this.#adjustedAt = this.#now()
    this.#log.warn({ atOnce: this.#inside }, 'overloaded: requests are rejected with 503')
    this.#done = 0
    this.#peak = this.#inside
    this.#ticking = setInterval(() => this.#adjust(), tickMs)
    this.#ticking.unref()
  }

  #adjust(): void {
    const now = this.#now()
    const share = aimMs / (now - this.#adjustedAt)
    this.#adjustedAt = now
    if (this.#refused === 0 && this.#peak < Math.min(usual, this.#room)) {
      clearInterval(this.#ticking)
      this.#ticking = undefined
      this.#room = usual
      this.#log.warn({ refused: this.#refusedInAll - this.#refusedBeforeOverload }, 'no longer overloaded')
    } else {
      this.#room = Math.min(most, Math.max(least, Math.round(this.#done * share)))
    }
    this.#done = 0
    this.#peak = this.#inside
    this.#refused = 0
  }
}
