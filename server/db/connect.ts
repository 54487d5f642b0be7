import type { Config } from '../config.ts'
import type { Log } from '../log.ts'
import type { Database } from './database.ts'
import { openEmbedded } from './embedded.ts'
import { connectPostgres } from './postgres.ts'

export interface Connected {
  readonly db: Database
  /** Whether the embedded database was created just now. */
  readonly created: boolean
}

type Options = Pick<Config, 'postgres' | 'databasePool' | 'dataDir' | 'dataSync'>

/** PostgreSQL where `DATABASE_URL` names one, else the embedded one: from here on nothing can tell them apart. */
export async function connect(
  { postgres, databasePool, dataDir, dataSync }: Options,
  log: Log,
): Promise<Connected> {
  if (postgres)
    return { db: await connectPostgres({ address: postgres, pool: databasePool, log }), created: false }
  const db = await openEmbedded({ dataDir, sync: dataSync, log })
  return { db, created: db.created }
}
