import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import { AppError } from '../errors.ts'
import { site } from '../limits/network.ts'
import { type ErrorShape, errorAnswer, placeOf, refusalHeaders } from './error-reply.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Rejected because the server is overloaded. The log has one line for all of these. */
    isRejected: boolean
  }
}

/** Slots while there is no overload. */
const defaultSlots = 128
const maxSlots = 1024
const minSlots = 16
/** The part of the slots that one user or address can hold; at least `minSlotsOfUser`. */
const shareOfUser = 1 / 8
const minSlotsOfUser = 4
/** Waiting requests of one user: more than RATE_LIMIT admits at once by default. */
const maxWaitingOfUser = 400
/** Waiting requests of all users. Each may hold a body in memory. */
const maxWaiting = 2000
/** In overload there are as many slots as requests were completed in this time. */
const targetMs = 300
const adjustMs = 250

const busy = new AppError('busy', 'The server is busy. Please try again in a moment.', { retryAfter: 1 })
const tooManyAtOnce = new AppError(
  'too_many_requests',
  `You have more than ${maxWaitingOfUser} requests waiting. Send fewer at the same time.`,
  { retryAfter: 1 },
)

interface User {
  readonly name: string
  inUse: number
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
  #inUse = 0
  #waiting = 0
  #slots = defaultSlots
  #done = 0
  /** The highest `#inUse` since the last adjustment. */
  #peak = 0
  #refused = 0
  #refusedTotal = 0
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
  get inUse(): number {
    return this.#inUse
  }

  /** Slots in total. */
  get slots(): number {
    return this.#slots
  }

  /** Requests rejected since the start. */
  get refusedTotal(): number {
    return this.#refusedTotal
  }

  /** Whether no slot is free. Requests are then rejected before their token or body is read. */
  get isFull(): boolean {
    return this.#inUse >= this.#slots
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
    const name = request.userId || site(request.ip)
    const user = this.#users.get(name) ?? { name, inUse: 0, waiting: [] }
    const hasFullShare = user.inUse >= this.#maxOfOne || user.waiting.length > 0
    if (!hasFullShare && this.#inUse < this.#slots) return this.#run(user, handler)
    if (hasFullShare && user.waiting.length >= maxWaitingOfUser) return Promise.reject(tooManyAtOnce)
    if (!hasFullShare || this.#waiting >= maxWaiting) {
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

  get #maxOfOne(): number {
    return Math.max(minSlotsOfUser, this.#slots * shareOfUser)
  }

  async #run(user: User, handler: () => unknown): Promise<unknown> {
    if (user.inUse === 0) this.#users.set(user.name, user)
    user.inUse += 1
    this.#inUse += 1
    if (this.#inUse > this.#peak) this.#peak = this.#inUse
    try {
      return await handler()
    } finally {
      user.inUse -= 1
      this.#inUse -= 1
      this.#done += 1
      // In a turn of the event loop of its own: all that wait may be rejected, one after another.
      if (user.waiting.length > 0) setImmediate(() => this.#startWaiting(user))
      else this.#forget(user)
    }
  }

  /**
   * Starts as many waiting requests as the user's share allows. At least one always starts, since
   * only the end of another request of the user starts the next.
   */
  #startWaiting(user: User): void {
    const mayStart = () => user.inUse === 0 || (user.inUse < this.#maxOfOne && this.#inUse < this.#slots)
    while (user.waiting.length > 0 && mayStart()) user.waiting.shift()?.()
    // The clients of all that waited may have disconnected.
    this.#forget(user)
  }

  #forget(user: User): void {
    const isIdle = user.inUse === 0 && user.waiting.length === 0
    if (isIdle && this.#users.get(user.name) === user) this.#users.delete(user.name)
  }

  #refuse(request: FastifyRequest): void {
    request.isRejected = true
    this.#refused += 1
    this.#refusedTotal += 1
    if (this.#ticking) return
    this.#refusedBeforeOverload = this.#refusedTotal - 1
    this.#adjustedAt = this.#now()
    this.#log.warn({ atOnce: this.#inUse }, 'overloaded: requests are rejected with 503')
    this.#done = 0
    this.#peak = this.#inUse
    this.#ticking = setInterval(() => this.#adjust(), adjustMs)
    this.#ticking.unref()
  }

  #adjust(): void {
    const now = this.#now()
    const share = targetMs / (now - this.#adjustedAt)
    this.#adjustedAt = now
    if (this.#refused === 0 && this.#peak < Math.min(defaultSlots, this.#slots)) {
      clearInterval(this.#ticking)
      this.#ticking = undefined
      this.#slots = defaultSlots
      this.#log.warn({ refused: this.#refusedTotal - this.#refusedBeforeOverload }, 'no longer overloaded')
    } else {
      this.#slots = Math.min(maxSlots, Math.max(minSlots, Math.round(this.#done * share)))
    }
    this.#done = 0
    this.#peak = this.#inUse
    this.#refused = 0
  }
}
