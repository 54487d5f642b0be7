import type { DataRow } from './data-row.ts'

/** Checks that the caller is still allowed: before each write, and before a read that waited. */
export interface Guard {
  /**
   * @param session for queries of the check, because a transaction may hold the only session
   * @throws (or rejects) if the statement is no longer allowed
   */
  check(session?: Session): void | Promise<void>
}

/** The text is constant. Values from a request are always parameters. */
export interface Statement {
  /** Prepared once per session under this name, unless it is empty. */
  readonly name: string
  readonly text: string
  /** Changes rows of one owner, the first value. May share a transaction with other owners. */
  readonly write?: boolean
  /** Sent after a lock on the owner's row, so nothing of the owner changes while it runs. */
  readonly locksOwner?: boolean
  /** Reads a row or two by key, so fast that others can wait behind it. */
  readonly quick?: boolean
  /** What metrics and traces call it, if not by its name. */
  readonly operation?: string
}

/**
 * Planner settings of every session. A prepared statement is planned once, for any values: custom
 * plans could be made for each page of a list, and planning takes up to twice as long as reading
 * the page. Every statement on tasks has an index, which PostgreSQL would ignore while its
 * statistics say that the table is empty.
 */
export const plannerSettings = [
  'plan_cache_mode=force_generic_plan',
  'enable_seqscan=off',
  'enable_bitmapscan=off',
]

export type Element = string | number | boolean | null
export type Value = Element | readonly Element[]

/**
 * A row in PostgreSQL's text format, by column; `null` is SQL's null. Objects by name and `Date`s
 * would cost time, and callers know the columns of their statements.
 */
export type Row = readonly (string | null)[]

/** Called with each row, which is valid only during the call. */
export type TakeRow = (row: DataRow) => void

/** Rows with the names and types of their columns, for a library with statements of its own. */
export interface Result {
  readonly columns: readonly { readonly name: string; readonly type: number }[]
  readonly rows: readonly Row[]
  /** Number of rows that a write changed. */
  readonly affected: number
}

export interface Session {
  /**
   * Runs one statement.
   * @param guard checked before a write is sent, and before a read that waited for a session
   * @throws AppError `database_away` if it was not run, `outcome_unknown` if a write may have been
   * committed, `database_full`
   * @throws the driver's DatabaseError if PostgreSQL rejected the statement
   */
  query(statement: Statement, values?: readonly Value[], guard?: Guard): Promise<Row[]>
  /**
   * Like `query`, but calls `take` with each row as it arrives, in PostgreSQL's binary format. No
   * strings are made of times and numbers.
   */
  read(statement: Statement, values: readonly Value[], take: TakeRow, guard?: Guard): Promise<unknown>
  /** Like `query`, for statements of a library. */
  run(statement: Statement, values: readonly unknown[]): Promise<Result>
  /** How lists are read. Absent in a transaction. */
  readonly reads?: Reads | undefined
}

/** The request that a list is read for. Checked before each statement, which may have waited. */
export interface Reader {
  /** Whether the client has closed its connection. */
  readonly isGone: () => boolean
  readonly guard?: Guard | undefined
}

/** Runs one statement of a scan when it is its turn. */
export type Turn = <T>(read: (session: Session) => Promise<T>) => Promise<T>

/** Reads that are bounded per owner, so that others wait for a few short statements at most. */
export interface Reads {
  /** Runs a statement that reads a bounded part of a list. @throws AppError `too_many_requests` */
  list<T>(owner: string, read: (session: Session) => Promise<T>, reader: Reader): Promise<T>
  /** Like `list`, for the rest of a list that has begun: never rejected because many wait. */
  moreOfList<T>(owner: string, read: (session: Session) => Promise<T>, reader: Reader): Promise<T>
  /**
   * Runs a scan, one per owner at a time.
   * @param work gets its turns, and how many rows of a table it may look at in one
   * @throws AppError `too_many_requests`
   */
  scan<T>(owner: string, work: (turn: Turn, rows: number) => Promise<T>, reader: Reader): Promise<T>
}

/** Whether a session that is silent for long is closed; migrations may take longer. */
export type Patience = 'short' | 'unlimited'

/**
 * Called with the name of each statement as it is sent.
 * @returns called when the statement ends; with a SQLSTATE or `connection` if it failed
 */
export type OnStatement = (name: string) => (errorType?: string) => void

/** Called with the owner of a write, and whether the owner has an active webhook. */
export type OnWritten = (owner: string, hasWebhooks: boolean) => void

/** Sessions and waiting statements of this process. */
export interface Usage {
  /** Open sessions. */
  readonly open: number
  /** Maximum number of sessions. */
  readonly most: number
  /** Sessions with a statement in flight. */
  readonly busy: number
  /** Statements and transactions that wait for a session. */
  readonly waiting: number
}

/** What is asked when a transaction of an owner has ended. */
export interface Ending {
  /** For `onWritten`. */
  readonly hasWebhooks?: () => boolean
  /** Whether it has touched many rows, so that others have their share before the owner's next. */
  readonly isLarge?: () => boolean
}

export interface Database extends Session {
  /** Which database this is, for messages, without credentials. */
  readonly label: string
  readonly usage: Usage
  /**
   * Runs several statements as one transaction, in a session of their own. `work` must use the
   * session that it gets, never the database: the embedded one has a single session, and waiting
   * for it inside a transaction ends in `database_away`.
   * @param guard checked before the transaction begins and before it is committed
   */
  transaction<T>(work: (session: Session) => Promise<T>, patience?: Patience, guard?: Guard): Promise<T>
  /**
   * Runs a transaction of one owner. Each owner has one at a time, so that one owner's transactions
   * hold one session and the others wait without one. After a large one, the owner's next begins
   * when others had four times as long.
   * @throws AppError `too_many_requests`
   */
  change<T>(owner: string, work: (session: Session) => Promise<T>, guard?: Guard, ending?: Ending): Promise<T>
  /** Calls `listener` after each write of this process is committed. */
  onWritten?(listener: OnWritten): void
  /** Resolves when the database answers. Simultaneous calls share one round trip. */
  ping(): Promise<void>
  /** Copies an embedded database to a new directory while it is in use. Absent for a server. */
  readonly copyTo?: (directory: string) => Promise<void>
  /** Waits for statements in flight, then closes every session. */
  close(): Promise<void>
}

/** A prepared statement. The name must be unique; give a changed text a new name or none. */
export function statement(name: string, text: string): Statement {
  return { name, text: text.replace(/\s+/g, ' ').trim() }
}

/** What metrics and traces call a statement. */
export const operationOf = ({ operation, name }: Statement): string => operation ?? name

/** Names a statement that looks at a row or two by their key. */
export function quick(name: string, text: string): Statement {
  return { ...statement(name, text), quick: true }
}

/** A prepared statement that changes rows of one owner, the first of its values. */
export function write(name: string, text: string): Statement {
  return { ...statement(name, text), write: true }
}

/** Like `write`, after a lock on the owner's row. */
export function ownerWrite(name: string, text: string): Statement {
  return { ...write(name, text), locksOwner: true }
}

/** A statement that runs too rarely to be prepared. */
export function unprepared(text: string): Statement {
  return { name: '', text: text.replace(/\s+/g, ' ').trim() }
}
