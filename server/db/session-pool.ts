import type pg from 'pg'
import { databaseAway } from './database-error.ts'
import { PipelinedSession } from './pipelined-session.ts'

/** How long a caller waits for a session. */
const waitMs = 10_000
/**
 * A session that answers nothing for this long is closed. Longer than the statement timeout (10 s),
 * which several writes of one transaction can each spend waiting for a lock.
 */
const silentMs = 15_000
/** A session whose writes get no answer for this long is waiting for a lock or a disk. */
const blockedMs = 50
/** With this many statements in flight on every session, another session is opened. */
const deep = 4
/** Quick statements in flight on one session before another session is used. */
const full = 16
const backoffMs = { first: 100, most: 5000 }

export interface SessionPoolOptions {
  /** Opens and connects one session. */
  readonly open: () => Promise<pg.Client>
  /** Maximum number of sessions. */
  readonly max: number
  readonly waitMs?: number
  readonly silentMs?: number
  /** Called when a session is lost, and when opening one fails. */
  readonly onTrouble?: (error: Error) => void
}

interface Waiter {
  /** Reserves the session for the caller. */
  readonly hold: boolean
  readonly settle: (outcome: PipelinedSession | Error) => void
}

/** Opens sessions when needed, chooses one for each statement, and replaces lost ones. */
export class SessionPool {
  readonly #options: SessionPoolOptions
  readonly #onFree: () => void
  #sessions: readonly PipelinedSession[] = []
  readonly #waiting: Waiter[] = []
  readonly #watchdog: NodeJS.Timeout
  #opening = 0
  #failures = 0
  #retryAt = 0
  #lastError: unknown
  #closing = false

  /** @param onFree called when a session is added or released, before waiting callers get it */
  constructor(options: SessionPoolOptions, onFree: () => void) {
    this.#options = options
    this.#onFree = onFree
    this.#watchdog = setInterval(() => this.#destroySilent(), 1000)
    this.#watchdog.unref()
  }

  get usage(): { readonly open: number; readonly busy: number; readonly waiting: number } {
    const busy = this.#sessions.filter(({ held, inFlight }) => held || inFlight > 0).length
    return { open: this.#sessions.length, busy, waiting: this.#waiting.length }
  }

  /** The sessions for writes: all but the last quarter, which is reserved for reads. */
  forWrites(): readonly PipelinedSession[] {
    const { length } = this.#sessions
    const most = this.#sessions.slice(0, Math.max(1, length - Math.ceil(length / 4)))
    return most.every(({ held }) => held) ? this.#sessions : most
  }

  /**
   * For a quick statement: the fullest session with room, because statements that are sent together
   * share system calls. Not sessions with a write, whose commit waits for the disk.
   */
  roomy(): PipelinedSession | undefined {
    let best: PipelinedSession | undefined
    for (const session of this.#sessions) {
      const { held, lost, writes, slow, inFlight } = session
      if (held || lost || writes > 0 || slow > 0 || inFlight >= full) continue
      if (!best || inFlight > best.inFlight) best = session
    }
    return best ?? this.leastBusy()
  }

  /**
   * @returns undefined if transactions hold every session, if none is open, or if all are blocked
   * and another one is being opened
   */
  leastBusy(): PipelinedSession | undefined {
    let best: PipelinedSession | undefined
    for (const session of this.#sessions) {
      if (!session.held && !session.lost && (!best || session.inFlight < best.inFlight)) best = session
    }
    const isBlocked = best !== undefined && best.writes > 0 && Date.now() - best.lastAnswer >= blockedMs
    if (!best || best.inFlight >= deep || isBlocked) this.openAnother()
    return isBlocked && this.#opening > 0 ? undefined : best
  }

  /**
   * Waits for a session.
   * @param hold whether to reserve it
   * @throws AppError `database_away` after 10 s, or at once if none can be opened
   */
  wait(hold: boolean): Promise<PipelinedSession> {
    if (this.#closing) return Promise.reject(databaseAway(new Error('the database is being closed')))
    if (this.#sessions.length === 0 && this.#opening === 0)
      return Promise.reject(databaseAway(this.#lastError))
    return new Promise((resolve, reject) => {
      const settle = (outcome: PipelinedSession | Error) => {
        clearTimeout(timer)
        if (outcome instanceof Error) reject(databaseAway(outcome))
        else resolve(outcome)
      }
      const waiter = { hold, settle }
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        settle(new Error('no session became free in time'))
      }, this.#options.waitMs ?? waitMs)
      this.#waiting.push(waiter)
    })
  }

  /** Reserves a session for a transaction. */
  async hold(): Promise<PipelinedSession> {
    const free = this.leastBusy()
    if (!free) return this.wait(true)
    free.held = true
    return free
  }

  release(session: PipelinedSession): void {
    session.held = false
    session.patient = false
    this.#serveWaiting()
  }

  openAnother(): void {
    const isFull = this.#sessions.length + this.#opening >= this.#options.max
    if (isFull || this.#closing || this.#opening > 1 || Date.now() < this.#retryAt) return
    this.#opening += 1
    this.#options.open().then(
      client => this.#join(client),
      error => this.#failedToOpen(error),
    )
  }

  async close(): Promise<void> {
    this.#closing = true
    clearInterval(this.#watchdog)
    for (const waiter of this.#waiting.splice(0)) waiter.settle(new Error('the database is being closed'))
    await Promise.all(this.#sessions.map(session => session.end()))
  }

  #serveWaiting(): void {
    this.#onFree()
    while (this.#waiting.length > 0) {
      const session = this.leastBusy()
      const waiter = session && this.#waiting.shift()
      if (!waiter) return
      // Held at once, so that no other statement is sent after those of earlier callers.
      if (waiter.hold) session.held = true
      waiter.settle(session)
    }
  }

  #join(client: pg.Client): void {
    this.#opening -= 1
    this.#failures = 0
    const session = new PipelinedSession(client)
    const lose = (error: Error) => {
      if (session.lost) return
      session.lost = true
      this.#sessions = this.#sessions.filter(other => other !== session)
      if (!this.#closing) this.#options.onTrouble?.(error)
    }
    client.on('error', lose)
    client.on('end', () => lose(new Error('the session ended')))
    if (this.#closing) {
      void session.end()
      return
    }
    this.#sessions = [...this.#sessions, session]
    this.#serveWaiting()
  }

  #failedToOpen(error: Error): void {
    this.#opening -= 1
    this.#lastError = error
    // Jitter, so that replicas do not reconnect in step (Exponential Backoff And Jitter, AWS 2015).
    const pause = Math.min(backoffMs.most, backoffMs.first * 2 ** this.#failures)
    this.#failures += 1
    this.#retryAt = Date.now() + pause * (0.5 + Math.random() / 2)
    this.#options.onTrouble?.(error)
    if (this.#sessions.length > 0 || this.#opening > 0) {
      this.#serveWaiting()
      return
    }
    for (const waiter of this.#waiting.splice(0)) waiter.settle(error)
  }

  #destroySilent(): void {
    const limit = Date.now() - (this.#options.silentMs ?? silentMs)
    const silent = this.#sessions.filter(({ lastAnswer, patient }) => lastAnswer < limit && !patient)
    // Idle sessions too: the network that lost an answer has probably lost them as well.
    if (silent.some(({ inFlight }) => inFlight > 0)) for (const session of silent) session.destroy()
  }
}
