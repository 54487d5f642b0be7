import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { exit, StartError } from '../errors.ts'
import { connectionFailure, isOfDatabase } from './connection-failure.ts'
import { type Database, type Session, unprepared } from './database.ts'
import type { Migration } from './migrations.ts'

// Other statements queue behind a lock that a migration waits for. So a migration that does not get
// its lock in time rolls back, lets the others run, and starts again.
const firstTimeout = unprepared(`set local lock_timeout = '1s'`)
// Shorter than `deadlock_timeout` (1 s): otherwise PostgreSQL could cancel a statement of a client.
const nextTimeout = unprepared(`set local lock_timeout = '200ms'`)
const retryMs = 2000
const limitMs = 5 * 60_000
const tablesNamed = unprepared(
  `select relname, format('duly.%I', relname), loses_index
  from pg_class, lateral (
    select exists (
      select from pg_index join pg_class as dropped on dropped.oid = indexrelid
      where indrelid = pg_class.oid and dropped.relname = any($2::text[])
    ) as loses_index
  ) as also
  where relnamespace = to_regnamespace('duly') and relkind = 'r' and (relname = any($1::text[]) or loses_index)
  order by relname`,
)

/** Limits how long this transaction waits for its first lock. */
export async function setLockTimeout(session: Session): Promise<void> {
  await session.query(firstTimeout)
}

/**
 * Locks all tables that the migrations name, before the first of them runs. Locks taken one by one,
 * while others are held for long, could deadlock with a client.
 */
export async function lockTables(session: Session, steps: Migration['up']): Promise<void> {
  const text = steps.filter(step => typeof step === 'string').join('\n')
  const namesIn = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, name = '']) => name)
  const altered = new Set(namesIn(/\b(?:alter|drop) table duly\."?(\w+)/g))
  const indexes = namesIn(/\bdrop index duly\."?(\w+)/g)
  const tables = await session.query(tablesNamed, [namesIn(/\bduly\."?(\w+)/g), indexes])
  for (const [name = '', table, losesIndex] of tables) {
    // A weaker lock is enough for a new index or a foreign key, and lets others read.
    const mode = altered.has(String(name)) || losesIndex === 't' ? 'access exclusive' : 'share row exclusive'
    await session.query(unprepared(`lock table ${table} in ${mode} mode`))
    await session.query(nextTimeout)
  }
}

/**
 * Runs `work` in a transaction. Repeats it while other programs hold its locks.
 * @throws StartError after 5 minutes
 */
export async function retryWhileBlocked<T>(db: Database, work: (session: Session) => Promise<T>): Promise<T> {
  const deadline = Date.now() + limitMs
  for (;;) {
    try {
      return await db.transaction(work, 'unlimited')
    } catch (error) {
      if (error instanceof StartError) throw error
      if (!isBlocked(error)) throw isOfDatabase(error) ? connectionFailure(db.label, error) : error
      if (Date.now() > deadline) throw blocked(error)
    }
    await pause(retryMs)
  }
}

/** A lock timeout (55P03) or a deadlock (40P01). */
function isBlocked(error: unknown): boolean {
  const cause = error instanceof Error && error.cause ? error.cause : error
  return cause instanceof pg.DatabaseError && (cause.code === '55P03' || cause.code === '40P01')
}

function blocked(cause: unknown): StartError {
  return new StartError(
    `The database could not be migrated within ${limitMs / 60_000} minutes: other programs hold locks on its tables. End long-running work on the server, such as a dump, and start again.`,
    exit.unavailable,
    { cause },
  )
}
