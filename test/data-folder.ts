import { accessSync, constants, mkdtempSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const gibibyte = 2 ** 30
const memory = '/dev/shm'

/**
 * Where the databases of a run are: in memory where there is room, else among the temporary files.
 * A cluster is a thousand small files; some file systems take a second to create them.
 */
export function placeForData(): string {
  return hasRoom() ? memory : tmpdir()
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
