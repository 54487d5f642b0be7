import type pg from 'pg'
import { type Session, unprepared } from './database.ts'

// Each connection of a server holds a lock that many may share; `migrate down` wants it for itself. The two numbers are the letters
// "duly" and a number of Duly's own, which no lock by one number meets.
const key = `${0x64756c79}, 1`
const share = `select pg_advisory_lock_shared(${key})`
const take = unprepared(`select pg_try_advisory_xact_lock(${key})`)

/** For as long as the session lasts. Not behind a pooler in transaction mode, where it would be somebody else's session. */
export async function holdServerLock(client: pg.Client): Promise<void> {
  await client.query(share)
}

/** Until the transaction ends. @returns whether no server has a connection */
export async function takeServerLock(session: Session): Promise<boolean> {
  const [row] = await session.query(take)
  return row?.[0] === 't'
}

/** Connections by name: those of servers behind a pooler, and of commands. */
const named = unprepared(
  `select count(*) from pg_stat_activity
  where datname = current_database() and application_name = any($1::text[]) and pid <> pg_backend_pid()`,
)

export async function countConnections(session: Session, names: readonly string[]): Promise<number> {
  const [row] = await session.query(named, [names])
  return Number(row?.[0])
}
