import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { secretsFit } from '../accounts/secrets-fit.ts'
import { secretsThere } from '../auth/secret.ts'
import { loadBackup, refuseUnknown } from '../backup/load.ts'
import type { Backup } from '../backup/read.ts'
import { syncPath } from '../backup/sync-path.ts'
import type { Config } from '../config/config.ts'
import { connectionFailure, isOfDatabase } from '../db/connection-failure.ts'
import { lockDataDir } from '../db/data-dir.ts'
import { type Database, unprepared } from '../db/database.ts'
import { placeOf } from '../db/database-url.ts'
import { openEmbedded } from '../db/embedded.ts'
import { connectPostgres } from '../db/postgres.ts'
import { countConnections, takeServerLock } from '../db/server-lock.ts'
import { exit, StartError } from '../errors.ts'
import { createLog } from '../log.ts'
import { webhookSecretsFit } from '../sync/webhooks/reencrypt.ts'
import { countRows } from './count-rows.ts'

interface RestoreOptions {
  readonly file: string
  /** The contents of `file`. */
  readonly backup: Backup
  /** Set existing data aside instead of failing. */
  readonly replace: boolean
  /** See `loadBackup`. */
  readonly isEarlier?: boolean
}

export interface Restored {
  /** Where the existing data is now. */
  readonly setAside: string | undefined
  /** Whether the secrets in the settings decrypt the restored data. */
  readonly secretsFit: boolean
}

/** Restores a backup into the database of these settings, as a whole or not at all. */
export async function restoreInto(config: Config, options: RestoreOptions): Promise<Restored> {
  refuseUnknown(options.file, options.backup)
  try {
    return await (config.postgres ? intoPostgres(config, options) : intoDataDir(config, options))
  } catch (error) {
    if (!isOfDatabase(error)) throw error
    const { postgres, dataDir } = config
    const label = postgres ? `PostgreSQL at ${placeOf(postgres)}` : `The embedded database in ${dataDir}`
    const { message, exitCode } = connectionFailure(label, error)
    throw new StartError(`${message}\nNothing was changed.`, exitCode, { cause: error })
  }
}

async function intoPostgres(config: Config, options: RestoreOptions): Promise<Restored> {
  const { replace } = options
  if (!config.postgres) throw new Error('DATABASE_URL is not set')
  const db = await connectPostgres({ address: config.postgres, pool: 1, log: createLog('error') })
  try {
    const names = ['duly', config.postgres.applicationName]
    if (!(await db.transaction(takeServerLock)) || (await countConnections(db, names)) > 0) {
      throw new StartError('A Duly server is connected to this database. Stop it first.', exit.cantCreate)
    }
    const there = await hasSchema(db)
    const aside = `duly_replaced_${stamp()}`
    await load(db, { ...options, setAside: replace ? aside : undefined })
    const fit = await allSecretsFit(db, secretsThere(config))
    return { setAside: there ? `the schema ${aside}` : undefined, secretsFit: fit }
  } finally {
    await db.close()
  }
}

async function hasSchema(db: Database): Promise<boolean> {
  const [row] = await db.query(unprepared(`select to_regnamespace('duly') is not null`))
  return row?.[0] === 't'
}

/**
 * Fills a new database in `restoring`, then swaps it in. While `restoring` exists, no server
 * starts: after an interruption a server would otherwise create an empty database.
 */
async function intoDataDir(config: Config, options: RestoreOptions): Promise<Restored> {
  const { dataDir } = config
  const { backup, replace } = options
  const lock = lockDataDir(dataDir)
  try {
    if (existsSync(join(dataDir, 'postgres')) && !replace) {
      throw new StartError(
        `"${dataDir}" already contains a database. Add --replace to set it aside.`,
        exit.cantCreate,
      )
    }
    const restoring = join(dataDir, 'restoring')
    rmSync(restoring, { recursive: true, force: true })
    const { secret } = backup.header
    const secrets = secretsThere({ ...config, secret: config.secret ?? secret })
    let fit: boolean
    try {
      fit = await fill(restoring, options, secrets)
    } catch (error) {
      rmSync(restoring, { recursive: true, force: true })
      throw error
    }
    return { setAside: swapIn(dataDir, restoring), secretsFit: fit }
  } finally {
    lock.release()
  }
}

async function fill(
  restoring: string,
  options: Pick<RestoreOptions, 'file' | 'backup' | 'isEarlier'>,
  secrets: readonly string[],
): Promise<boolean> {
  const db = await openEmbedded({ dataDir: restoring, sync: true, log: createLog('error') })
  try {
    await load(db, options)
    const { secret } = options.backup.header
    if (secret !== undefined) {
      writeFileSync(join(restoring, 'secret'), `${secret}\n`, { mode: 0o600, flush: true })
    }
    return await allSecretsFit(db, secrets)
  } finally {
    await db.close()
  }
}

const allSecretsFit = async (db: Database, secrets: readonly string[]) =>
  (await secretsFit(db, secrets)) && (await webhookSecretsFit(db, secrets))

/** @returns where the previous database is now */
function swapIn(dataDir: string, restoring: string): string | undefined {
  const names = ['secret', 'postgres'].filter(name => existsSync(join(restoring, name)))
  const old = names.filter(name => existsSync(join(dataDir, name)))
  const aside = join(dataDir, `replaced-${stamp()}`)
  if (old.length > 0) mkdirSync(aside, { mode: 0o700 })
  for (const name of old) renameSync(join(dataDir, name), join(aside, name))
  // The database last: until it is in place, no server starts.
  for (const name of names) renameSync(join(restoring, name), join(dataDir, name))
  syncPath(dataDir)
  rmSync(restoring, { recursive: true, force: true })
  return old.length > 0 ? aside : undefined
}

async function load(db: Database, options: Parameters<typeof loadBackup>[1]): Promise<void> {
  const counting = countRows('loaded')
  try {
    await loadBackup(db, { ...options, progress: counting.progress })
  } finally {
    counting.end()
  }
}

/** The current time, for a file name. */
function stamp(): string {
  return new Date().toISOString().replace(/\D/g, '').slice(0, 14)
}
