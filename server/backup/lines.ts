import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { requireRegularFile } from '../regular-file.ts'
import { explain } from '../system-error.ts'
import { damaged } from './format.ts'

/**
 * Longest lines in bytes, because a small file can inflate to any size. `row` is more than any row
 * that Duly writes; other lines contain names and numbers.
 */
const longest = { row: 16 * 1024 * 1024, other: 256 * 1024 }
const [rowStart, newline] = Buffer.from('[\n')

/**
 * The lines of a backup, which is a gzip file.
 * @throws StartError (EX_DATAERR) if the file is damaged or truncated, or a line is too long
 */
export async function* linesOf(file: string): AsyncGenerator<string, undefined> {
  try {
    // It is read several times.
    requireRegularFile(file)
  } catch (error) {
    throw explain(error, cannotRead(file))
  }
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
    throw explain(error, cannotRead(file))
  } finally {
    source.destroy()
    text.destroy()
  }
  if (restLength > 0) throw damaged(file, 'it is truncated.')
  return undefined
}

const cannotRead = (file: string) => `Cannot read the backup "${file}"`

/** @throws StartError (EX_DATAERR) if there is no other line */
export async function nextOf(lines: AsyncGenerator<string>, file: string): Promise<string> {
  const { done, value } = await lines.next()
  if (done) throw damaged(file, 'it is truncated.')
  return value
}
