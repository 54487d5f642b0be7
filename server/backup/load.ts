import { type Database, type Session, unprepared } from '../db/database.ts'
import { migrateWithin } from '../db/migrate.ts'
import { migrations } from '../db/migrations.ts'
import { AppError, exit, StartError } from '../errors.ts'
import { type Content, damaged, type TableStart } from './format.ts'
import { type Backup, readParts } from './read.ts'
import { lastGiven, quoted, type Table, tablesIn } from './tables.ts'
import { rowLines, writeAlike } from './write.ts'

export interface LoadOptions {
  readonly file: string
  readonly backup: Backup
  /** Where the database has data already: under which name its schema is kept, instead of refusing. */
  readonly setAside?: string | undefined
  readonly progress?: ((rows: number) => void) | undefined
}

/**
 * Loads a backup into a database that has no data, in one transaction: all of it or nothing. What was loaded is read again
 * and compared with the file before it is committed. A backup of an older version is migrated.
 * @throws StartError where the file does not fit, or there is data already
 */
export function loadBackup(db: Database, { file, backup, setAside, progress }: LoadOptions): Promise<void> {
  refuseUnknown(file, backup)
  return db.transaction(async session => {
    await makeRoom(session, setAside)
    await migrateWithin(session, migrations.slice(0, backup.header.migrations.length))
    await writeAlike(session)
    const tables = new Map((await tablesIn(session)).map(table => [table.name, table]))
    refuseOtherTables(file, backup, tables)
    const names = [...tables.keys()].map(name => `duly.${quoted(name)}`).join(', ')
    await session.query(unprepared(`truncate ${names}`))
    await fill(session, file, tables, progress)
    for (const content of backup.contents) await compare(session, tables, content)
    for (const name of tables.keys()) await session.query(unprepared(`analyze duly.${quoted(name)}`))
    await migrateWithin(session)
  }, 'unlimited')
}

/** @throws StartError for a backup of a newer version than this one, or of another program's tables */
export function refuseUnknown(file: string, { header }: Backup): void {
  const known = migrations.map(({ name }) => name)
  if (header.migrations.every((name, n) => name === known[n])) return
  throw damaged(file, `a newer version of Duly (${header.version}) has written it. Restore it with that one.`)
}

async function makeRoom(session: Session, setAside: string | undefined): Promise<void> {
  const [row] = await session.query(unprepared(`select to_regnamespace('duly') is not null`))
  if (row?.[0] !== 't') return
  if (setAside === undefined) {
    throw new StartError(
      'There is data of Duly in this database already (the schema duly). Say --replace to put it aside.',
      exit.cantCreate,
    )
  }
  await session.query(unprepared(`alter schema duly rename to ${quoted(setAside)}`))
}

function refuseOtherTables(file: string, { contents }: Backup, tables: ReadonlyMap<string, Table>): void {
  const unknown = contents.find(({ table }) => !tables.has(table))
  if (unknown)
    throw damaged(file, `it holds a table ${JSON.stringify(unknown.table)} that Duly does not have.`)
  if (contents.length !== tables.size) throw damaged(file, 'tables are missing in it.')
}

async function fill(
  session: Session,
  file: string,
  tables: ReadonlyMap<string, Table>,
  progress: LoadOptions['progress'],
): Promise<void> {
  let insert = ''
  let width = 0
  let done = 0
  for await (const part of readParts(file)) {
    if ('start' in part) {
      const table = tables.get(part.start.table)
      if (!table) throw damaged(file, `it holds a table that Duly does not have.`)
      insert = insertInto(table, part.start, file)
      width = part.start.columns.length
      await giveOnFrom(session, table, part.start)
    } else if ('rows' in part) {
      const { rows } = part
      const values = Array.from({ length: width }, (_, n) => rows.map(row => row[n] ?? null))
      await session.query(unprepared(insert), values).catch(error => {
        // What may pass, such as a full disk, is not the file's fault.
        if (error instanceof AppError) throw error
        throw damaged(file, `the database does not take a row of it (${error.message}).`)
      })
      done += rows.length
      progress?.(done)
    }
  }
}

function insertInto({ name, columns }: Table, { columns: given }: TableStart, file: string): string {
  if (given.join() !== columns.map(column => column.name).join()) {
    throw damaged(file, `its columns of ${name} are not those that Duly has.`)
  }
  const into = columns.map(column => quoted(column.name)).join(', ')
  const values = columns.map((column, n) => `r.c${n}::${column.type}`).join(', ')
  const arrays = columns.map((_, n) => `$${n + 1}::text[]`).join(', ')
  const names = columns.map((_, n) => `c${n}`).join(', ')
  return `insert into duly.${quoted(name)} (${into}) overriding system value
    select ${values} from unnest(${arrays}) as r (${names})`
}

async function giveOnFrom(session: Session, table: Table, { given }: TableStart): Promise<void> {
  for (const { name } of table.columns.filter(({ identity }) => identity)) {
    const last = given[name] ?? '0'
    if (last === '0') continue
    const place = [`duly.${quoted(table.name)}`, name, last]
    await session.query(unprepared('select setval(pg_get_serial_sequence($1, $2), $3::bigint)'), place)
  }
}

async function compare(
  session: Session,
  tables: ReadonlyMap<string, Table>,
  content: Content,
): Promise<void> {
  const table = tables.get(content.table) as Table
  const lines = rowLines(session, table)
  for (;;) {
    const { done, value } = await lines.next()
    if (!done) continue
    if (value.rows === content.rows && value.sha256 === content.sha256) break
    throw new StartError(
      `What was loaded into ${table.name} is not what the backup holds. Nothing was changed.`,
      exit.dataErr,
    )
  }
  for (const column of table.columns.filter(({ identity }) => identity)) {
    const text = `select coalesce(max(${quoted(column.name)}), 0) <= $1::bigint from duly.${quoted(table.name)}`
    const [row] = await session.query(unprepared(text), [await lastGiven(session, table, column)])
    if (row?.[0] !== 't') {
      throw new StartError(
        `Numbers of ${table.name} would be given out twice. Nothing was changed.`,
        exit.dataErr,
      )
    }
  }
}
