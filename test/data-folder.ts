import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf } from '../server/system-error.ts'

const gibibyte = 2 ** 30
const memory = '/dev/shm'
/** Prefix of temporary directories, so that the next run can remove those of an interrupted one. */
export const ownPrefix = `duly-tests-${process.pid}-`

/**
 * The directory for the databases of this run, removed when the process ends: in memory if there is
 * room, else under TMPDIR. A cluster has a thousand small files, which some file systems take a
 * second to create.
 */
export function placeForData(): string {
  for (const place of [memory, tmpdir()]) if (existsSync(place)) removeAbandoned(place)
  const folder = mkdtempSync(join(hasRoom() ? memory : tmpdir(), ownPrefix))
  // If this process runs as root, PostgreSQL runs as another user.
  chmodSync(folder, 0o755)
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/**
 * Removes the directories of interrupted runs of this user; root also runs PostgreSQL as another.
 */
function removeAbandoned(place: string): void {
  const user = process.getuid?.()
  for (const name of readdirSync(place)) {
    const pid = Number(/^duly-tests-(\d+)-/.exec(name)?.[1])
    const folder = join(place, name)
    const owner = statSync(folder, { throwIfNoEntry: false })?.uid
    if (!pid || isRunning(pid) || (user !== 0 && owner !== user)) continue
    rmSync(folder, { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) !== 'ESRCH'
  }
}

/** A new directory for a database and its files. */
export function dataFolder(): string {
  return mkdtempSync(join(process.env.TEST_DATA ?? tmpdir(), 'duly-test-'))
}

function hasRoom(): boolean {
  try {
    accessSync(memory, constants.W_OK)
    const { bavail, bsize } = statfsSync(memory)
    return bavail * bsize > 4 * gibibyte && process.availableMemory() > 8 * gibibyte
  } catch {
    return false
  }
}
