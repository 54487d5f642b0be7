import type { Config } from '../config/config.ts'
import type { Log } from '../log.ts'
import type { Database, OnStatement } from './database.ts'
import { openEmbedded } from './embedded.ts'
import { connectPostgres } from './postgres.ts'

interface Connected {
  readonly db: Database
  /** Whether the embedded database was just created. */
  readonly created: boolean
}

type Options = Pick<Config, 'postgres' | 'databasePool' | 'dataDir' | 'dataSync'>

/**
 * Connects to the PostgreSQL server of `DATABASE_URL`, or else opens the embedded database. The
 * rest of the program does not know which one it uses.
 * @param serves whether it is used to answer requests
 */
export async function connect(
  { postgres, databasePool, dataDir, dataSync }: Options,
  log: Log,
  onStatement?: OnStatement,
  serves = false,
): Promise<Connected> {
  if (postgres) {
    const db = await connectPostgres({ address: postgres, pool: databasePool, log, onStatement, serves })
    return { db, created: false }
  }
  const db = await openEmbedded({ dataDir, sync: dataSync, log, onStatement })
  return { db, created: db.created }
}
