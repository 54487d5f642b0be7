import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { explain } from '../system-error.ts'
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

/**
 * Longest lines in bytes, because a small file can inflate to any size. `row` is more than any row
 * that Duly writes; other lines contain names and numbers.
 */
const longest = { row: 16 * 1024 * 1024, other: 256 * 1024 }
/** Rows or bytes in one part. */
const batch = { rows: 500, bytes: 4 * 1024 * 1024 }
const mostTables = 1000
const [rowStart, newline] = Buffer.from('[\n')

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
    if (!isTableStart(start) || seen.has(start.table) || seen.size === mostTables)
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

async function nextOf(lines: AsyncGenerator<string>, file: string): Promise<string> {
  const { done, value } = await lines.next()
  if (done) throw damaged(file, 'it is truncated.')
  return value
}

async function* linesOf(file: string): AsyncGenerator<string, undefined> {
  const source = createReadStream(file)
  const text = createGunzip()
  source.on('error', error => text.destroy(error))
  let rest: Buffer[] = []
  let restLength = 0
  const add = (part: Buffer) => {
    if (part.length === 0) return
    rest.push(part)
    restLength += part.length
    const most = rest[0]?.[0] === rowStart ? longest.row : longest.other
    if (restLength > most) throw damaged(file, 'a line is too long.')
  }
  try {
    for await (const chunk of source.pipe(text) as AsyncIterable<Buffer>) {
      let from = 0
      for (let to = chunk.indexOf(newline ?? 0); to !== -1; to = chunk.indexOf(newline ?? 0, from)) {
        add(chunk.subarray(from, to))
        yield Buffer.concat(rest).toString()
        rest = []
        restLength = 0
        from = to + 1
      }
      add(chunk.subarray(from))
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code === 'Z_BUF_ERROR') throw damaged(file, 'it is truncated.')
    if (code.startsWith('Z_')) throw damaged(file, 'it is damaged, or not a backup of Duly.')
    throw explain(error, `Cannot read the backup "${file}"`)
  } finally {
    source.destroy()
    text.destroy()
  }
  if (restLength > 0) throw damaged(file, 'it is truncated.')
  return undefined
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

/** Whether a line looks like a JSON array of `length` strings and nulls, without parsing it. */
function isFlat(line: string, length: number): boolean {
  let at = 1
  for (let count = 1; count <= length; count += 1) {
    if (line.startsWith('null', at)) at += 4
    else if (line[at] === '"') at = endOfText(line, at)
    else return false
    if (line[at] !== (count === length ? ']' : ',')) return false
    at += 1
  }
  return at === line.length
}

/** The index after the quote that ends the string that begins at `start`. */
function endOfText(line: string, start: number): number {
  for (let at = line.indexOf('"', start + 1); at !== -1; at = line.indexOf('"', at + 1)) {
    let escapes = 0
    while (line[at - 1 - escapes] === '\\') escapes += 1
    if (escapes % 2 === 0) return at + 1
  }
  return line.length
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
