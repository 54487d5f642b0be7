import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { exit, StartError } from '../errors.ts'

type Place = Pick<Config, 'postgres' | 'dataDir'>

/** Whether there is a database to open. Connecting would create the embedded one. */
export function hasDatabase({ postgres, dataDir }: Place): boolean {
  return postgres !== undefined || existsSync(join(dataDir, 'postgres'))
}

/**
 * @throws StartError if there is no database: only `start`, `migrate up`, `restore` and `copy`
 * create one
 */
export function requireDatabase(place: Place): void {
  if (hasDatabase(place)) return
  throw new StartError(
    `There is no database in "${place.dataDir}". Set DATA_DIR or DATABASE_URL to its location, or create one with "duly start" or "duly migrate up".`,
    exit.config,
  )
}
