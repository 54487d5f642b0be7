import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { exit, StartError } from '../errors.ts'

/** Makes the data directory, readable by its owner only. */
export function makeDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    if (!statSync(dataDir).isDirectory()) throw new Error('it is not a directory')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StartError(
      `The data directory ${dataDir} cannot be made: ${reason}\nSet DATA_DIR to one that can.`,
      exit.cantCreate,
    )
  }
}

export interface DataDirLock {
  release(): void
}

/**
 * Takes the data directory for this process alone: two processes on one embedded database corrupt it silently. The lock is the
 * operating system's (fcntl OFD locks, LockFileEx), so it is gone with the process however that ends; the file only
 * tells others who holds it.
 * @throws StartError naming the process that has it.
 */
export function lockDataDir(dataDir: string): DataDirLock {
  makeDataDir(dataDir)
  // Here alone: a server on PostgreSQL starts without it.
  const { tryLock } = createRequire(import.meta.url)(
    'fs-native-extensions',
  ) as typeof import('fs-native-extensions')
  const file = join(dataDir, 'lock')
  const descriptor = openSync(file, 'a+', 0o600)
  // One byte far past the text, so that others may still read it where locks are mandatory (Windows).
  if (!tryLock(descriptor, 1 << 30, 1)) {
    closeSync(descriptor)
    throw new StartError(
      `The data in ${dataDir} is in use by ${holderOf(dataDir)}.\nStop that one first, or give this one a directory of its own with DATA_DIR.`,
      exit.cantCreate,
    )
  }
  ftruncateSync(descriptor)
  writeSync(descriptor, `process ${process.pid} on ${hostname()}, since ${new Date().toISOString()}`)
  return { release: () => closeSync(descriptor) }
}

/** Who has it, or had it last, in words. */
export function holderOf(dataDir: string): string {
  try {
    return readFileSync(join(dataDir, 'lock'), 'utf8') || 'another process'
  } catch {
    return 'another process'
  }
}
