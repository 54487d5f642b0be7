import { randomUUID } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { exit, StartError } from '../errors.ts'
import { codeOf, explain } from '../system-error.ts'

const { R_OK, W_OK, X_OK } = constants

/**
 * Creates the data directory, readable by its owner only.
 * @throws StartError if it cannot be created, or is a file
 */
export function makeDataDir(dataDir: string): void {
  creating(dataDir, () => {
    if (statSync(dataDir, { throwIfNoEntry: false })?.isDirectory() === false) {
      throw new StartError(`DATA_DIR "${dataDir}" is a file. Set it to a directory.`, exit.cantCreate)
    }
    makeDirectories(dataDir, dataDir)
  })
}

/**
 * Checks that a data directory that does not exist can be created: creates and removes another one
 * beside its first missing parent.
 * @throws StartError
 */
export function tryDataDir(dataDir: string): void {
  creating(dataDir, () => {
    let parent = dirname(dataDir)
    while (!existsSync(parent)) parent = dirname(parent)
    const probe = join(parent, `.duly-${randomUUID()}`)
    makeDirectories(probe, dataDir)
    rmdirSync(probe)
  })
}

const creating = (dataDir: string, work: () => void) =>
  inDataDir(dataDir, `Cannot create the data directory "${dataDir}"`, work)

/** Node's `recursive` never returns where a directory cannot have another, as in `/proc`. */
function makeDirectories(path: string, dataDir: string): void {
  if (existsSync(path)) return
  const parent = dirname(path)
  if (!existsSync(parent)) makeDirectories(parent, dataDir)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (codeOf(error) === 'ENOENT')
      throw new StartError(
        `Cannot create the data directory "${dataDir}": "${parent}" cannot contain directories. ${otherDirectory}`,
        exit.cantCreate,
      )
    // Another process was faster.
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

const otherDirectory = 'Set DATA_DIR to a directory that Duly can write to.'

/** @throws StartError (EX_CANTCREAT) for failures that the operator can fix, else the error */
function inDataDir<T>(dataDir: string, failed: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const code = codeOf(error)
    const fix =
      code === 'EACCES' || code === 'EPERM'
        ? `${otherDirectory} "${dataDir}" must belong to the user who runs Duly.`
        : code === 'EROFS' || code === 'ENOENT' || code === 'ENOTDIR' || code === 'EEXIST'
          ? otherDirectory
          : undefined
    const explained = explain(error, failed, fix)
    throw explained instanceof StartError
      ? new StartError(explained.message, exit.cantCreate, { cause: error })
      : error
  }
}

/**
 * Checks access before the database is opened, whose errors say less. Files may belong to another
 * user, for example after a command was run as root.
 * @throws StartError
 */
function requireAccess(dataDir: string): void {
  const paths = [dataDir, join(dataDir, 'postgres'), join(dataDir, 'postgres', 'global', 'pg_control')]
  for (const path of paths) {
    const mode = path === paths.at(-1) ? R_OK | W_OK : R_OK | W_OK | X_OK
    inDataDir(dataDir, `Cannot write to "${path}"`, () => {
      if (statSync(path, { throwIfNoEntry: false })) accessSync(path, mode)
    })
  }
}

interface DataDirLock {
  release(): void
}

/**
 * Locks the data directory for this process: two processes on one embedded database corrupt it
 * silently. It is a lock of the operating system (fcntl OFD locks, LockFileEx), which ends with the
 * process, however that ends. The content of the file only tells others who holds the lock.
 * @throws StartError that names the process that holds it
 */
export function lockDataDir(dataDir: string): DataDirLock {
  makeDataDir(dataDir)
  requireAccess(dataDir)
  // Loaded here, so that a server on PostgreSQL starts without it.
  const { tryLock } = createRequire(import.meta.url)(
    'fs-native-extensions',
  ) as typeof import('fs-native-extensions')
  const file = join(dataDir, 'lock')
  const descriptor = inDataDir(dataDir, `Cannot open "${file}"`, () => openSync(file, 'a+', 0o600))
  // One byte far beyond the text, so that others can read it where locks are mandatory (Windows).
  if (!tryLock(descriptor, 1 << 30, 1)) {
    closeSync(descriptor)
    throw new StartError(
      `The data in "${dataDir}" is in use by ${holderOf(dataDir)}. Stop that process first, or set DATA_DIR to another directory.`,
      exit.cantCreate,
    )
  }
  inDataDir(dataDir, `Cannot write to "${file}"`, () => {
    ftruncateSync(descriptor)
    writeSync(descriptor, `process ${process.pid} on ${hostname()}, since ${new Date().toISOString()}`)
  })
  return { release: () => closeSync(descriptor) }
}

/** The process that holds the lock, or held it last, for messages. */
export function holderOf(dataDir: string): string {
  try {
    return readFileSync(join(dataDir, 'lock'), 'utf8') || 'another process'
  } catch {
    return 'another process'
  }
}
