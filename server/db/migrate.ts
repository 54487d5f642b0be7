import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { exit, StartError } from '../errors.ts'
import { connectionFailure, isOfDatabase } from './connection-failure.ts'
import { type Database, type Session, statement, unprepared } from './database.ts'
import { type Migration, migrations as released } from './migrations.ts'
import { countConnections, takeServerLock } from './server-lock.ts'

// Everything of Duly's lives in a schema of its own: a `tasks` table that an application already has is left alone.
// Each is asked for before it is made: `if not exists` wants the right to make it also where it is there.
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
const count = unprepared('select count(*) from duly.migrations')

// Any constant that no other program is likely to lock: the letters "duly". The lock ends with the transaction, also
// behind a pooler, where a session's lock could not be given back.
const lock = unprepared(`select pg_advisory_xact_lock(${0x64756c79})`)
const unlimited = unprepared('set local statement_timeout = 0')
// Whoever waits for a table has everyone who comes later wait behind it. So a migration that does not get one lets go of all it
// has, lets the others through, and begins anew.
const brief = unprepared(`set local lock_timeout = '1s'`)
// Shorter than the second after which PostgreSQL looks for circles, and refuses whoever it was that looked.
const briefer = unprepared(`set local lock_timeout = '200ms'`)
const letThroughMs = 2000
const patienceMs = 5 * 60_000
const readApplied = unprepared(
  `select id, name, to_char(applied_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') from duly.migrations order by id`,
)
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
const schemaExists = unprepared(`select to_regclass('duly.migrations') is not null`)
const record = statement('', 'insert into duly.migrations (id, name) values ($1, $2)')
const erase = statement('', 'delete from duly.migrations where id = $1')

export interface AppliedMigration {
  readonly id: number
  readonly name: string
  readonly appliedAt: string
}

/**
 * Brings the schema up to what this program needs, in one transaction. Programs that start together take turns: the second
 * finds nothing left to do. Others read and write meanwhile, save what it has changed and holds to its end.
 * @returns the names of the migrations that were run.
 * @throws StartError where the database is newer than the program.
 */
export function migrateUp(db: Database, list: readonly Migration[] = released): Promise<string[]> {
  return patiently(db, session => migrateWithin(session, list))
}

