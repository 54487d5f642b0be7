import type {
  Database,
  Ending,
  Guard,
  OnStatement,
  OnWritten,
  Patience,
  Reads,
  Result,
  Row,
  Session,
  Statement,
  TakeRow,
  Usage,
  Value,
} from './database.ts'
import { unprepared } from './database.ts'
import { FairReads } from './fair-reads.ts'
import { PerOwner } from './per-owner.ts'
import type { PipelinedSession } from './pipelined-session.ts'
import { written } from './rows-query.ts'
import { runTransaction } from './run-transaction.ts'
import { type Call, resultOf, rowsOf, type SendOptions, sendStatement } from './send-statement.ts'
import { sendWrites } from './send-writes.ts'
import { SessionPool, type SessionPoolOptions } from './session-pool.ts'
import { WriteQueue } from './write-queue.ts'

/** Maximum number of writes in one transaction. If one fails, the others are sent again. */
const maxTogether = 32

/** Transactions of one owner that wait. Each holds the slot of a request. */
const maxChanges = 32
const maxChangeWaitMs = 10_000
/**
 * A large transaction holds up others: all of them on the embedded database, and on PostgreSQL
 * those that wait for this process. So it is followed by a rest, this many times as long. After
 * another one for whose session others wait, the rest is as long as itself.
 */
const restFactors = { large: 4, other: 1 }
const maxRestMs = 5000

interface SessionOptions extends SessionPoolOptions {
  readonly label: string
  /** Separate sessions for two scans at once. Without them, one scan at a time uses these. */
  readonly scans?: Database
  /** Whether statements may be prepared under a name (not behind a pooler in transaction mode). */
  readonly prepare: boolean
  /** Whether writes of several owners may share a transaction. Not on Citus: each shard commits. */
  readonly groupCommits: boolean
  readonly onStatement?: OnStatement | undefined
}

/**
 * Pipelined sessions to one PostgreSQL. A statement is sent at once on the least busy session,
 * without waiting for those before it; writes of several owners share a transaction
 * (write-queue.ts). `pg.Pool` gives a session to one caller at a time.
 */
export class Sessions implements Database {
  readonly label: string
  readonly reads: Reads
  readonly #max: number
  readonly #scans: Database | undefined
  readonly #sending: SendOptions
  readonly #pool: SessionPool
  readonly #writes: WriteQueue<PipelinedSession>
  readonly #changes = new PerOwner(1, maxChanges, maxChangeWaitMs)
  #pinging: Promise<void> | undefined
  readonly #listeners: OnWritten[] = []

  constructor(options: SessionOptions) {
    const { label, max, scans, prepare, onStatement, groupCommits } = options
    this.label = label
    this.#max = max
    this.#scans = scans
    this.reads = new FairReads(this, scans ?? this, scans ? 2 : 1)
    this.#sending = {
      prepare,
      onStatement,
      onWritten: (owner, hasWebhooks) => this.#written(owner, hasWebhooks),
      described: new WeakSet(),
    }
    this.#pool = new SessionPool(options, () => this.#writes.wake())
    this.#writes = new WriteQueue({
      sessions: () => this.#pool.forWrites(),
      grow: () => this.#pool.openAnother(),
      send: (session, transactions) => sendWrites(session, this.#sending, transactions),
      wait: () => this.#pool.wait(false),
      most: groupCommits ? maxTogether : 1,
    })
  }

  get usage(): Usage {
    const { open, busy, waiting } = this.#pool.usage
    return { open, busy, most: this.#max, waiting: waiting + this.#writes.blocked }
  }

  query(statement: Statement, values?: readonly Value[], guard?: Guard): Promise<Row[]> {
    return this.#send(statement, values, undefined, guard)
  }

  read(statement: Statement, values: readonly Value[], take: TakeRow, guard?: Guard): Promise<unknown> {
    return this.#send(statement, values, take, guard)
  }

  run(statement: Statement, values: readonly unknown[]): Promise<Result> {
    return this.#sendOn(this.#pool.leastBusy(), { statement, values, read: resultOf })
  }

  async transaction<T>(
    work: (session: Session) => Promise<T>,
    patience: Patience = 'short',
    guard?: Guard,
  ): Promise<T> {
    const session = await this.#pool.hold()
    session.patient = patience === 'unlimited'
    try {
      return await runTransaction(session, this.#sending, work, guard)
    } finally {
      this.#pool.release(session)
    }
  }

  change<T>(
    owner: string,
    work: (session: Session) => Promise<T>,
    guard?: Guard,
    { hasWebhooks = () => false, isLarge = () => false }: Ending = {},
  ): Promise<T> {
    const run = async () => {
      let begun = performance.now()
      let isAwaited = false
      const timed = async (session: Session) => {
        begun = performance.now()
        try {
          return await work(session)
        } finally {
          isAwaited = this.#pool.usage.waiting > 0
        }
      }
      try {
        const result = await this.transaction(timed, 'short', guard)
        this.#written(owner, hasWebhooks())
        return result
      } finally {
        const factor = isLarge() ? restFactors.large : isAwaited ? restFactors.other : 0
        this.#changes.rest(owner, Math.min(maxRestMs, factor * (performance.now() - begun)))
      }
    }
    return this.#changes.run(owner, run, { isGone: () => false })
  }

  onWritten(listener: OnWritten): void {
    this.#listeners.push(listener)
  }

  ping(): Promise<void> {
    this.#pinging ??= this.query(unprepared('select 1'))
      .then(() => undefined)
      .finally(() => {
        this.#pinging = undefined
      })
    return this.#pinging
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#scans?.close()])
  }

  #written(owner: string, hasWebhooks: boolean): void {
    for (const listener of this.#listeners) listener(owner, hasWebhooks)
  }

  #send(statement: Statement, values?: readonly Value[], take?: TakeRow, guard?: Guard): Promise<Row[]> {
    if (statement.write) return this.#write(statement, values, take, guard)
    const session = statement.quick ? this.#pool.roomy() : this.#pool.leastBusy()
    return this.#sendOn(session, { statement, values, take, read: rowsOf }, guard)
  }

  #sendOn<T>(session: PipelinedSession | undefined, call: Call<T>, guard?: Guard): Promise<T> {
    return session ? sendStatement(session, this.#sending, call) : this.#sendLater(call, guard)
  }

  /** Waits for a session. The caller may have been signed out meanwhile, so `guard` is checked. */
  async #sendLater<T>(call: Call<T>, guard: Guard | undefined): Promise<T> {
    const waited = await this.#pool.wait(false)
    const checking = guard?.check()
    if (!checking) return sendStatement(waited, this.#sending, call)
    await checking
    // The check took a query, so a transaction may hold the session by now.
    return this.#sendOn(this.#pool.leastBusy(), call, guard)
  }

  #write(statement: Statement, values: readonly Value[] = [], take?: TakeRow, guard?: Guard): Promise<Row[]> {
    try {
      return this.#writes.add(statement, written(values), take, guard)
    } catch (error) {
      // A value that cannot be serialized.
      return Promise.reject(error)
    }
  }
}
