import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { exit, StartError } from '../errors.ts'
import { reasonOf } from '../system-error.ts'

const hashLength = 40
const chunk = 256

/**
 * Looks up passwords in a file of sorted SHA-1 hashes, one per line, as Have I Been Pwned publishes
 * it. Text after the hash is ignored. Needs no network, and reads a few hundred bytes per look-up.
 */
export async function breachedPasswords(path: string): Promise<(password: string) => Promise<boolean>> {
  const file = await opened(path)
  try {
    const first = await lineAt(file, 0)
    if (!first || !/^[0-9A-F]{40}/i.test(first.text)) throw new Error('its first line is not a SHA-1 hash')
  } catch (error) {
    throw unreadable(path, error)
  } finally {
    await file.close()
  }
  return async password => {
    const wanted = createHash('sha1').update(password).digest('hex').toUpperCase()
    const list = await opened(path)
    try {
      return await holds(list, wanted)
    } finally {
      await list.close()
    }
  }
}

async function holds(file: FileHandle, wanted: string): Promise<boolean> {
  let low = 0
  let high = (await file.stat()).size
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

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): StartError {
  const reason = reasonOf(error) ?? (error instanceof Error ? error.message : String(error))
  const fix = 'Set it to a readable file of SHA-1 hashes, sorted, one per line.'
  return new StartError(`BREACHED_PASSWORDS: "${path}" cannot be used: ${reason}. ${fix}`, exit.config)
}
