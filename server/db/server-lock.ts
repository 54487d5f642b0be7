import type pg from 'pg'
import { type Session, unprepared } from './database.ts'

// Each connection of a server holds a shared lock; `migrate down` needs it exclusively. The key is
// "duly" in ASCII and a number. Locks with two numbers never conflict with locks with one.
const key = `${0x64756c79}, 1`
const share = `select pg_advisory_lock_shared(${key})`
const take = unprepared(`select pg_try_advisory_xact_lock(${key})`)

/** Until the session ends. Not behind a pooler in transaction mode, where sessions are shared. */
export async function holdServerLock(client: pg.Client): Promise<void> {
  await client.query(share)
}

/** Until the transaction ends. @returns whether no server is connected */
export async function takeServerLock(session: Session): Promise<boolean> {
  const [row] = await session.query(take)
  return row?.[0] === 't'
}

/** Counts connections by name: those of commands, and of servers behind a pooler. */
const named = unprepared(
  `select count(*) from pg_stat_activity
  where datname = current_database() and application_name = any($1::text[]) and pid <> pg_backend_pid()`,
)

export async function countConnections(session: Session, names: readonly string[]): Promise<number> {
  const [row] = await session.query(named, [names])
  return Number(row?.[0])
}
