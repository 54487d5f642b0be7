import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { findKeptSecret } from '../auth/secret.ts'
import { writeBackupFile } from '../backup/write.ts'
import type { OperatorCommand } from './command.ts'

/**
 * Writes a backup into the data directory, and says its name there. While it is being written everyone else waits for the one
 * session: so it goes where this server may write for certain, and at the speed of that disk, not of a reader who stops.
 */
export const backupOrder: OperatorCommand = {
  check() {},
  async *run({ db, dataDir }) {
    // Left behind by who asked for it, and was killed before it was taken away.
    for (const name of readdirSync(dataDir)) {
      if (/^backup-[0-9a-f]{16}$/.test(name)) rmSync(join(dataDir, name), { force: true })
    }
    const name = `backup-${randomBytes(8).toString('hex')}`
    await writeBackupFile(db, join(dataDir, name), { secret: findKeptSecret(dataDir) })
    yield name
  },
}
