import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { exit, StartError } from '../errors.ts'
import type { Log } from '../log.ts'
import { explain } from '../system-error.ts'
import { unpackCluster } from './unpack-cluster.ts'

/** The PostgreSQL version of the PGlite in package.json. It opens no cluster of another one. */
const postgresMajor = '18'

/**
 * Creates the cluster if there is none.
 * @returns whether it was created
 */
export async function ensureCluster(directory: string, log: Log): Promise<boolean> {
  const versionFile = join(directory, 'PG_VERSION')
  if (existsSync(versionFile)) {
    const found = readFileSync(versionFile, 'utf8').trim()
    if (found === postgresMajor) return false
    throw new StartError(
      `The data in "${directory}" was written by PostgreSQL ${found}. This version of Duly needs PostgreSQL ${postgresMajor}.`,
      exit.config,
    )
  }
  const interrupted = join(dirname(directory), 'restoring')
  if (existsSync(interrupted)) {
    throw new StartError(
      `A restore into "${dirname(directory)}" was interrupted. Run it again, or remove "${interrupted}" to start without data.`,
      exit.config,
    )
  }
  log.info('creating the embedded database')
  // Renamed when it is complete, so that the next start repeats an interrupted one.
  const unfinished = `${directory}.new`
  try {
    rmSync(unfinished, { recursive: true, force: true })
    await unpackCluster(unfinished)
    renameSync(unfinished, directory)
  } catch (error) {
    throw explain(error, `Cannot create the embedded database in "${directory}"`)
  }
  return true
}
