import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { type Database, type Session, unprepared } from '../db/database.ts'
import { migrationStatus } from '../db/migration-status.ts'
import { settingStatement } from '../db/session-settings.ts'
import { exit, StartError } from '../errors.ts'
import { version } from '../version.ts'
import { type Content, type End, format, type Header, type TableEnd, type TableStart } from './format.ts'
import { keyOf, lastGiven, quoted, type Table, tablesIn } from './tables.ts'

/** Rows per batch: 10 MB of the longest tasks, 100 kB of typical ones. */
const batchSize = 500

const sameEverywhere = [
  unprepared('set local statement_timeout = 0'),
  // In the transaction, because a pooler does not keep session settings.
  settingStatement('transaction'),
  // Otherwise PostgreSQL sorts the rows of large tables on disk.
  unprepared(`set local work_mem = '32MB'`),
]

/** Pins the text format of values for the transaction, whatever the settings of the database. */
export async function pinTextFormat(session: Session): Promise<void> {
  for (const setting of sameEverywhere) await session.query(setting)
}

export interface WriteOptions {
  /** The generated secret in DATA_DIR, if there is one. */
  readonly secret: string | undefined
  readonly progress?: ((rows: number) => void) | undefined
}

/**
 * Writes a snapshot of all tables. Other sessions continue. The embedded database has only one
 * session: while a server uses it, a copy is read instead (server/db/base-copy.ts).
 * @throws StartError if the database contains no tables of Duly
 */
function writeBackup(db: Database, to: Writable, options: WriteOptions): Promise<Content[]> {
  return db.transaction(async session => {
    await session.query(unprepared('set transaction isolation level repeatable read, read only'))
    await pinTextFormat(session)
    const contents: Content[] = []
    await pipeline(linesOf(session, options, contents), createGzip({ level: 3 }), to)
    return contents
  }, 'unlimited')
}

/** Writes it into a new file that only its owner can read; flushes the file, or removes it. */
export async function writeBackupFile(db: Database, file: string, options: WriteOptions): Promise<Content[]> {
  // Opened first: a stream would report a failure before anything listens for it.
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
    throw new StartError('The database contains no tables of Duly. Check DATABASE_URL.', exit.dataErr)
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

/**
 * The rows of one table, as lines, read with a cursor of the transaction.
 * @returns the count and checksum
 */
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
    // Read while the previous batch is written. Its failure is ignored if the caller stops early.
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
