import type { Duplex } from 'node:stream'
import type pg from 'pg'
import { DataRow } from './data-row.ts'
import type {
  Database,
  Guard,
  OnStatement,
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
import { databaseAway, databaseError, errorType, losesToAnother, refuses } from './database-error.ts'
import { FairReads } from './fair-reads.ts'
import { PacedReading } from './paced-reading.ts'
import { isPrepared, RowsQuery, TransactionQuery, written } from './rows-query.ts'
import { type Write, WriteQueue } from './write-queue.ts'

/** How long a caller waits for a session that transactions hold before it is told that the database is busy. */
const waitMs = 10_000
/**
 * A session that has answered nothing for this long is given up: its statement timeout (10 s) is long past, save where several writes of
 * one transaction have each waited for a lock.
 */
const silentMs = 15_000
/** Statements in flight on every session before another one is opened. */
const deep = 4
/** Quick statements in flight on one session before another one is used. */
const full = 16
/** Writes in one transaction, at most: one that fails has the others run again. */
const mostTogether = 32
const backoffMs = { first: 100, most: 5000 }

export interface SessionOptions {
  readonly label: string
  /** Opens and connects one session. */
  readonly open: () => Promise<pg.Client>
  /** Sessions of their own for scans, two at once. Otherwise scans take turns here, one at once. */
  readonly scans?: Database
  /** Sessions at most. */
  readonly max: number
  /** Whether statements may be prepared under a name (not behind a pooler in transaction mode). */
  readonly prepare: boolean
  /** Whether writes of several owners may be one transaction (not on Citus, whose shards would each commit). */
  readonly groupCommits: boolean
  readonly waitMs?: number
  readonly silentMs?: number
  /** Called when a session is lost, and when opening one fails. */
  readonly onTrouble?: (error: Error) => void
  readonly onStatement?: OnStatement | undefined
}

interface Member {
  readonly client: pg.Client
  inFlight: number
  /** Those of them that are writes, and those that are neither these nor quick. */
  writes: number
  slow: number
  /** Held by a transaction: nobody else's statement may be sent on it. */
  held: boolean
  /** Held for as long as it takes: migrations rebuild whole tables. */
  patient: boolean
  lost: boolean
  corked: boolean
  lastAnswer: number
}

interface Waiter {
  /** Wants the session for itself. */
  readonly hold: boolean
  readonly settle: (outcome: Member | Error) => void
}

/**
 * Pipelined sessions over one PostgreSQL: a statement is sent at once on the least busy session, without waiting for
 * those before it. Each carries its own Sync, so it is its own transaction and fails alone; writes of several owners share one (write-queue.ts).
 *
 * `pg.Pool` gives a session to one caller at a time, so that each statement waits for a free one.
 */
export class Sessions implements Database {
  readonly label: string
  readonly reads: Reads
  readonly #options: SessionOptions
  #members: readonly Member[] = []
  readonly #waiting: Waiter[] = []
  readonly #watchdog: NodeJS.Timeout
  readonly #reading = new PacedReading()
  readonly #writes: WriteQueue<Member>
  /** Statements read in binary format whose columns' types have been looked at. */
  readonly #described = new WeakSet<Statement>()
  #opening = 0
  #failures = 0
  #retryAt = 0
  #lastError: unknown
  #pinging: Promise<void> | undefined
  #closing = false

  constructor(options: SessionOptions) {
    this.label = options.label
    this.#options = options
    this.reads = new FairReads(this, options.scans ?? this, options.scans ? 2 : 1)
    this.#watchdog = setInterval(() => this.#giveUpSilent(), 1000)
    this.#watchdog.unref()
    this.#writes = new WriteQueue({
      sessions: () => this.#forWrites(),
      grow: () => this.#openAnother(),
      send: (member, transactions) => this.#sendWrites(member, transactions),
      wait: () => this.#wait(false),
      most: options.groupCommits ? mostTogether : 1,
    })
  }

  get usage(): Usage {
    const busy = this.#members.filter(({ held, inFlight }) => held || inFlight > 0).length
    const { length: open } = this.#members
    const waiting = this.#waiting.length + this.#writes.blocked
    return { open, busy, most: this.#options.max, waiting }
  }

  query(statement: Statement, values?: readonly Value[], guard?: Guard): Promise<Row[]> {
    return this.#ask(statement, values, undefined, guard)
  }

  read(statement: Statement, values: readonly Value[], take: TakeRow, guard?: Guard): Promise<unknown> {
    return this.#ask(statement, values, take, guard)
  }

  async run(statement: Statement, values: readonly unknown[]): Promise<Result> {
    return this.#send(this.#leastBusy() ?? (await this.#wait(false)), statement, values, resultOf, false)
  }

  async transaction<T>(
    work: (session: Session) => Promise<T>,
    patience: Patience = 'short',
    guard?: Guard,
  ): Promise<T> {
    const free = this.#leastBusy()
    if (free) free.held = true
    const member = free ?? (await this.#wait(true))
    member.patient = patience === 'unlimited'
    let firstFailure: unknown
    const noting = <R>(answer: Promise<R>): Promise<R> => {
      answer.catch(error => {
        firstFailure ??= error
      })
      return answer
    }
    const session: Session = {
      query: (statement, values) => noting(this.#send(member, statement, values, rowsOf, false)),
      read: (statement, values, take) => noting(this.#send(member, statement, values, rowsOf, false, take)),
      run: (statement, values) => noting(this.#send(member, statement, values, resultOf, false)),
    }
    try {
      await guard?.check(session)
      await session.query(unprepared('begin'))
      const result = await work(session)
      await guard?.check(session)
      const tag = await this.#send(member, unprepared('commit'), undefined, tagOf, true)
      // PostgreSQL answers COMMIT with ROLLBACK where an error that `work` caught had aborted the transaction.
      if (tag !== 'COMMIT') throw firstFailure ?? new Error(`PostgreSQL answered COMMIT with ${tag}`)
      return result
    } catch (error) {
      // A lost session has rolled back by itself; a rollback that fails leaves a session that nobody may use again.
      await session.query(unprepared('rollback')).catch(() => this.#destroy(member))
      throw error
    } finally {
      member.held = false
      member.patient = false
      this.#serveWaiting()
    }
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
    this.#closing = true
    clearInterval(this.#watchdog)
    for (const waiter of this.#waiting.splice(0)) waiter.settle(new Error('the database is being closed'))
    await Promise.all([...this.#members.map(member => member.client.end()), this.#options.scans?.close()])
  }

  /** @returns the rows, where they are not taken */
  #ask(statement: Statement, values?: readonly Value[], take?: TakeRow, guard?: Guard): Promise<Row[]> {
    if (statement.write) return this.#write(statement, values, take, guard)
    const member = this.#choose(statement)
    if (member) return this.#send(member, statement, values, rowsOf, false, take)
    return this.#wait(false).then(waited => this.#send(waited, statement, values, rowsOf, false, take))
  }

  #send<T>(
    member: Member,
    statement: Statement,
    values: readonly unknown[] | undefined,
    read: (result: Answered) => T,
    commits: boolean,
    take?: TakeRow,
  ): Promise<T> {
    if (member.inFlight === 0) member.lastAnswer = Date.now()
    const writes = statement.write ? 1 : 0
    const slow = statement.quick || statement.write ? 0 : 1
    member.inFlight += 1
    member.writes += writes
    member.slow += slow
    this.#cork(member)
    const { text } = statement
    const name = this.#options.prepare ? statement.name : ''
    const ended = this.#options.onStatement?.(statement.name)
    const describe = take !== undefined && !this.#described.has(statement)
    return new Promise((resolve, reject) => {
      // The driver's own promise adds a stack capture to each failure and a second promise to each success.
      const answer = (error: Error | null, result: Answered) => {
        member.inFlight -= 1
        member.writes -= writes
        member.slow -= slow
        const lost = member.lost || this.#closing
        ended?.(error ? errorType(error) : undefined)
        if (error) reject(databaseError(error, { name: statement.name, commits, lost }))
        else {
          if (describe) this.#described.add(statement)
          resolve(read(result))
        }
      }
      if (take || slow === 0) sendTo(member.client, new RowsQuery(name, text, values, answer, take, describe))
      else sendTo(member.client, { name, text, rowMode: 'array' }, values, answer)
    })
  }

  // All statements of one turn of the event loop leave in one write: the system call costs more than the statement.
  #cork(member: Member): void {
    if (member.corked) return
    member.corked = true
    const stream = wireOf(member.client)
    stream.cork()
    setImmediate(() => {
      member.corked = false
      stream.uncork()
    })
  }

  #choose({ quick }: Statement): Member | undefined {
    return quick ? this.#roomy() : this.#leastBusy()
  }

  /**
   * For a quick statement: the fullest session that has room. What leaves and comes back together costs one system call. Behind a
   * write it would wait for the disk.
   */
  #roomy(): Member | undefined {
    let best: Member | undefined
    for (const member of this.#members) {
      const { held, lost, writes, slow, inFlight } = member
      if (held || lost || writes > 0 || slow > 0 || inFlight >= full) continue
      if (!best || inFlight > best.inFlight) best = member
    }
    return best ?? this.#leastBusy()
  }

  #leastBusy(): Member | undefined {
    let best: Member | undefined
    for (const member of this.#members) {
      if (!member.held && !member.lost && (!best || member.inFlight < best.inFlight)) best = member
    }
    if (!best || best.inFlight >= deep) this.#openAnother()
    return best
  }

  /** The last quarter is left to those who read. */
  #forWrites(): readonly Member[] {
    const { length } = this.#members
    const most = this.#members.slice(0, Math.max(1, length - Math.ceil(length / 4)))
    return most.every(({ held }) => held) ? this.#members : most
  }

  #write(statement: Statement, values: readonly Value[] = [], take?: TakeRow, guard?: Guard): Promise<Row[]> {
    try {
      return this.#writes.add(statement, written(values), take, guard)
    } catch (error) {
      // A value that cannot be written.
      return Promise.reject(error)
    }
  }

  /** @returns those that were undone for the sake of another one */
  async #sendWrites(member: Member, transactions: readonly (readonly Write[])[]): Promise<readonly Write[]> {
    const stream = wireOf(member.client)
    const over: Promise<readonly Write[]>[] = []
    // What is sent for the first time is prepared alone: behind one that fails, it would not be.
    const isNew = ({ statement: { name } }: Write) =>
      this.#options.prepare && !isPrepared(member.client, name)
    stream.cork()
    try {
      for (const writes of transactions) {
        const known = writes.filter(write => !isNew(write))
        if (known.length > 0) over.push(this.#commit(member, known))
        for (const write of writes.filter(isNew)) over.push(this.#commit(member, [write]))
      }
    } finally {
      stream.uncork()
    }
    return (await Promise.all(over)).flat()
  }

  /** Does all of these writes or none. */
  #commit(member: Member, writes: readonly Write[]): Promise<readonly Write[]> {
    if (member.inFlight === 0) member.lastAnswer = Date.now()
    member.inFlight += writes.length
    member.writes += writes.length
    const { prepare, onStatement } = this.#options
    const ended = writes.map(({ statement }) => onStatement?.(statement.name))
    const parts = writes.map(({ statement, values, take }) => {
      const { name, text } = statement
      const binary = take !== undefined
      const describe = binary && !this.#described.has(statement)
      return { name: prepare ? name : '', text, values, binary, describe }
    })
    return new Promise(resolve => {
      const answer = (refusal: Error | null, rows: readonly (readonly Buffer[])[]) => {
        const error = refusal ?? this.#leftOpen(member)
        member.inFlight -= writes.length
        member.writes -= writes.length
        const undone = error ? this.#uncommitted(member, writes, rows.length, error) : []
        for (const [n, { describe }] of parts.entries()) {
          if (!error && describe) this.#described.add((writes[n] as Write).statement)
        }
        for (const [n, write] of writes.entries()) {
          ended[n]?.(error && !undone.includes(write) ? errorType(error) : undefined)
          if (!error) settle(write, rows[n] ?? [])
        }
        resolve(undone)
      }
      sendTo(member.client, new TransactionQuery(parts, answer))
    })
  }

  /** One Sync commits all that it ends, save inside of a transaction that somebody has begun and not ended. */
  #leftOpen(member: Member): Error | null {
    if (member.client.getTransactionStatus() === 'I') return null
    this.#destroy(member)
    return new Error('the session was inside of a transaction: the writes were not committed')
  }

  /** Where one of several was refused, none was done, and the others are not to blame. */
  #uncommitted(member: Member, writes: readonly Write[], at: number, error: Error): readonly Write[] {
    const lost = member.lost || this.#closing
    const isKnown = writes.length > 1 && refuses(error)
    const undone = isKnown ? writes.filter((_, n) => n !== at || losesToAnother(error)) : []
    for (const write of writes) {
      if (undone.includes(write)) continue
      write.reject(databaseError(error, { name: write.statement.name, commits: true, lost }))
    }
    return undone
  }

  #wait(hold: boolean): Promise<Member> {
    if (this.#closing) return Promise.reject(databaseAway(new Error('the database is being closed')))
    if (this.#members.length === 0 && this.#opening === 0)
      return Promise.reject(databaseAway(this.#lastError))
    return new Promise((resolve, reject) => {
      const settle = (outcome: Member | Error) => {
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

  #serveWaiting(): void {
    this.#writes.wake()
    while (this.#waiting.length > 0) {
      const member = this.#leastBusy()
      const waiter = member && this.#waiting.shift()
      if (!waiter) return
      // Held before anyone else is served: what was promised earlier on this session is sent before its `begin`.
      if (waiter.hold) member.held = true
      waiter.settle(member)
    }
  }

  #openAnother(): void {
    const full = this.#members.length + this.#opening >= this.#options.max
    if (full || this.#closing || this.#opening > 1 || Date.now() < this.#retryAt) return
    this.#opening += 1
    this.#options.open().then(
      client => this.#join(client),
      error => this.#failedToOpen(error),
    )
  }

  #join(client: pg.Client): void {
    this.#opening -= 1
    this.#failures = 0
    const member: Member = {
      client,
      inFlight: 0,
      writes: 0,
      slow: 0,
      held: false,
      patient: false,
      lost: false,
      corked: false,
      lastAnswer: Date.now(),
    }
    const lose = (error: Error) => {
      if (member.lost) return
      member.lost = true
      this.#members = this.#members.filter(other => other !== member)
      if (!this.#closing) this.#options.onTrouble?.(error)
    }
    const wire = wireOf(client)
    this.#reading.pace(wire)
    wire.on('data', () => {
      member.lastAnswer = Date.now()
    })
    client.on('error', lose)
    client.on('end', () => lose(new Error('the session ended')))
    if (this.#closing) {
      void client.end()
      return
    }
    this.#members = [...this.#members, member]
    this.#serveWaiting()
  }

  #failedToOpen(error: Error): void {
    this.#opening -= 1
    this.#lastError = error
    // Full jitter, so that replicas do not come back in step (Exponential Backoff And Jitter, AWS 2015).
    const pause = Math.min(backoffMs.most, backoffMs.first * 2 ** this.#failures)
    this.#failures += 1
    this.#retryAt = Date.now() + pause * (0.5 + Math.random() / 2)
    this.#options.onTrouble?.(error)
    if (this.#members.length > 0 || this.#opening > 0) return
    for (const waiter of this.#waiting.splice(0)) waiter.settle(error)
  }

  #giveUpSilent(): void {
    const limit = Date.now() - (this.#options.silentMs ?? silentMs)
    const quiet = this.#members.filter(({ lastAnswer, patient }) => lastAnswer < limit && !patient)
    // What has swallowed an answer may have cut off the idle ones too: they would be found out one after the other.
    if (quiet.some(({ inFlight }) => inFlight > 0)) for (const member of quiet) this.#destroy(member)
  }

  #destroy(member: Member): void {
    wireOf(member.client).destroy(new Error('the session stopped answering'))
  }
}

/** One after the other stands in it. */
const answered = new DataRow()

function settle({ take, resolve, reject }: Write, rows: readonly Buffer[]): void {
  try {
    const texts: Row[] = []
    for (const bytes of rows) {
      answered.point(bytes, 0, bytes.length)
      if (!take) texts.push(answered.fields)
      else {
        answered.locate()
        take(answered)
      }
    }
    resolve(texts)
  } catch (error) {
    reject(error)
  }
}

/** As much of the driver's result as is read; of a short statement, the rows alone. */
type Answered = { readonly rows: unknown[] } & Partial<
  Pick<pg.QueryArrayResult, 'fields' | 'rowCount' | 'command'>
>

function rowsOf({ rows }: Answered): Row[] {
  return rows as Row[]
}

function tagOf({ command }: Answered): string | undefined {
  return command
}

function resultOf({ fields = [], rows, rowCount }: Answered): Result {
  const columns = fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }))
  return { columns, rows: rows as Row[], affected: rowCount ?? 0 }
}

// The driver keeps its socket in `connection.stream` and its types leave that out.
function wireOf(client: pg.Client): Duplex {
  return (client as pg.Client & { connection: { stream: Duplex } }).connection.stream
}

// The driver's types know no callback with rows as arrays, no queries but their own, and values only as a mutable list.
function sendTo(client: pg.Client, ...call: unknown[]): void {
  ;(client.query as (...call: unknown[]) => void).apply(client, call)
}
