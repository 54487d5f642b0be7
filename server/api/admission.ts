import type { FastifyRequest, onRequestHookHandler } from 'fastify'
import type { Context } from '../context.ts'
import { AppError } from '../errors.ts'
import { type ErrorShape, errorAnswer, pathOf, refusalHeaders } from './error-reply.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Because too much is going on; the log tells how many were, not each. */
    isTurnedAway: boolean
  }
}

/** Requests that are worked on at once, until it is seen how long they take. */
const usual = 128
/** And at most, however quick they are. */
const most = 1024
/** And at least, however slow they are. */
const least = 16
/** How long work may take once there is too much of it: as much is let in as was done in this time. */
const aimMs = 300
const tickMs = 250

const busy = new AppError('busy', 'The server is busy. Please try again in a moment.', { retryAfter: 1 })

/**
 * Bounds how many requests are worked on, so that those which are let in are answered soon and the others are told at once.
 * How many that is follows from what gets done (Little's law): a queue is as long as it may take to work off.
 *
 * A request counts while its handler works: until its answer is made, or begins to stream. The time in which a client sends a
 * body or reads an answer is its own: a few slow ones would otherwise take the room of all.
 */
export class Admission {
  #inside = 0
  #room = usual
  #done = 0
  /** Worked on at once, at most, since it was last looked at. */
  #peak = 0
  #refused = 0
  #refusedInAll = 0
  /** Of these, before this overload. */
  #refusedBefore = 0
  #lookedAt = 0
  #ticking: NodeJS.Timeout | undefined
  readonly #log: Context['log']
  readonly #now: () => number

  constructor(log: Context['log'], now = () => performance.now()) {
    this.#log = log
    this.#now = now
  }

  /** Requests that are worked on. */
  get inside(): number {
    return this.#inside
  }

  /** Requests that may be, at once. */
  get room(): number {
    return this.#room
  }

  /** Requests since the start. */
  get refusedInAll(): number {
    return this.#refusedInAll
  }

  /** A hook that turns requests away while there is no room, before a token is looked at or a body is read. */
  hook(errors: ErrorShape): onRequestHookHandler {
    return (request, reply, done) => {
      if (this.#inside < this.#room) return done()
      this.#refuse(request)
      const { status, headers, body } = errorAnswer(errors, busy, pathOf(request))
      reply.code(status).headers(refusalHeaders).headers(headers).send(body)
    }
  }

  /** Has a handler work. @throws AppError `busy` where bodies came faster than room was made */
  async work(request: FastifyRequest, handler: () => unknown): Promise<unknown> {
    if (this.#inside >= this.#room) {
      this.#refuse(request)
      throw busy
    }
    this.#inside += 1
    if (this.#inside > this.#peak) this.#peak = this.#inside
    try {
      return await handler()
    } finally {
      this.#inside -= 1
      this.#done += 1
    }
  }

  #refuse(request: FastifyRequest): void {
    request.isTurnedAway = true
    this.#refused += 1
    this.#refusedInAll += 1
    if (this.#ticking) return
    this.#refusedBefore = this.#refusedInAll - 1
    this.#lookedAt = this.#now()
    this.#log.warn({ atOnce: this.#inside }, 'overloaded: requests are turned away with 503')
    this.#done = 0
    this.#peak = this.#inside
    this.#ticking = setInterval(() => this.#adjust(), tickMs)
    this.#ticking.unref()
  }

  #adjust(): void {
    const now = this.#now()
    const share = aimMs / (now - this.#lookedAt)
    this.#lookedAt = now
    if (this.#refused === 0 && this.#peak < Math.min(usual, this.#room)) {
      clearInterval(this.#ticking)
      this.#ticking = undefined
      this.#room = usual
      this.#log.warn({ refused: this.#refusedInAll - this.#refusedBefore }, 'overloaded no more')
    } else {
      this.#room = Math.min(most, Math.max(least, Math.round(this.#done * share)))
    }
    this.#done = 0
    this.#peak = this.#inside
    this.#refused = 0
  }
}
