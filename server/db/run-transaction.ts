import type { Guard, Session } from './database.ts'
import { unprepared } from './database.ts'
import type { PipelinedSession } from './pipelined-session.ts'
import { resultOf, rowsOf, type SendOptions, sendStatement, tagOf } from './send-statement.ts'

/**
 * Runs `work` between BEGIN and COMMIT on a session that is held for it. Rolls back if it throws.
 * @param guard checked before BEGIN and before COMMIT
 */
export async function runTransaction<T>(
  held: PipelinedSession,
  options: SendOptions,
  work: (session: Session) => Promise<T>,
  guard?: Guard,
): Promise<T> {
  let firstFailure: unknown
  const noting = <R>(answer: Promise<R>): Promise<R> => {
    answer.catch(error => {
      firstFailure ??= error
    })
    return answer
  }
  const session: Session = {
    query: (statement, values) => noting(sendStatement(held, options, { statement, values, read: rowsOf })),
    read: (statement, values, take) =>
      noting(sendStatement(held, options, { statement, values, take, read: rowsOf })),
    run: (statement, values) => noting(sendStatement(held, options, { statement, values, read: resultOf })),
  }
  try {
    await guard?.check(session)
    await session.query(unprepared('begin'))
    const result = await work(session)
    await guard?.check(session)
    const commit = { statement: unprepared('commit'), read: tagOf, commits: true }
    const tag = await sendStatement(held, options, commit)
    // PostgreSQL answers COMMIT with ROLLBACK after an error, even one that `work` caught.
    if (tag !== 'COMMIT') throw firstFailure ?? new Error(`PostgreSQL answered COMMIT with ${tag}`)
    return result
  } catch (error) {
    // A lost session has rolled back. A session whose rollback fails must not be used again.
    await session.query(unprepared('rollback')).catch(() => held.destroy())
    // Of statements sent together, all after the first that fails say only that it did.
    throw isAborted(error) ? firstFailure : error
  }
}

/** `in_failed_sql_transaction` of PostgreSQL. */
const isAborted = (error: unknown) => error instanceof Error && 'code' in error && error.code === '25P02'
