import pg from 'pg'
import { exit, StartError } from '../errors.ts'
import { type Database, type Session, unprepared } from './database.ts'
import { type Migration, migrations as released } from './migrations.ts'

const count = unprepared('select count(*) from duly.migrations')
const readApplied = unprepared(
  `select id, name, to_char(applied_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') from duly.migrations order by id`,
)
const schemaExists = unprepared(`select to_regclass('duly.migrations') is not null`)

interface AppliedMigration {
  readonly id: number
  readonly name: string
  readonly appliedAt: string
}

/** The applied migrations, oldest first. Empty if the database has no schema of Duly. */
export async function migrationStatus(session: Session): Promise<AppliedMigration[]> {
  const [row] = await session.query(schemaExists)
  return row?.[0] === 't' ? appliedIn(session) : []
}

/** The schema compared with this program. A running program can continue with a `newer` one. */
export type SchemaState = 'ok' | 'missing' | 'older' | 'newer'

/** @throws as `Session.query` if the database does not answer */
export async function schemaState(db: Session, list: readonly Migration[] = released): Promise<SchemaState> {
  try {
    const [row] = await db.query(count)
    const applied = Number(row?.[0])
    return applied === list.length ? 'ok' : applied < list.length ? 'older' : 'newer'
  } catch (error) {
    // Undefined table, or undefined schema.
    if (error instanceof pg.DatabaseError && error.code === '42P01') return 'missing'
    throw error
  }
}

/** @throws StartError if the schema is older or newer than this program */
export async function requireMigrated(db: Database): Promise<void> {
  const applied = await migrationStatus(db)
  refuseNewer(applied, released)
  if (applied.length === released.length) return
  const state =
    applied.length === 0 ? 'has no tables of Duly' : `lacks ${released.length - applied.length} migrations`
  throw new StartError(`The ${db.label} ${state}. Start the server, or run "duly migrate up".`, exit.config)
}

export async function appliedIn(session: Session): Promise<AppliedMigration[]> {
  const rows = await session.query(readApplied)
  return rows.map(([id, name, appliedAt]) => ({
    id: Number(id),
    name: String(name),
    appliedAt: String(appliedAt),
  }))
}

export function refuseNewer(applied: readonly AppliedMigration[], list: readonly Migration[]): void {
  if (applied.length <= list.length) return
  throw new StartError(
    `The database is newer than this version of Duly: it has ${applied.length} migrations, this program knows ${list.length}. Start the newer version, or revert its migrations with its command \`duly migrate down --to ${list.length}\`.`,
    exit.config,
  )
}
