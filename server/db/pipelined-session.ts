import type { Duplex } from 'node:stream'
import type pg from 'pg'
import type { Statement } from './database.ts'

/** One connection to PostgreSQL and what is in flight on it. */
export class PipelinedSession {
  readonly client: pg.Client
  inFlight = 0
  /** Writes in flight. */
  writes = 0
  /** Statements in flight that are neither writes nor quick. */
  slow = 0
  /** Reserved for a transaction: no other statement may be sent. */
  held = false
  /** Exempt from the silence limit: migrations rebuild whole tables. */
  patient = false
  /** The connection is gone. */
  lost = false
  /** When PostgreSQL last sent something while a statement was in flight, in milliseconds. */
  lastAnswer = Date.now()
  readonly #wire: Duplex
  #isEnding = false
  #isCorked = false

  constructor(client: pg.Client) {
    this.client = client
    this.#wire = wireOf(client)
    this.#wire.on('data', () => {
      this.lastAnswer = Date.now()
    })
  }

  /** Whether a failed statement may have failed because the connection ended. */
  get hasEnded(): boolean {
    return this.lost || this.#isEnding
  }

  started({ quick, write }: Statement): void {
    if (this.inFlight === 0) this.lastAnswer = Date.now()
    this.inFlight += 1
    if (write) this.writes += 1
    else if (!quick) this.slow += 1
  }

  finished({ quick, write }: Statement): void {
    this.inFlight -= 1
    if (write) this.writes -= 1
    else if (!quick) this.slow -= 1
  }

  // The driver's types lack callbacks with arrays, subclasses of Query, and read-only values.
  submit(...call: unknown[]): void {
    ;(this.client.query as (...call: unknown[]) => void).apply(this.client, call)
  }

  /** Sends all statements of this turn of the event loop in one system call. */
  cork(): void {
    if (this.#isCorked) return
    this.#isCorked = true
    this.#wire.cork()
    setImmediate(() => {
      this.#isCorked = false
      this.#wire.uncork()
    })
  }

  /** Sends what `work` submits in one system call, before this method returns. */
  together(work: () => void): void {
    this.#wire.cork()
    try {
      work()
    } finally {
      this.#wire.uncork()
    }
  }

  destroy(): void {
    this.#wire.destroy(new Error('the session stopped answering'))
  }

  async end(): Promise<void> {
    this.#isEnding = true
    await this.client.end()
  }
}

// The driver's types leave out `connection`, which holds the socket.
function wireOf(client: pg.Client): Duplex {
  return (client as pg.Client & { connection: { stream: Duplex } }).connection.stream
}
