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
/** Begins the names of temporary folders, so that the next run knows those of an interrupted one. */
export const ownPrefix = `duly-tests-${process.pid}-`

/**
 * A folder for the databases of this run, removed when the process ends: in memory if there is room,
 * else among the temporary files. A cluster is a thousand small files; some file systems take a second
 * to create them.
 */
export function placeForData(): string {
  for (const place of [memory, tmpdir()]) if (existsSync(place)) removeAbandoned(place)
  const folder = mkdtempSync(join(hasRoom() ? memory : tmpdir(), ownPrefix))
  // PostgreSQL runs as another user if this is root.
  chmodSync(folder, 0o755)
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Removes the folders of interrupted runs of this user; root also runs PostgreSQL as another one. */
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

/** A new folder for a database and what belongs to it. */
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
