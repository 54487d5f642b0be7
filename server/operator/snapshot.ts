import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { exit, StartError } from '../errors.ts'
import type { OperatorCommand } from './command.ts'

const prefix = 'snapshot-'

/**
 * Copies the database's files into a folder in the data directory and prints the folder's name. The
 * calling process, whose id is the input, reads the copy and removes it.
 */
export const snapshotCommand: OperatorCommand = {
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
      throw new StartError(`Cannot copy the database: ${reason}`, exit.cantCreate)
    }
    yield name
  },
}

/** Removes copies that killed processes left behind. */
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
