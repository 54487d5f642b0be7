import type { DataRow } from './data-row.ts'

/** Whoever a statement is run for: asked directly before a write is sent, however long that has waited. */
export interface Guard {
  /**
   * @param session to ask the database with, where a transaction holds the only session there may be
   * @throws or rejects where the write may not be done any more
   */
  check(session?: Session): void | Promise<void>
}

/** A statement's text is constant: what comes from a request is only ever among the values. */
export interface Statement {
  /** Prepared once per session under this name; the empty name is never prepared ahead. */
  readonly name: string
  readonly text: string
  /** Changes what belongs to one owner, the first value. Writes of several may be one transaction, which none of them notices. */
  readonly write?: boolean
  /** Sent behind a statement that locks the owner's row, in one transaction: what it reads of the owner is not written meanwhile. */
  readonly locksOwner?: boolean
  /** Looks at a row or two by their key: done in no time, so that others may wait behind it. */
  readonly quick?: boolean
}

/**
 * Planner settings of every session. A prepared statement is planned once, for any values: otherwise PostgreSQL compares estimates for
 * one owner with estimates for any, and may plan a list again for each page, which takes up to twice as long as reading it. Every
 * statement on tasks has an index, which PostgreSQL would ignore while it believes that the table is empty.
 */
export const plannerSettings = [
  'plan_cache_mode=force_generic_plan',
  'enable_seqscan=off',
  'enable_bitmapscan=off',
]

export type Value = string | number | boolean | null | readonly number[] | readonly (string | null)[]

/**
 * A row as PostgreSQL's text format, column by column; `null` is SQL's. Whoever wrote the statement knows the columns
 * and reads them: `Date` objects and rows by name would cost and be thrown away again.
 */
export type Row = readonly (string | null)[]

/** Is handed one row after the other. Each is good during that call alone: the next one takes its place. */
export type TakeRow = (row: DataRow) => void

/** Rows with the names and the types of their columns: for a library that writes its own statements. */
export interface Result {
  readonly columns: readonly { readonly name: string; readonly type: number }[]
  readonly rows: readonly Row[]
  /** How many rows a write has touched. */
  readonly affected: number
}

export interface Session {
  /**
   * Runs one statement.
   * @param guard asked before a write is sent
   * @throws AppError `database_away` where it was not done, `outcome_unknown` where a write may have been, `database_full`.
   * @throws the driver's DatabaseError where PostgreSQL refused the statement.
   */
  query(statement: Statement, values?: readonly Value[], guard?: Guard): Promise<Row[]>
  /**
   * As `query`, with each row handed to `take` as it arrives, in PostgreSQL's binary format: times and numbers cost neither
   * side a text.
   * @param guard asked before a write is sent
   */
  read(statement: Statement, values: readonly Value[], take: TakeRow, guard?: Guard): Promise<unknown>
  /** As `query`, for statements that others have written. */
  run(statement: Statement, values: readonly unknown[]): Promise<Result>
  /** How lists are read; absent within a transaction. */
  readonly reads?: Reads
}

/** The request that a list is read for. Both are asked again before each statement: it may have waited, or be one of many. */
export interface Reader {
  /** Whether the client has closed its connection. */
  readonly isGone: () => boolean
  readonly guard?: Guard | undefined
}

/** Runs one statement of a scan, when it is its turn. */
export type Turn = <T>(read: (session: Session) => Promise<T>) => Promise<T>

/** Reads that are bounded for each owner, so that others wait for a few short statements at most. */
export interface Reads {
  /** Runs a statement that reads a bounded part of a list. @throws AppError `too_many_requests` */
  list<T>(owner: string, read: (session: Session) => Promise<T>, reader: Reader): Promise<T>
  /** As `list`, for a list that has begun: it waits however many wait. */
  moreOfList<T>(owner: string, read: (session: Session) => Promise<T>, reader: Reader): Promise<T>
  /** Runs a scan, one of each owner at a time. @throws AppError `too_many_requests` */
  scan<T>(owner: string, work: (turn: Turn) => Promise<T>, reader: Reader): Promise<T>
}

/** Whether a session that is silent for long is given up, or may take its time (migrations). */
export type Patience = 'short' | 'unlimited'

/**
 * Is told of each statement as it is sent, by its name.
 * @returns is told when its answer is there, or with what it failed: a SQLSTATE, or `connection`
 */
export type OnStatement = (name: string) => (errorType?: string) => void

/** How much of the database is in use by this replica. */
export interface Usage {
  /** Sessions that are open, and at most. */
  readonly open: number
  readonly most: number
  /** Sessions on which something is under way. */
  readonly busy: number
  /** Statements and transactions that wait for a session. */
  readonly waiting: number
}

export interface Database extends Session {
  /** For people: which database this is, without credentials. */
  readonly label: string
  readonly usage: Usage
  /**
   * Runs several statements as one transaction, in a session of their own. Use the session that `work` is handed, never the
   * database itself: the embedded one has a single session, and waiting for it from inside ends in `database_away`.
   * @param guard asked before the transaction begins, and before it is committed
   */
  transaction<T>(work: (session: Session) => Promise<T>, patience?: Patience, guard?: Guard): Promise<T>
  /** Resolves when the database answers. Calls at the same time share one round trip. */
  ping(): Promise<void>
  /** Copies the files of an embedded database to a new directory while it is in use. Absent for a server. */
  readonly copyTo?: (directory: string) => Promise<void>
  /** Lets statements under way end, then closes every session. */
  close(): Promise<void>
}

/** Names a statement for preparation. The name is unique in the program; give a changed text a new one or none. */
export function statement(name: string, text: string): Statement {
  return { name, text: text.replace(/\s+/g, ' ').trim() }
}

/** Names a statement that looks at a row or two by their key. */
export function quick(name: string, text: string): Statement {
  return { ...statement(name, text), quick: true }
}

/** Names a statement that changes what belongs to one owner, the first of its values. */
export function write(name: string, text: string): Statement {
  return { ...statement(name, text), write: true }
}

/** As `write`, with the owner's row locked before. */
export function ownerWrite(name: string, text: string): Statement {
  return { ...write(name, text), locksOwner: true }
}

/** A statement that is run too rarely to be prepared. */
export function unprepared(text: string): Statement {
  return { name: '', text: text.replace(/\s+/g, ' ').trim() }
}
