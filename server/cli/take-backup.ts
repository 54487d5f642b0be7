import { copyFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { findKeptSecret } from '../auth/secret.ts'
import { type Backup, checkBackup } from '../backup/read.ts'
import { syncPath } from '../backup/sync-path.ts'
import { writeBackupFile } from '../backup/write.ts'
import type { Config } from '../config.ts'
import { connect } from '../db/connect.ts'
import { AppError, exit, StartError } from '../errors.ts'
import { createLog } from '../log.ts'
import { ask } from '../operator/control.ts'
import { explain } from '../system-error.ts'
import { countRows } from './count-rows.ts'
import { requireDatabase } from './existing.ts'

/**
 * Backs up the database of these settings into a new file: by the server that has it, else in this process. What was written is
 * read again, and held against what was read from the database.
 */
export async function takeBackup(config: Config, file: string): Promise<Backup> {
  try {
    if (config.postgres || !(await takeFromServer(config.dataDir, file))) await takeHere(config, file)
  } catch (error) {
    if (!(error instanceof AppError)) throw explain(error, 'Cannot write the backup')
    const reason = error.cause instanceof Error ? error.cause.message : error.message
    throw new StartError(`Cannot write the backup: ${reason}`, exit.cantCreate, { cause: error })
  }
  return checkBackup(file)
}

async function takeFromServer(dataDir: string, file: string): Promise<boolean> {
  for await (const name of ask(dataDir, { command: 'backup', args: [], input: '' })) {
    move(join(dataDir, name), file)
    return true
  }
  return false
}

async function takeHere(config: Config, file: string): Promise<void> {
  const { dataDir, postgres } = config
  requireDatabase(config)
  const { db } = await connect(config, createLog('error'))
  try {
    const secret = postgres ? undefined : findKeptSecret(dataDir)
    const counting = countRows('read')
    await writeBackupFile(db, file, { secret, progress: counting.progress })
    counting.end()
  } finally {
    await db.close()
  }
}

function move(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    // On another disk.
    if (!(error instanceof Error && 'code' in error && error.code === 'EXDEV')) throw error
    copyFileSync(from, to)
    syncPath(to)
    rmSync(from)
  }
}
