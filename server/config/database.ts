import { resolve } from 'node:path'
import { type PostgresAddress, parseDatabaseUrl } from '../db/database-url.ts'
import { setting } from './setting.ts'
import type { SettingsReader } from './settings-reader.ts'

export const databaseSettings = [
  setting(
    'DATABASE_URL',
    'the embedded database',
    'URL of your PostgreSQL (14 or newer), as `postgres://…`.',
  ),
  setting(
    'DATABASE_POOL',
    '20',
    'Maximum number of connections to PostgreSQL, in addition to two for searches.',
  ),
  setting('DATABASE_POOLER', 'none', '`transaction` behind a pooler in transaction mode, such as PgBouncer.'),
  setting('DATA_DIR', './data', 'Directory of the embedded database and the generated secret.'),
  setting(
    'DATA_SYNC',
    'on',
    '`off`: the embedded database does not wait for the disk. Faster, but a power cut can lose the last writes.',
  ),
]

export interface DatabaseConfig {
  /** Absent: the embedded database in `dataDir`. */
  readonly postgres: PostgresAddress | undefined
  readonly databasePool: number
  readonly dataDir: string
  readonly dataSync: boolean
}

export function readDatabase(reader: SettingsReader): DatabaseConfig {
  return {
    postgres: readAddress(reader),
    databasePool: reader.integer('DATABASE_POOL', 1, 1000, 20),
    dataDir: resolve(reader.read('DATA_DIR') ?? './data'),
    dataSync: reader.oneOf('DATA_SYNC', ['on', 'off'], 'on') === 'on',
  }
}

function readAddress(reader: SettingsReader): PostgresAddress | undefined {
  const pooler = reader.oneOf('DATABASE_POOLER', ['none', 'transaction'], 'none')
  const url = reader.read('DATABASE_URL')
  if (url === undefined) return undefined
  const parsed = parseDatabaseUrl(url, pooler === 'transaction', reader.env)
  return 'problem' in parsed ? reader.problem('DATABASE_URL', parsed.problem) : parsed.address
}
