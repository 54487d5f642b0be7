import { createHash } from 'node:crypto'
import { isFlat } from './flat-row.ts'
import {
  type Content,
  type DataRow,
  damaged,
  type End,
  format,
  type Header,
  type TableEnd,
  type TableStart,
} from './format.ts'
import { linesOf, nextOf } from './lines.ts'

/** Rows or bytes in one part. */
const batch = { rows: 500, bytes: 4 * 1024 * 1024 }
const maxTables = 1000

/** The parts of a backup, in this order: for each table its start, its rows and its end. */
export type Part =
  | { readonly start: TableStart }
  | { readonly rows: readonly DataRow[] }
  | { readonly end: Content }

export interface Backup {
  readonly header: Header
  /** One entry per table. */
  readonly contents: readonly Content[]
}

/**
 * Reads a whole backup and compares it with the counts and checksums in it.
 * @throws StartError (EX_DATAERR) for a file that is damaged, truncated or not a backup
 */
export async function checkBackup(file: string): Promise<Backup> {
  const contents: Content[] = []
  const header = await readHeader(file)
  for await (const part of readParts(file)) if ('end' in part) contents.push(part.end)
  return { header, contents }
}

/**
 * The parts of a backup. The rows of a table are verified only at its end.
 * @throws StartError as `checkBackup`
 */
export async function* readParts(file: string): AsyncGenerator<Part> {
  const lines = linesOf(file)
  await headerOf(lines, file)
  const seen = new Set<string>()
  for (;;) {
    const start: Partial<TableStart & End> = objectOf(await nextOf(lines, file), file)
    if ('tables' in start) {
      if (start.tables !== seen.size) throw damaged(file, 'tables are missing.')
      if (!(await lines.next()).done) throw damaged(file, 'it continues after its end.')
      return
    }
    if (!isTableStart(start) || seen.has(start.table) || seen.size === maxTables)
      throw damaged(file, 'its structure is invalid.')
    seen.add(start.table)
    yield { start }
    yield { end: { table: start.table, ...(yield* readRows(lines, start, file)) } }
  }
}

async function readHeader(file: string): Promise<Header> {
  const lines = linesOf(file)
  const header = await headerOf(lines, file)
  await lines.return(undefined)
  return header
}

async function headerOf(lines: AsyncGenerator<string>, file: string): Promise<Header> {
  const header = objectOf(await nextOf(lines, file), file) as Partial<Header>
  if (header.duly !== 'backup') throw damaged(file, 'it is not a backup of Duly.')
  if (header.format !== format) {
    throw damaged(file, `Duly ${header.version} wrote it in a format that this version does not support.`)
  }
  const { migrations, secret } = header
  const secretFits =
    secret === undefined || (typeof secret === 'string' && /^[^\p{Cc}]{32,512}$/u.test(secret))
  if (!isStrings(migrations) || migrations.length === 0 || !secretFits)
    throw damaged(file, 'its first line is invalid.')
  return header as Header
}

async function* readRows(
  lines: AsyncGenerator<string>,
  { table, columns }: TableStart,
  file: string,
): AsyncGenerator<Part, TableEnd> {
  const hash = createHash('sha256')
  let count = 0
  let rows: DataRow[] = []
  let bytes = 0
  for (;;) {
    const line = await nextOf(lines, file)
    if (line.startsWith('[')) {
      // Checked before parsing: a line with nested or millions of values takes many times its
      // length in memory.
      const row = isFlat(line, columns.length) ? parse(line, file) : undefined
      if (!isRow(row, columns.length)) throw damaged(file, `a row of the table "${table}" is invalid.`)
      hash.update(line).update('\n')
      count += 1
      bytes += line.length
      if (rows.push(row) < batch.rows && bytes < batch.bytes) continue
      yield { rows }
      rows = []
      bytes = 0
      continue
    }
    if (rows.length > 0) yield { rows }
    const end = objectOf(line, file) as Partial<TableEnd>
    if (end.rows !== count || end.sha256 !== hash.digest('hex')) {
      throw damaged(file, `the rows of the table "${table}" do not match their checksum.`)
    }
    return { rows: end.rows, sha256: end.sha256 }
  }
}

function parse(line: string, file: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw damaged(file, 'it is damaged, or not a backup of Duly.')
  }
}

function objectOf(line: string, file: string): object {
  const value = parse(line, file)
  if (typeof value === 'object' && value !== null) return value
  throw damaged(file, 'its structure is invalid.')
}

function isRow(value: unknown, length: number): value is DataRow {
  return (
    Array.isArray(value) &&
    value.length === length &&
    value.every(item => item === null || typeof item === 'string')
  )
}

function isTableStart(line: Partial<TableStart>): line is TableStart {
  const { table, columns, given } = line
  return (
    typeof table === 'string' &&
    isStrings(columns) &&
    typeof given === 'object' &&
    given !== null &&
    Object.values(given).every(last => /^\d{1,18}$/.test(String(last)))
  )
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string')
}
