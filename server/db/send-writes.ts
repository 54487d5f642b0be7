import { DataRow } from './data-row.ts'
import type { Row } from './database.ts'
import { databaseError, errorType, losesToAnother, refuses } from './database-error.ts'
import type { PipelinedSession } from './pipelined-session.ts'
import { isPrepared, TransactionQuery } from './rows-query.ts'
import type { SendOptions } from './send-statement.ts'
import type { Write } from './write-queue.ts'

/**
 * Sends transactions of writes one behind the other, and settles the writes.
 * @returns the writes that were rolled back because of another write in their transaction
 */
export async function sendWrites(
  session: PipelinedSession,
  options: SendOptions,
  transactions: readonly (readonly Write[])[],
): Promise<readonly Write[]> {
  const sent: Promise<readonly Write[]>[] = []
  // A statement is prepared in a transaction of its own: behind one that fails, it would not be prepared.
  const isNew = ({ statement: { name } }: Write) => options.prepare && !isPrepared(session.client, name)
  session.together(() => {
    for (const writes of transactions) {
      const known = writes.filter(write => !isNew(write))
      if (known.length > 0) sent.push(commit(session, options, known))
      for (const write of writes.filter(isNew)) sent.push(commit(session, options, [write]))
    }
  })
  return (await Promise.all(sent)).flat()
}

/** Does all of these writes or none. */
function commit(
  session: PipelinedSession,
  { prepare, onStatement, described }: SendOptions,
  writes: readonly Write[],
): Promise<readonly Write[]> {
  for (const { statement } of writes) session.started(statement)
  const ended = writes.map(({ statement }) => onStatement?.(statement.name))
  const parts = writes.map(({ statement, values, take }) => {
    const { name, text } = statement
    const binary = take !== undefined
    const describe = binary && !described.has(statement)
    return { name: prepare ? name : '', text, values, binary, describe }
  })
  return new Promise(resolve => {
    const answer = (refusal: Error | null, rows: readonly (readonly Buffer[])[]) => {
      const error = refusal ?? openTransaction(session)
      for (const { statement } of writes) session.finished(statement)
      const undone = error ? rejectCause(session, writes, rows.length, error) : []
      for (const [n, { describe }] of parts.entries()) {
        if (!error && describe) described.add((writes[n] as Write).statement)
      }
      for (const [n, write] of writes.entries()) {
        ended[n]?.(error && !undone.includes(write) ? errorType(error) : undefined)
        if (!error) resolveWrite(write, rows[n] ?? [])
      }
      resolve(undone)
    }
    session.submit(new TransactionQuery(parts, answer))
  })
}

/** A Sync commits everything before it, except inside a transaction block that was not ended. */
function openTransaction(session: PipelinedSession): Error | null {
  if (session.client.getTransactionStatus() === 'I') return null
  session.destroy()
  return new Error('the session was inside of a transaction: the writes were not committed')
}

/**
 * Rejects the write that failed.
 * @param at the index of the write that PostgreSQL refused
 * @returns the others, which may be sent again; none where the outcome is not known
 */
function rejectCause(
  session: PipelinedSession,
  writes: readonly Write[],
  at: number,
  error: Error,
): readonly Write[] {
  const isKnown = writes.length > 1 && refuses(error)
  const undone = isKnown ? writes.filter((_, n) => n !== at || losesToAnother(error)) : []
  for (const write of writes) {
    if (undone.includes(write)) continue
    const { name } = write.statement
    write.reject(databaseError(error, { name, commits: true, lost: session.hasEnded }))
  }
  return undone
}

/** Reused for every row, like the parser's own. */
const row = new DataRow()

function resolveWrite({ take, resolve, reject }: Write, rows: readonly Buffer[]): void {
  try {
    const texts: Row[] = []
    for (const bytes of rows) {
      row.point(bytes, 0, bytes.length)
      if (!take) texts.push(row.fields)
      else {
        row.locate()
        take(row)
      }
    }
    resolve(texts)
  } catch (error) {
    reject(error)
  }
}
