import { rmSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import type { Database } from '../db/database.ts'
import { openEmbedded } from '../db/embedded.ts'
import { createLog } from '../log.ts'
import { ask } from '../operator/control.ts'

export interface Snapshot {
  readonly db: Database
  /** Closes the copy and removes it. */
  close(): Promise<void>
}

/**
 * A copy of the database that a running server has: reading it holds nobody up, since the embedded database has one session.
 * @returns nothing where no server runs
 */
export async function openSnapshot(dataDir: string): Promise<Snapshot | undefined> {
  const order = { command: 'snapshot', args: [], input: String(process.pid) }
  for await (const name of ask(dataDir, order)) {
    const folder = join(dataDir, name)
    const remove = () => rmSync(folder, { recursive: true, force: true })
    try {
      // The server goes first where there is not enough processor time for both.
      setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
      const db = await openEmbedded({ dataDir: folder, sync: false, log: createLog('error') })
      const close = () => db.close().finally(remove)
      return { db, close }
    } catch (error) {
      remove()
      throw error
    }
  }
  return undefined
}
