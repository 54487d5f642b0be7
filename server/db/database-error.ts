import pg from 'pg'
import { AppError } from '../errors.ts'

/**
 * SQLSTATEs after which the same statement may succeed: connection exceptions (08), a transaction that lost against
 * another (40), insufficient resources (53: connections, memory, disk), operator intervention (57: shut down, starting
 * up, cancelled by the statement timeout), read-only after a fail-over (25006).
 */
const passing = /^(08|40|53|57|25006)/

/**
 * Turns what the driver rejects with into what the program speaks of. What is left to be logged names the statement and
 * loses its `detail`, in which PostgreSQL repeats whole rows. `lost`: the connection broke under the statement.
 */
export function databaseError(error: unknown, statementName: string, lost: boolean): unknown {
  if (!(error instanceof pg.DatabaseError)) return lost ? databaseAway(error) : error
  Object.assign(error, { statement: statementName || 'unprepared', detail: undefined })
  return passing.test(error.code ?? '') ? databaseAway(error) : error
}

export function databaseAway(cause: unknown): AppError {
  return new AppError(
    'database_away',
    'The database cannot be reached right now. Please try again shortly.',
    {
      cause,
      retryAfter: 2,
    },
  )
}
