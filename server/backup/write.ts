import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { type Database, type Session, unprepared } from '../db/database.ts'
import { migrationStatus } from '../db/migrate.ts'
import { settingStatement } from '../db/session-settings.ts'
import { exit, StartError } from '../errors.ts'
import { version } from '../version.ts'
import { type Content, type End, format, type Header, type TableEnd, type TableStart } from './format.ts'
import { keyOf, lastGiven, quoted, type Table, tablesIn } from './tables.ts'

/** Rows at a time: of the longest tasks 10 MB, of usual ones 100 kB. */
const batchSize = 500

const sameEverywhere = [
  unprepared('set local statement_timeout = 0'),
  // Also behind a pooler, where a session's settings do not stay.
  settingStatement('transaction'),
  // A search that reads many rows in order is sorted on the disk otherwise.
  unprepared(`set local work_mem = '32MB'`),
]

/** Has values written as text in one way, whatever the database is set to. Holds until the transaction ends. */
export async function writeAlike(session: Session): Promise<void> {
  for (const setting of sameEverywhere) await session.query(setting)
}

export interface WriteOptions {
  /** The secret that is kept beside the database, where there is one. */
  readonly secret: string | undefined
  readonly progress?: ((rows: number) => void) | undefined
}

/**
 * Writes everything as it is at one moment. Other sessions go on. The embedded database has only this one: where a server has
 * it, a copy of it is written (server/db/base-copy.ts).
 * @throws StartError where there is nothing of Duly's
 */
export function writeBackup(db: Database, to: Writable, options: WriteOptions): Promise<Content[]> {
  return db.transaction(async session => {
    await session.query(unprepared('set transaction isolation level repeatable read, read only'))
    await writeAlike(session)
    const contents: Content[] = []
    await pipeline(linesOf(session, options, contents), createGzip({ level: 3 }), to)
    return contents
  }, 'unlimited')
}

/** The same into a new file, readable by its owner only; it is on the disk then, or it is gone. */
export async function writeBackupFile(db: Database, file: string, options: WriteOptions): Promise<Content[]> {
  // Opened before there is a stream, whose failure nobody would hear before the transaction has begun.
  const handle = await open(file, 'wx', 0o600)
  const stream = handle.createWriteStream({ flush: true })
  try {
    return await writeBackup(db, stream, options)
  } catch (error) {
    stream.destroy()
    rmSync(file, { force: true })
    throw error
  }
}

async function* linesOf(session: Session, { secret, progress }: WriteOptions, contents: Content[]) {
  const applied = await migrationStatus(session)
  if (applied.length === 0)
    throw new StartError('This database has no tables of Duly. Check DATABASE_URL.', exit.dataErr)
  const header: Header = {
    duly: 'backup',
    format,
    version,
    madeAt: new Date().toISOString(),
    migrations: applied.map(({ name }) => name),
    ...(secret === undefined ? {} : { secret }),
  }
  yield `${JSON.stringify(header)}\n`
  const tables = await tablesIn(session)
  let done = 0
  for (const table of tables) {
    const given: Record<string, string> = {}
    for (const column of table.columns.filter(({ identity }) => identity)) {
      given[column.name] = await lastGiven(session, table, column)
    }
    const columns = table.columns.map(({ name }) => name)
    yield `${JSON.stringify({ table: table.name, columns, given } satisfies TableStart)}\n`
    const end = yield* rowLines(session, table, rows => progress?.(done + rows))
    done += end.rows
    contents.push({ table: table.name, ...end })
    yield `${JSON.stringify(end)}\n`
  }
  yield `${JSON.stringify({ tables: tables.length } satisfies End)}\n`
}

/** The rows of one table, as lines. Holds a cursor of the transaction meanwhile. @returns what was read */
export async function* rowLines(
  session: Session,
  table: Table,
  progress?: (rows: number) => void,
): AsyncGenerator<string, TableEnd> {
  const columns = table.columns.map(({ name }) => quoted(name)).join(', ')
  const select = `select ${columns} from duly.${quoted(table.name)} order by ${keyOf(table)}`
  await session.query(unprepared(`declare rows no scroll cursor for ${select}`))
  const hash = createHash('sha256')
  let rows = 0
  const fetch = () => session.query(unprepared(`fetch ${batchSize} from rows`))
  for (let coming = fetch(); ; ) {
    const batch = await coming
    if (batch.length === 0) break
    // The database reads on while these are written down. Whoever stops before does not hear of what failed behind it.
    coming = fetch()
    coming.catch(() => {})
    const text = batch.map(row => `${JSON.stringify(row)}\n`).join('')
    hash.update(text)
    rows += batch.length
    yield text
    progress?.(rows)
  }
  await session.query(unprepared('close rows'))
  return { rows, sha256: hash.digest('hex') }
}
