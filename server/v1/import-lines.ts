import { AppError } from '../errors.ts'
import type { JsonObject } from '../http/json-body.ts'
import { broken, type ImportLine } from '../tasks/import/import.ts'
import { isPlace } from '../tasks/import/position-base.ts'
import { isPosition } from '../tasks/list.ts'
import { listReader } from './list-wire.ts'
import { bodyLimit as longestLine, taskReader } from './task-wire.ts'

// Reads an export in NDJSON, in chunks that are imported as one change each. At most one chunk and
// one line are in memory.

/** Small, because the embedded database runs one statement at a time, for all users. */
const most = { lines: 250, bytes: 256 * 1024 }

interface LineChunk {
  readonly lines: readonly ImportLine[]
  /** Number of the last line. */
  readonly end: number
  readonly isLast: boolean
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** @throws AppError `broken_rule` that names the line */
export async function* chunksOf(body: AsyncIterable<Buffer>): AsyncGenerator<LineChunk, void, undefined> {
  let lines: ImportLine[] = []
  let bytes = 0
  let end = 0
  for await (const line of linesOf(body)) {
    // A chunk is imported when the next line arrives: only then is it not the last one.
    if (lines.length >= most.lines || bytes >= most.bytes) {
      yield { lines, end, isLast: false }
      lines = []
      bytes = 0
    }
    end += 1
    bytes += line.length
    const read = readLine(line, end)
    if (read) lines.push(read)
  }
  yield { lines, end, isLast: true }
}

async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let parts: Buffer[] = []
  let length = 0
  let number = 1
  for await (const buffer of body) {
    let from = 0
    for (let at = buffer.indexOf(10); ; at = buffer.indexOf(10, from)) {
      const part = buffer.subarray(from, at < 0 ? buffer.length : at)
      length += part.length
      if (length > longestLine) throw broken(number, '', `The line has more than ${longestLine} bytes.`)
      parts.push(part)
      if (at < 0) break
      yield Buffer.concat(parts)
      parts = []
      length = 0
      number += 1
      from = at + 1
    }
  }
  if (length > 0) yield Buffer.concat(parts)
}

function readLine(bytes: Buffer, line: number): ImportLine | undefined {
  let value: unknown
  try {
    const text = utf8.decode(bytes).trim()
    if (text === '') return undefined
    value = JSON.parse(text)
  } catch {
    throw broken(line, '', 'The line is not valid JSON in UTF-8.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw broken(line, '', 'The line must be a JSON object.')
  return itemIn(value as JsonObject, line)
}

function itemIn(body: JsonObject, line: number): ImportLine {
  const { type = 'task', id, revision: _revision, position, created_at, updated_at, ...rest } = body
  if (type !== 'task' && type !== 'list') throw broken(line, 'type', '"type" must be "task" or "list".')
  if (!Number.isSafeInteger(id) || Number(id) < 1)
    throw broken(line, 'id', '"id" must be a whole number of at least 1.')
  if (position !== undefined && (typeof position !== 'string' || !isPlace(position)))
    throw broken(line, 'position', '"position" must be a position that Duly has exported.')
  const kept = {
    ...(position === undefined ? {} : { position }),
    ...timeIn({ created_at }, line),
    ...timeIn({ updated_at }, line),
  }
  const numbered = { line, id: Number(id) }
  if (type === 'list') return { ...numbered, type, values: valuesOf(listReader.new, rest, line), kept }
  const { completed_at, ...others } = rest
  const values = valuesOf<Extract<ImportLine, { type: 'task' }>['values']>(taskReader.new, others, line)
  if (completed_at === null || completed_at === undefined) return { ...numbered, type, values, kept }
  if (values.is_completed !== true)
    throw broken(line, 'completed_at', '"completed_at" must be null for a task that is not completed.')
  return { ...numbered, type, values, kept: { ...kept, ...timeIn({ completed_at }, line) } }
}

function timeIn<Name extends string>(
  one: Record<Name, unknown>,
  line: number,
): Partial<Record<Name, string>> {
  const [name, value] = Object.entries(one)[0] as [Name, unknown]
  if (value === undefined) return {}
  if (isPosition('created_at', value, 1)) return { [name]: value } as Record<Name, string>
  throw broken(line, name, `"${name}" must be a time such as 2026-01-31T09:30:00.000000Z.`)
}

/** The fields that clients can set. */
function valuesOf<Values>(read: typeof taskReader.new, body: JsonObject, line: number): Values {
  try {
    // `read` has validated them.
    return read(body).values as Values
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const [{ field, message } = { field: '', message: error.message }] = error.problems
    throw broken(line, field, message)
  }
}
