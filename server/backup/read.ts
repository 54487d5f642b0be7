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

/** Longer than any row that Duly writes; a file that goes on without an end of line is not read into memory. */
const longestLine = 16 * 1024 * 1024
const batchSize = 500

/** What a backup is made of, in this order: tables, each with its rows and its end. */
export type Part =
  | { readonly start: TableStart }
  | { readonly rows: readonly DataRow[] }
  | { readonly end: Content }

export interface Backup {
  readonly header: Header
  /** What is in it, table by table. */
  readonly contents: readonly Content[]
}

/**
 * Reads a whole backup and compares it with the counts and checksums in it.
 * @throws StartError (EX_DATAERR) for a file that is none, or damaged, or incomplete
 */
export async function checkBackup(file: string): Promise<Backup> {
  const contents: Content[] = []
  const header = await readHeader(file)
  for await (const part of readParts(file)) if ('end' in part) contents.push(part.end)
  return { header, contents }
}

/** The parts of a backup. What was handed on is known to be whole only at each end. @throws StartError as `checkBackup` */
export async function* readParts(file: string): AsyncGenerator<Part> {
  const lines = linesOf(file)
  await headerOf(lines, file)
  const seen = new Set<string>()
  for (;;) {
    const start: Partial<TableStart & End> = objectOf(await nextOf(lines, file), file)
    if ('tables' in start) {
      if (start.tables !== seen.size) throw damaged(file, 'tables are missing in it.')
      if (!(await lines.next()).done) throw damaged(file, 'it goes on after its end.')
      return
    }
    if (!isTableStart(start) || seen.has(start.table)) throw damaged(file, 'it is not in order.')
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
  if (header.duly !== 'backup') throw damaged(file, 'it is no backup of Duly.')
  if (header.format !== format) {
    throw damaged(
      file,
      `version ${header.version} of Duly has written it in a format that this one does not know.`,
    )
  }
  const { migrations, secret } = header
  const secretFits =
    secret === undefined || (typeof secret === 'string' && /^[^\p{Cc}]{32,512}$/u.test(secret))
  if (!isStrings(migrations) || migrations.length === 0 || !secretFits)
    throw damaged(file, 'its first line is wrong.')
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
  for (;;) {
    const line = await nextOf(lines, file)
    if (line.startsWith('[')) {
      const row = parse(line, file)
      if (!isRow(row, columns.length)) throw damaged(file, `a row of ${table} in it is no row.`)
      hash.update(line).update('\n')
      count += 1
      if (rows.push(row) < batchSize) continue
      yield { rows }
      rows = []
      continue
    }
    if (rows.length > 0) yield { rows }
    const end = objectOf(line, file) as Partial<TableEnd>
    if (end.rows !== count || end.sha256 !== hash.digest('hex')) {
      throw damaged(file, `what it holds of ${table} is not what was written.`)
    }
    return { rows: end.rows, sha256: end.sha256 }
  }
}

async function nextOf(lines: AsyncGenerator<string>, file: string): Promise<string> {
  const { done, value } = await lines.next()
  if (done) throw damaged(file, 'its end is missing.')
  return value
}

async function* linesOf(file: string): AsyncGenerator<string, undefined> {
  const source = createReadStream(file)
  const text = createGunzip()
  source.on('error', error => text.destroy(error))
  let rest: Buffer[] = []
  let restLength = 0
  try {
    for await (const chunk of source.pipe(text) as AsyncIterable<Buffer>) {
      let from = 0
      for (let to = chunk.indexOf(10); to !== -1; to = chunk.indexOf(10, from)) {
        yield Buffer.concat([...rest, chunk.subarray(from, to)]).toString()
        rest = []
        restLength = 0
        from = to + 1
      }
      rest.push(chunk.subarray(from))
      restLength += chunk.length - from
      if (restLength > longestLine) throw damaged(file, 'a line in it is too long.')
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code === 'Z_BUF_ERROR') throw damaged(file, 'its end is missing.')
    if (code.startsWith('Z_')) throw damaged(file, 'it is damaged, or no backup of Duly.')
    throw explain(error, `Cannot read the backup "${file}"`)
  } finally {
    source.destroy()
    text.destroy()
  }
  if (restLength > 0) throw damaged(file, 'its end is missing.')
  return undefined
}

function parse(line: string, file: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw damaged(file, 'it is damaged, or no backup of Duly.')
  }
}

function objectOf(line: string, file: string): object {
  const value = parse(line, file)
  if (typeof value === 'object' && value !== null) return value
  throw damaged(file, 'it is not in order.')
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
