import { type Database, type Session, unprepared } from '../db/database.ts'
import { migrateWithin } from '../db/migrate.ts'
import { migrations } from '../db/migrations.ts'
import { AppError, exit, StartError } from '../errors.ts'
import { renewEpochs } from '../tasks/owner.ts'
import { type Content, damaged, type TableStart } from './format.ts'
import { type Backup, readParts } from './read.ts'
import { lastGiven, quoted, type Table, tablesIn } from './tables.ts'
import { pinTextFormat, rowLines } from './write.ts'

interface LoadOptions {
  readonly file: string
  readonly backup: Backup
  /** New name for an existing schema. Absent: an existing schema is an error. */
  readonly setAside?: string | undefined
  readonly progress?: ((rows: number) => void) | undefined
  /**
   * Whether clients may know later revisions than the backup has. Owners then get new epochs, so
   * that entity tags, changes to undo and positions of a sync from then are not taken for new ones.
   */
  readonly isEarlier?: boolean
}

/**
 * Loads a backup into an empty database, in one transaction. Before the commit, the rows are read
 * back and compared with the file. A backup of an older version is migrated.
 * @throws StartError if the file does not match this version, or the database contains data
 */
export function loadBackup(db: Database, options: LoadOptions): Promise<void> {
  const { file, backup, setAside, progress, isEarlier = false } = options
  refuseUnknown(file, backup)
  return db.transaction(async session => {
    await makeRoom(session, setAside)
    await migrateWithin(session, migrations.slice(0, backup.header.migrations.length))
    await pinTextFormat(session)
    const tables = new Map((await tablesIn(session)).map(table => [table.name, table]))
    refuseOtherTables(file, backup, tables)
    const names = [...tables.keys()].map(name => `duly.${quoted(name)}`).join(', ')
    await session.query(unprepared(`truncate ${names}`))
    await fill(session, file, tables, progress)
    for (const content of backup.contents) await compare(session, tables, content)
    for (const name of tables.keys()) await session.query(unprepared(`analyze duly.${quoted(name)}`))
    await migrateWithin(session)
    if (isEarlier) await session.query(renewEpochs)
  }, 'unlimited')
}

/** @throws StartError for a backup of a newer version, or of another program */
export function refuseUnknown(file: string, { header }: Backup): void {
  const known = migrations.map(({ name }) => name)
  if (header.migrations.every((name, n) => name === known[n])) return
  throw damaged(file, `a newer version of Duly (${header.version}) wrote it. Restore it with that version.`)
}

async function makeRoom(session: Session, setAside: string | undefined): Promise<void> {
  const [row] = await session.query(unprepared(`select to_regnamespace('duly') is not null`))
  if (row?.[0] !== 't') return
  if (setAside === undefined) {
    throw new StartError(
      'The database already contains a schema "duly". Add --replace to set it aside.',
      exit.cantCreate,
    )
  }
  await session.query(unprepared(`alter schema duly rename to ${quoted(setAside)}`))
}

function refuseOtherTables(file: string, { contents }: Backup, tables: ReadonlyMap<string, Table>): void {
  const unknown = contents.find(({ table }) => !tables.has(table))
  if (unknown) throw damaged(file, `it contains the unknown table ${JSON.stringify(unknown.table)}.`)
  if (contents.length !== tables.size) throw damaged(file, 'tables are missing.')
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
      if (!table) throw damaged(file, `it contains an unknown table.`)
      insert = insertInto(table, part.start, file)
      width = part.start.columns.length
      await setLastValues(session, table, part.start)
    } else if ('rows' in part) {
      const { rows } = part
      const values = Array.from({ length: width }, (_, n) => rows.map(row => row[n] ?? null))
      await session.query(unprepared(insert), values).catch(error => {
        // Temporary failures, such as a full disk, are not the file's fault.
        if (error instanceof AppError) throw error
        throw damaged(file, `the database rejects a row (${error.message}).`)
      })
      done += rows.length
      progress?.(done)
    }
  }
}

function insertInto({ name, columns }: Table, { columns: given }: TableStart, file: string): string {
  if (given.join() !== columns.map(column => column.name).join()) {
    throw damaged(file, `the columns of the table "${name}" do not match.`)
  }
  const into = columns.map(column => quoted(column.name)).join(', ')
  const values = columns.map((column, n) => `r.c${n}::${column.type}`).join(', ')
  const arrays = columns.map((_, n) => `$${n + 1}::text[]`).join(', ')
  const names = columns.map((_, n) => `c${n}`).join(', ')
  return `insert into duly.${quoted(name)} (${into}) overriding system value
    select ${values} from unnest(${arrays}) as r (${names})`
}

async function setLastValues(session: Session, table: Table, { given }: TableStart): Promise<void> {
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
      `The rows loaded into the table "${table.name}" differ from the backup. Nothing was changed.`,
      exit.dataErr,
    )
  }
  for (const column of table.columns.filter(({ identity }) => identity)) {
    const text = `select coalesce(max(${quoted(column.name)}), 0) <= $1::bigint from duly.${quoted(table.name)}`
    const [row] = await session.query(unprepared(text), [await lastGiven(session, table, column)])
    if (row?.[0] !== 't') {
      throw new StartError(
        `The next id of the table "${table.name}" is already in use. Nothing was changed.`,
        exit.dataErr,
      )
    }
  }
}
