import pg from 'pg'
import { AppError } from '../errors.ts'

/**
 * SQLSTATEs after which the same statement may succeed: connection exceptions (08), a transaction that lost against
 * another (40), insufficient resources (53: connections, memory), operator intervention (57: shut down, starting
 * up, cancelled by the statement timeout), an error of the system around it (58), a lock timeout (55P03), read-only after a fail-over (25006).
 */
const passing = /^(08|40|53|57|58|55P03|25006)/
const diskFull = '53100'
const lockTimeout = '55P03'
/** What the driver says of a statement that it has not sent, since the session had broken just before. */
const unsent = /is not queryable$/

/** What is known of the statement that failed. */
export interface Circumstances {
  readonly name: string
  /** Whether it would have made a change last: a write by itself, or a transaction's commit. */
  readonly commits: boolean
  /** Whether the connection broke under it. */
  readonly lost: boolean
}

/**
 * Turns what the driver rejects with into what the program speaks of. A statement that PostgreSQL refused has changed nothing. Where
 * the session ended instead of an answer, only what does not commit certainly has not. What is left to be logged names the statement
 * and loses its `detail`, in which PostgreSQL repeats whole rows, and its `where`: the parameters, with `log_parameter_max_length_on_error`.
 */
export function databaseError(error: unknown, { name, commits, lost }: Circumstances): unknown {
  if (error instanceof Error && unsent.test(error.message)) return databaseAway(error)
  const told = error instanceof pg.DatabaseError
  if (told) Object.assign(error, { statement: name || 'unprepared', detail: undefined, where: undefined })
  // After these there is no session: the message may be about it, and not about the statement.
  const ended = told ? error.severity === 'FATAL' || error.severity === 'PANIC' : lost
  if (ended && commits) return outcomeUnknown(error)
  if (told && error.code === diskFull) return databaseFull(error)
  return ended || (told && passing.test(error.code ?? '')) ? databaseAway(error) : error
}

/** Whether PostgreSQL refused, undid the whole transaction, and goes on. Any other error leaves open what became of it. */
export function refuses(error: Error): boolean {
  return error instanceof pg.DatabaseError && error.severity === 'ERROR'
}

/** Whether it refused for the sake of another transaction (a deadlock, say), so that the same statement may succeed. */
export function losesToAnother(error: Error): boolean {
  return errorType(error).startsWith('40')
}

/** Whether another transaction held a lock for longer than `lock_timeout`. Nothing was done. */
export function isLockTimeout(error: Error): boolean {
  return errorType(error) === lockTimeout
}

/** The SQLSTATE with which PostgreSQL refused; `connection` where it did not answer. */
export function errorType(error: Error): string {
  return error instanceof pg.DatabaseError ? (error.code ?? 'unknown') : 'connection'
}

/** Nothing was done. */
export function databaseAway(cause: unknown): AppError {
  const message = 'The database cannot be reached right now. Please try again shortly.'
  return new AppError('database_away', message, { cause, retryAfter: 2 })
}

function databaseFull(cause: unknown): AppError {
  const message = 'The database has no room left, so nothing was changed. Please try again later.'
  return new AppError('database_full', message, { cause, retryAfter: 30 })
}

function outcomeUnknown(cause: unknown): AppError {
  const message = 'The connection to the database was lost. Whether this was done is unknown.'
  return new AppError('outcome_unknown', message, { cause, retryAfter: 2 })
}
