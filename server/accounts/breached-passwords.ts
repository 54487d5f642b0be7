import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { readStart, requireRegularFile } from '../regular-file.ts'
import { reasonOf } from '../system-error.ts'

const hashLength = 40
const chunk = 256

/** Why a file cannot be the list of breached passwords. Undefined if it can. */
export function listProblem(path: string): string | undefined {
  try {
    requireRegularFile(path)
    const first = readStart(path, hashLength).toString('latin1')
    return /^[0-9A-F]{40}$/i.test(first) ? undefined : 'its first line is not a SHA-1 hash'
  } catch (error) {
    return reasonOf(error) ?? (error as Error).message
  }
}

/**
 * Whether a file of sorted SHA-1 hashes contains a password. The hashes are one per line, as Have I
 * Been Pwned publishes them; text after a hash is ignored. Reads a few hundred bytes per line.
 * Rejects if the file cannot be read or is empty.
 */
export async function isBreached(path: string, password: string): Promise<boolean> {
  const wanted = createHash('sha1').update(password).digest('hex').toUpperCase()
  const list = await open(path, 'r')
  try {
    const { size } = await list.stat()
    if (size < hashLength) throw new Error('it has no SHA-1 hash')
    return await holds(list, size, wanted)
  } finally {
    await list.close()
  }
}

async function holds(file: FileHandle, size: number, wanted: string): Promise<boolean> {
  let low = 0
  let high = size
  // The line that begins in `low … high`, if any, is the one.
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const line = await lineAt(file, middle)
    if (!line || line.start >= high) {
      high = middle
      continue
    }
    const hash = line.text.slice(0, hashLength).toUpperCase()
    if (hash === wanted) return true
    if (hash < wanted) low = line.start + 1
    else high = middle
  }
  return false
}

/** The first line that begins at `offset` or after it. */
async function lineAt(
  file: FileHandle,
  offset: number,
): Promise<{ start: number; text: string } | undefined> {
  const from = Math.max(0, offset - 1)
  const buffer = Buffer.alloc(chunk)
  const { bytesRead } = await file.read(buffer, 0, chunk, from)
  const text = buffer.toString('latin1', 0, bytesRead)
  const skipped = offset === 0 ? 0 : text.indexOf('\n') + 1
  if (offset > 0 && skipped === 0) return undefined
  const line = text.slice(skipped).split('\n')[0] ?? ''
  return line === '' ? undefined : { start: from + skipped, text: line }
}
