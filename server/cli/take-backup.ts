import { findKeptSecret } from '../auth/secret.ts'
import { type Backup, checkBackup } from '../backup/read.ts'
import { writeBackupFile } from '../backup/write.ts'
import type { Config } from '../config/config.ts'
import { connect } from '../db/connect.ts'
import type { Database } from '../db/database.ts'
import { AppError, exit, StartError } from '../errors.ts'
import { createLog } from '../log.ts'
import { explain } from '../system-error.ts'
import { countRows } from './count-rows.ts'
import { requireDatabase } from './existing.ts'
import { openSnapshot } from './open-snapshot.ts'

/**
 * Backs up the database of these settings into a new file, and verifies its checksums. If a server
 * is running on an embedded database, reads a copy of it.
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
  const snapshot = await openSnapshot(dataDir)
  if (!snapshot) return false
  try {
    await write(snapshot.db, file, findKeptSecret(dataDir))
  } finally {
    await snapshot.close()
  }
  return true
}

async function takeHere(config: Config, file: string): Promise<void> {
  const { dataDir, postgres } = config
  requireDatabase(config)
  const { db } = await connect(config, createLog('error'))
  try {
    await write(db, file, postgres ? undefined : findKeptSecret(dataDir))
  } finally {
    await db.close()
  }
}

async function write(db: Database, file: string, secret: string | undefined): Promise<void> {
  const counting = countRows('read')
  try {
    await writeBackupFile(db, file, { secret, progress: counting.progress })
  } finally {
    counting.end()
  }
}
