import { exit, StartError } from '../errors.ts'
import { type Database, type Session, statement, unprepared } from './database.ts'
import { lockTables, retryWhileBlocked, setLockTimeout } from './migration-locks.ts'
import { appliedIn, refuseNewer } from './migration-status.ts'
import { type Migration, migrations as released } from './migrations.ts'
import { countConnections, takeServerLock } from './server-lock.ts'

// Duly has a schema of its own, apart from the tables of an application in the same database.
// `create schema if not exists` requires CREATE on the database even if the schema exists, so it is
// not used.
const makeSchema = unprepared('create schema duly')
const makeTable = unprepared(
  `create table duly.migrations (
    id integer primary key,
    name text not null,
    applied_at timestamptz not null default now()
  )`,
)
const whatIsThere = unprepared(
  `select to_regnamespace('duly') is not null, to_regclass('duly.migrations') is not null,
    current_setting('transaction_read_only'),
    (select string_agg(relname, ', ' order by relname) from pg_class
      where relnamespace = to_regnamespace('duly') and relkind in ('r', 'p', 'v', 'm', 'f'))`,
)
// The key is "duly" in ASCII. The lock ends with the transaction: a lock of a session would outlive
// it behind a pooler.
const lock = unprepared(`select pg_advisory_xact_lock(${0x64756c79})`)
const unlimited = unprepared('set local statement_timeout = 0')
const record = statement('', 'insert into duly.migrations (id, name) values ($1, $2)')
const erase = statement('', 'delete from duly.migrations where id = $1')

/**
 * Applies the missing migrations in one transaction. Processes that start together take turns.
 * Others can use the tables that the migrations do not lock.
 * @returns the names of the applied migrations
 * @throws StartError if the database is newer than the program
 */
export function migrateUp(db: Database, list: readonly Migration[] = released): Promise<string[]> {
  return retryWhileBlocked(db, session => migrateWithin(session, list))
}

/** Like `migrateUp`, in a transaction of the caller. */
export async function migrateWithin(
  session: Session,
  list: readonly Migration[] = released,
): Promise<string[]> {
  await prepareSchema(session)
  const applied = await appliedIn(session)
  refuseNewer(applied, list)
  const pending = list.slice(applied.length)
  await lockTables(
    session,
    pending.flatMap(({ up }) => up),
  )
  for (const [index, migration] of pending.entries()) {
    for (const step of migration.up) {
      await (typeof step === 'string' ? session.query(unprepared(step)) : step(session))
    }
    await session.query(record, [applied.length + index + 1, migration.name])
  }
  return pending.map(migration => migration.name)
}

interface MigrateDown {
  /** Reverts the first migration even if that deletes tasks. */
  readonly force?: boolean
  readonly list?: readonly Migration[]
  /** Session names of servers. It fails while such sessions exist or a server holds its lock. */
  readonly names?: readonly string[]
}

/**
 * Reverts migrations, newest first, until `target` are left, in one transaction.
 * @throws StartError if that would delete tasks and `force` is not set, or if the database is newer
 * than the program
 */
export function migrateDown(
  db: Database,
  target: number,
  { force = false, list = released, names }: MigrateDown = {},
): Promise<string[]> {
  return retryWhileBlocked(db, async session => {
    if (names) await refuseServers(session, names)
    await prepareSchema(session)
    const applied = await appliedIn(session)
    refuseNewer(applied, list)
    const undone = applied.slice(target).reverse()
    await lockTables(
      session,
      undone.flatMap(({ id }) => list[id - 1]?.down ?? []),
    )
    if (target === 0 && undone.length > 0 && !force) await refuseLoss(session)
    for (const { id } of undone) {
      for (const text of list[id - 1]?.down ?? []) await session.query(unprepared(text))
      await session.query(erase, [id])
    }
    return undone.map(migration => migration.name)
  })
}

async function prepareSchema(session: Session): Promise<void> {
  await session.query(unlimited)
  await session.query(lock)
  await setLockTimeout(session)
  const [[hasSchema, hasTable, readOnly, tables] = []] = await session.query(whatIsThere)
  if (readOnly === 'on') {
    throw new StartError(
      'The database is read-only (25006). Connect to the primary, and check that default_transaction_read_only is off for the database and the role.',
      exit.unavailable,
    )
  }
  if (hasTable === 't') return
  if (typeof tables === 'string') {
    throw new StartError(
      `The schema "duly" of this database belongs to another program: it contains ${tables}, but no table "migrations". Rename it, or use another database.`,
      exit.config,
    )
  }
  if (hasSchema !== 't') await session.query(makeSchema)
  await session.query(makeTable)
}

async function refuseServers(session: Session, names: readonly string[]): Promise<void> {
  if (!(await takeServerLock(session))) {
    throw new StartError(
      'Servers of Duly are connected to this database. Stop them first: they need the tables that this command changes.',
      exit.unavailable,
    )
  }
  const connections = names.length === 0 ? 0 : await countConnections(session, names)
  if (connections === 0) return
  throw new StartError(
    `${connections} other connections to this database are named ${names.join(' or ')}. Stop the servers and commands of Duly first. If they are stopped and a pooler still has the connections open, add --ignore-connections.`,
    exit.unavailable,
  )
}

async function refuseLoss(session: Session): Promise<void> {
  const [row] = await session.query(unprepared('select count(*) from duly.tasks where deleted_at is null'))
  const count = Number(row?.[0])
  if (count === 0) return
  throw new StartError(
    `Reverting the first migration deletes every table, and ${count} tasks with them. To do that, add --force.`,
    exit.dataErr,
  )
}
