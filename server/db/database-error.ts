import pg from 'pg'
import { AppError } from '../errors.ts'

/**
 * SQLSTATEs after which the same statement may succeed: connection exceptions (08), transaction
 * rollbacks (40: deadlocks, serialization failures), insufficient resources (53), operator
 * intervention (57: shutdown, start-up, statement timeout), system errors (58), a lock timeout
 * (55P03), a read-only server after a failover (25006), and a prepared statement that does not
 * exist (26000), because preparing it was the part of an earlier statement that failed.
 */
const passing = /^(08|40|53|57|58|55P03|25006|26000)/
const diskFull = '53100'
const lockTimeout = '55P03'
/** The driver's message for a statement that it did not send, because the session had ended. */
const unsent = /is not queryable$/

/** What is known about the statement that failed. */
interface Circumstances {
  readonly name: string
  /** Whether it commits: a write outside of a transaction, or COMMIT. */
  readonly commits: boolean
  /** Whether the connection was lost while it ran. */
  readonly lost: boolean
}

/**
 * Converts an error of the driver to an AppError where the caller should handle it. A statement
 * that PostgreSQL rejected has changed nothing. If the session ended before an answer, the outcome
 * of a statement that commits is unknown. Errors for the log get the name of the statement, and
 * lose `detail` and `where`, in which PostgreSQL can repeat rows and parameters.
 */
export function databaseError(error: unknown, { name, commits, lost }: Circumstances): unknown {
  if (error instanceof Error && unsent.test(error.message)) return databaseAway(error)
  const isRejection = error instanceof pg.DatabaseError
  if (isRejection)
    Object.assign(error, { statement: name || 'unprepared', detail: undefined, where: undefined })
  // These end the session: the error may be about the session and not about the statement.
  const ended = isRejection ? error.severity === 'FATAL' || error.severity === 'PANIC' : lost
  if (ended && commits) return outcomeUnknown(error)
  if (isRejection && error.code === diskFull) return databaseFull(error)
  return ended || (isRejection && passing.test(error.code ?? '')) ? databaseAway(error) : error
}

/** Whether PostgreSQL rolled the transaction back. After any other error the outcome is unknown. */
export function refuses(error: Error): boolean {
  return error instanceof pg.DatabaseError && error.severity === 'ERROR'
}

/** Whether it was rolled back because of another transaction, such as a deadlock. */
export function losesToAnother(error: Error): boolean {
  return errorType(error).startsWith('40')
}

/** Whether another transaction held a lock for longer than `lock_timeout`. Nothing changed. */
export function isLockTimeout(error: Error): boolean {
  return errorType(error) === lockTimeout
}

/** The SQLSTATE, or `connection` if PostgreSQL did not answer. */
export function errorType(error: Error): string {
  return error instanceof pg.DatabaseError ? (error.code ?? 'unknown') : 'connection'
}

/** For statements that changed nothing. */
export function databaseAway(cause: unknown): AppError {
  const message = 'The database is not available. Try again shortly.'
  return new AppError('database_away', message, { cause, retryAfter: 2 })
}

function databaseFull(cause: unknown): AppError {
  const message = 'The disk of the database is full. Nothing was changed. Try again later.'
  return new AppError('database_full', message, { cause, retryAfter: 30 })
}

function outcomeUnknown(cause: unknown): AppError {
  const message = 'The connection to the database was lost. Whether the change was made is unknown.'
  return new AppError('outcome_unknown', message, { cause, retryAfter: 2 })
}
