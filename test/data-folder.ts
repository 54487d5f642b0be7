import {
  accessSync,
  chmodSync,
  constants,
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

/**
 * A folder for the databases of this run, removed when the process ends: in memory if there is room,
 * else among the temporary files. A cluster is a thousand small files; some file systems take a second
 * to create them.
 */
export function placeForData(): string {
  const place = hasRoom() ? memory : tmpdir()
  removeAbandoned(place)
  const folder = mkdtempSync(join(place, `duly-tests-${process.pid}-`))
  // PostgreSQL runs as another user if this is root.
  chmodSync(folder, 0o755)
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Removes the folders of interrupted runs of this user. */
function removeAbandoned(place: string): void {
  for (const name of readdirSync(place)) {
    const pid = Number(/^duly-tests-(\d+)-/.exec(name)?.[1])
    const folder = join(place, name)
    if (!pid || isRunning(pid) || statSync(folder, { throwIfNoEntry: false })?.uid !== process.getuid?.())
      continue
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
