import { rmSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'
import { join } from 'node:path'
import type { Database } from '../db/database.ts'
import { openEmbedded } from '../db/embedded.ts'
import { createLog } from '../log.ts'
import { ask } from '../operator/control.ts'

interface Snapshot {
  readonly db: Database
  /** Closes the copy and removes it. */
  close(): Promise<void>
}

/**
 * Opens a copy of the running server's database. The embedded database has one session; a copy
 * leaves it to requests.
 * @returns undefined if no server is running
 */
export async function openSnapshot(dataDir: string): Promise<Snapshot | undefined> {
  const request = { command: 'snapshot', args: [], input: String(process.pid) }
  for await (const name of ask(dataDir, request)) {
    const folder = join(dataDir, name)
    const remove = () => rmSync(folder, { recursive: true, force: true })
    try {
      // The server has priority for the CPU. Under `nice` the value may already be higher, and only
      // root can lower it.
      const { PRIORITY_BELOW_NORMAL } = constants.priority
      if (getPriority() < PRIORITY_BELOW_NORMAL) setPriority(PRIORITY_BELOW_NORMAL)
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
