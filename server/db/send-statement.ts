import type pg from 'pg'
import {
  type OnStatement,
  type OnWritten,
  operationOf,
  type Result,
  type Row,
  type Statement,
  type TakeRow,
} from './database.ts'
import { databaseError, errorType } from './database-error.ts'
import type { PipelinedSession } from './pipelined-session.ts'
import { RowsQuery } from './rows-query.ts'

export interface SendOptions {
  /** Whether statements may be prepared under a name (not behind a pooler in transaction mode). */
  readonly prepare: boolean
  readonly onStatement?: OnStatement | undefined
  /** Called after each committed write that locked its owner and returned a row. */
  readonly onWritten?: OnWritten
  /** Statements read in binary format whose column types have been checked. */
  readonly described: WeakSet<Statement>
}

/** The part of the driver's result that is used. A `RowsQuery` gives `rows` alone. */
export type Answer = { readonly rows: unknown[] } & Partial<
  Pick<pg.QueryArrayResult, 'fields' | 'rowCount' | 'command'>
>

export interface Call<T> {
  readonly statement: Statement
  readonly values?: readonly unknown[] | undefined
  /** Called with each row in binary format. Without it, rows are in the answer. */
  readonly take?: TakeRow | undefined
  readonly read: (answer: Answer) => T
  /** Whether it commits, so that its outcome is unknown if the connection is lost. */
  readonly commits?: boolean
}

/** Sends one statement without waiting for others. Its Sync makes it a transaction of its own. */
export function sendStatement<T>(
  session: PipelinedSession,
  { prepare, onStatement, described }: SendOptions,
  { statement, values, take, read, commits = false }: Call<T>,
): Promise<T> {
  session.started(statement)
  session.cork()
  const { text, quick, write } = statement
  const name = prepare ? statement.name : ''
  const ended = onStatement?.(operationOf(statement))
  const describe = take !== undefined && !described.has(statement)
  return new Promise((resolve, reject) => {
    // The driver's promise captures a stack on failure and adds a second promise on success.
    const answer = (error: Error | null, result: Answer) => {
      session.finished(statement)
      const lost = session.hasEnded
      ended?.(error ? errorType(error) : undefined)
      if (error) reject(databaseError(error, { name: statement.name, commits, lost }))
      else {
        if (describe) described.add(statement)
        resolve(read(result))
      }
    }
    // Unnamed ones go to the driver's own query: some have several statements in a text.
    if (take || quick || write || (name && read === rowsOf))
      session.submit(new RowsQuery(name, text, values, answer, take, describe))
    else session.submit({ name, text, rowMode: 'array' }, values, answer)
  })
}

export function rowsOf({ rows }: Answer): Row[] {
  return rows as Row[]
}

export function tagOf({ command }: Answer): string | undefined {
  return command
}

export function resultOf({ fields = [], rows, rowCount }: Answer): Result {
  const columns = fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }))
  return { columns, rows: rows as Row[], affected: rowCount ?? 0 }
}
