import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { exit, StartError } from '../errors.ts'
import type { OperatorCommand } from './command.ts'

const prefix = 'snapshot-'

/**
 * Copies the database's files to a folder in the data directory and returns its name. The command that asked reads the copy in
 * its own process and removes it. The input is the id of that process.
 */
export const snapshotOrder: OperatorCommand = {
  check() {},
  async *run({ db, dataDir }, _args, input) {
    if (!db.copyTo) throw new StartError('Only an embedded database can be copied.', exit.usage)
    removeAbandoned(dataDir)
    const name = `${prefix}${Number(input)}-${randomBytes(8).toString('hex')}`
    try {
      await db.copyTo(join(dataDir, name, 'postgres'))
    } catch (error) {
      rmSync(join(dataDir, name), { recursive: true, force: true })
      const reason = error instanceof Error && 'syscall' in error ? error.message : undefined
      if (reason === undefined) throw error
      throw new StartError(`The database cannot be copied: ${reason}`, exit.cantCreate)
    }
    yield name
  },
}

/** Removes the copies whose process was killed before it could. */
export function removeAbandoned(dataDir: string): void {
  for (const name of readdirSync(dataDir)) {
    const [, pid] = /^snapshot-(\d+)-/.exec(name) ?? []
    if (pid !== undefined && !isRunning(Number(pid)))
      rmSync(join(dataDir, name), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
