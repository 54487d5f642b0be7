import { DataRow } from './data-row.ts'
import { operationOf, type Row, statement } from './database.ts'
import { databaseError, errorType, isLockTimeout, losesToAnother, refuses } from './database-error.ts'
import type { PipelinedSession } from './pipelined-session.ts'
import { type Part, TransactionQuery, written } from './rows-query.ts'
import type { SendOptions } from './send-statement.ts'
import type { Write } from './write-queue.ts'

/**
 * Sends transactions of writes one after the other, and settles the writes.
 * @returns the writes that were rolled back because of another write in their transaction
 */
export async function sendWrites(
  session: PipelinedSession,
  options: SendOptions,
  transactions: readonly (readonly Write[])[],
): Promise<readonly Write[]> {
  const sent: Promise<readonly Write[]>[] = []
  session.together(() => {
    for (const writes of transactions) sent.push(commit(session, options, writes))
  })
  return (await Promise.all(sent)).flat()
}

// The lock makes a write see earlier writes of its owner, because each statement of a transaction
// has a snapshot of its own. A transaction locks its owners in one order, so no two can deadlock.
// It waits for a lock for half a second. Its writes are then sent again, after another check of
// their guards: a user who was signed out meanwhile writes nothing.
const briefly = `(select set_config('lock_timeout', '500', true) offset 0) as briefly`
const lockOwner = statement(
  'duly_lock_owner',
  `select owners.id, owners.has_webhooks from ${briefly}, duly.owners where owners.id = $1 for no key update of owners`,
)
const lockOwners = statement(
  'duly_lock_owners',
  `select owners.id, owners.has_webhooks from ${briefly}, duly.owners where owners.id = any($1::text[]) order by owners.id for no key update of owners`,
)
/** After this time a write is not sent again. */
const patienceMs = 10_000

/** The statement that locks the owners of those writes that need it. */
function lockOf(writes: readonly Write[]): Omit<Part, 'describe' | 'binary'> | undefined {
  const owners = writes.filter(({ statement }) => statement.locksOwner).map(({ owner }) => owner)
  if (owners.length === 0) return undefined
  return owners.length === 1 ? { values: owners, ...lockOwner } : { values: written([owners]), ...lockOwners }
}

/** Commits all of these writes or none. */
function commit(
  session: PipelinedSession,
  { prepare, onStatement, onWritten, described }: SendOptions,
  writes: readonly Write[],
): Promise<readonly Write[]> {
  for (const { statement } of writes) session.started(statement)
  const ended = writes.map(
    ({ statement, context }) =>
      onStatement && context.runInAsyncScope(() => onStatement(operationOf(statement))),
  )
  const lock = lockOf(writes)
  const before = lock ? 1 : 0
  const parts = writes.map(({ statement, values, take }): Part => {
    const { name, text } = statement
    const binary = take !== undefined
    const describe = binary && !described.has(statement)
    return { name: prepare ? name : '', text, values, binary, describe }
  })
  return new Promise(resolve => {
    const answer = (refusal: Error | null, rows: readonly (readonly Buffer[])[]) => {
      const error = refusal ?? openTransaction(session)
      for (const { statement } of writes) session.finished(statement)
      const undone = error ? rejectCause(session, writes, rows.length - before, error) : []
      for (const [n, { describe }] of parts.entries()) {
        if (!error && describe) described.add((writes[n] as Write).statement)
      }
      const followed = !error && lock ? ownersWithWebhooks(rows[0] ?? []) : undefined
      for (const [n, write] of writes.entries()) {
        ended[n]?.(error && !undone.includes(write) ? errorType(error) : undefined)
        if (error) continue
        const returned = rows[n + before] ?? []
        resolveWrite(write, returned)
        // Other statements than those that lock the owner change nothing that the log tells.
        if (returned.length > 0 && write.statement.locksOwner)
          onWritten?.(write.owner, followed?.has(write.owner) ?? false)
      }
      resolve(undone)
    }
    const locks = lock ? [{ binary: false, describe: false, ...lock, name: prepare ? lock.name : '' }] : []
    session.submit(new TransactionQuery([...locks, ...parts], answer))
  })
}

/** A Sync commits everything before it, except in an open transaction block. */
function openTransaction(session: PipelinedSession): Error | null {
  if (session.client.getTransactionStatus() === 'I') return null
  session.destroy()
  return new Error('the session was in a transaction: the writes were not committed')
}

/**
 * Rejects the write that failed.
 * @param at the index of the write that PostgreSQL rejected; -1 for the lock
 * @returns the others, which can be sent again; none if the outcome is unknown
 */
function rejectCause(
  session: PipelinedSession,
  writes: readonly Write[],
  at: number,
  error: Error,
): readonly Write[] {
  const isUndone = (write: Write, n: number) => {
    if (isLockTimeout(error)) return performance.now() - write.since < patienceMs
    return writes.length > 1 && refuses(error) && (n !== at || losesToAnother(error))
  }
  const undone = writes.filter(isUndone)
  for (const write of writes) {
    if (undone.includes(write)) continue
    const { name } = write.statement
    write.reject(databaseError(error, { name, commits: true, lost: session.hasEnded }))
  }
  return undone
}

/** Those of the locked owners that have an active webhook. */
function ownersWithWebhooks(rows: readonly Buffer[]): ReadonlySet<string> {
  const owners = rows.map(bytes => row.point(bytes, 0, bytes.length).fields)
  return new Set(owners.filter(([, hasWebhooks]) => hasWebhooks === 't').map(([owner]) => String(owner)))
}

/** Reused for every row, like the one of the parser. */
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