/** As `migrateUp`, in a transaction that has more to do. */
export async function migrateWithin(
  session: Session,
  list: readonly Migration[] = released,
): Promise<string[]> {
  await takeSchema(session)
  const applied = await appliedIn(session)
  refuseNewer(applied, list)
  const pending = list.slice(applied.length)
  await takeTables(
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

export interface MigrateDown {
  /** Goes back before the first migration also where tasks are lost by it. */
  readonly force?: boolean
  readonly list?: readonly Migration[]
  /** Refuses while servers have connections: by a lock that they hold, and by these names of their sessions. */
  readonly names?: readonly string[]
}

/**
 * Takes the schema back to `target` migrations, newest first, in one transaction.
 * @throws StartError where that would delete tasks and `force` is not set, or the database is newer than the program.
 */
export function migrateDown(
  db: Database,
  target: number,
  { force = false, list = released, names }: MigrateDown = {},
): Promise<string[]> {
  return patiently(db, async session => {
    if (names) await refuseServers(session, names)
    await takeSchema(session)
    const applied = await appliedIn(session)
    refuseNewer(applied, list)
    const undone = applied.slice(target).reverse()
    await takeTables(
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

/** What has been applied, oldest first; nothing where Duly has never been here. Changes nothing. */
export async function migrationStatus(session: Session): Promise<AppliedMigration[]> {
  const [row] = await session.query(schemaExists)
  return row?.[0] === 't' ? appliedIn(session) : []
}

/** What the schema is to this program; `newer` is one that it can go on with while it runs. */
export type SchemaState = 'ok' | 'missing' | 'older' | 'newer'

/** Looks, and changes nothing. @throws as `Session.query` where the database does not answer */
export async function schemaState(db: Session, list: readonly Migration[] = released): Promise<SchemaState> {
  try {
    const [row] = await db.query(count)
    const applied = Number(row?.[0])
    return applied === list.length ? 'ok' : applied < list.length ? 'older' : 'newer'
  } catch (error) {
    // Undefined table; a schema that is not there is one as well.
    if (error instanceof pg.DatabaseError && error.code === '42P01') return 'missing'
    throw error
  }
}

/** @throws StartError where the schema is not the one that this program works with; changes nothing */
export async function requireMigrated(db: Database): Promise<void> {
  const applied = await migrationStatus(db)
  refuseNewer(applied, released)
  if (applied.length === released.length) return
  const state =
    applied.length === 0 ? 'has no tables of Duly' : `lacks ${released.length - applied.length} migrations`
  throw new StartError(`The ${db.label} ${state}. Start the server, or run "duly migrate up".`, exit.config)
}

async function takeSchema(session: Session): Promise<void> {
  await session.query(unlimited)
  await session.query(lock)
  await session.query(brief)
  const [[hasSchema, hasTable, readOnly, tables] = []] = await session.query(whatIsThere)
  if (readOnly === 'on') {
    throw new StartError(
      'The database is read-only (25006). Connect to the primary, and see that default_transaction_read_only is off for the database and the role.',
      exit.unavailable,
    )
  }
  if (hasTable === 't') return
  if (typeof tables === 'string') {
    throw new StartError(
      `The schema "duly" of this database belongs to something else: it holds ${tables}, and no table of migrations. Rename it, or use another database.`,
      exit.config,
    )
  }
  if (hasSchema !== 't') await session.query(makeSchema)
  await session.query(makeTable)
}

async function refuseServers(session: Session, names: readonly string[]): Promise<void> {
  if (!(await takeServerLock(session))) {
    throw new StartError(
      'Servers of Duly are connected to this database. Stop them first: the tables would be taken away from under them.',
      exit.unavailable,
    )
  }
  const connections = names.length === 0 ? 0 : await countConnections(session, names)
  if (connections === 0) return
  throw new StartError(
    `${connections} other connections to this database are named ${names.join(' or ')}. Stop the servers and commands of Duly first. If they are stopped, and a pooler has kept the connections open, say --ignore-connections.`,
    exit.unavailable,
  )
}

/**
 * All tables that the migrations name, at their start. One by one, as they come to them, they would hold some for long and then wait for
 * another, in whatever order statements take them: of those that wait for each other one is refused, and it may be a client's.
 */
async function takeTables(session: Session, steps: Migration['up']): Promise<void> {
  const text = steps.filter(step => typeof step === 'string').join('\n')
  const namesIn = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, name = '']) => name)
  const altered = new Set(namesIn(/\b(?:alter|drop) table duly\."?(\w+)/g))
  const indexes = namesIn(/\bdrop index duly\."?(\w+)/g)
  const tables = await session.query(tablesNamed, [namesIn(/\bduly\."?(\w+)/g), indexes])
  for (const [name = '', table, losesIndex] of tables) {
    // Weaker where it is enough for a new index or a foreign key: others may go on reading.
    const mode = altered.has(String(name)) || losesIndex === 't' ? 'access exclusive' : 'share row exclusive'
    await session.query(unprepared(`lock table ${table} in ${mode} mode`))
    await session.query(briefer)
  }
}

async function patiently<T>(db: Database, work: (session: Session) => Promise<T>): Promise<T> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    try {
      return await db.transaction(work, 'unlimited')
    } catch (error) {
      if (error instanceof StartError) throw error
      if (!isBlocked(error)) throw isOfDatabase(error) ? connectionFailure(db.label, error) : error
      if (Date.now() > deadline) throw blocked(error)
    }
    await pause(letThroughMs)
  }
}

/** Whether others hold what a migration needs (55P03), or waited for it in a circle (40P01). */
function isBlocked(error: unknown): boolean {
  const cause = error instanceof Error && error.cause ? error.cause : error
  return cause instanceof pg.DatabaseError && (cause.code === '55P03' || cause.code === '40P01')
}

function blocked(cause: unknown): StartError {
  return new StartError(
    `The database could not be migrated within ${patienceMs / 60_000} minutes: other programs hold its tables. End what runs there for long, such as a dump, and start again.`,
    exit.unavailable,
    { cause },
  )
}

async function appliedIn(session: Session): Promise<AppliedMigration[]> {
  const rows = await session.query(readApplied)
  return rows.map(([id, name, appliedAt]) => ({
    id: Number(id),
    name: String(name),
    appliedAt: String(appliedAt),
  }))
}

function refuseNewer(applied: readonly AppliedMigration[], list: readonly Migration[]): void {
  if (applied.length <= list.length) return
  throw new StartError(
    `The database is newer than this version of Duly: it has ${applied.length} migrations, this program knows ${list.length}. Start the newer version, or take the database back with its \`duly migrate down --to ${list.length}\`.`,
    exit.config,
  )
}

async function refuseLoss(session: Session): Promise<void> {
  const [row] = await session.query(unprepared('select count(*) from duly.tasks where deleted_at is null'))
  const count = Number(row?.[0])
  if (count === 0) return
  throw new StartError(
    `Going back to before the first migration removes every table, and with them ${count} tasks. Say --force if you mean it.`,
    exit.dataErr,
  )
}
