import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { makeDataDir } from '../db/data-dir.ts'
import { exit, StartError } from '../errors.ts'
import { codeOf, explain } from '../system-error.ts'

type Settings = Pick<Config, 'secret' | 'secretAlso' | 'postgres' | 'dataDir'>

/** The signing secret: BETTER_AUTH_SECRET or, for the embedded database, the one in DATA_DIR. */
export function currentSecret({ secret, postgres, dataDir }: Settings): string | undefined {
  return secret ?? (postgres ? undefined : keptSecret(dataDir))
}

/** The accepted secrets. The first one signs. */
export function acceptedSecrets(config: Settings): string[] {
  return [currentSecret(config), config.secretAlso].filter(secret => secret !== undefined)
}

/** Like `acceptedSecrets`, but creates none. */
export function secretsThere({ secret, secretAlso, postgres, dataDir }: Settings): string[] {
  const current = secret ?? (postgres ? undefined : findKeptSecret(dataDir))
  return [current, secretAlso].filter(found => found !== undefined)
}

/**
 * The secret in the data directory, created at the first use and readable by its owner only. Two
 * processes that create it at the same time get the same one.
 */
export function keptSecret(dataDir: string): string {
  const file = join(dataDir, 'secret')
  makeDataDir(dataDir)
  const kept = findKeptSecret(dataDir)
  if (kept !== undefined) return kept
  const draft = `${file}.${randomBytes(8).toString('hex')}`
  try {
    writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
    // Unlike a rename, a link does not replace the file of another process.
    linkSync(draft, file)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw explain(error, `Cannot create the secret in "${file}"`)
  } finally {
    rmSync(draft, { force: true })
  }
  return findKeptSecret(dataDir) ?? keptSecret(dataDir)
}

/** The secret in the data directory, if any. @throws StartError if the file has none */
export function findKeptSecret(dataDir: string): string | undefined {
  const file = join(dataDir, 'secret')
  let secret: string
  try {
    secret = readFileSync(file, 'utf8').trim()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw explain(error, `Cannot read the secret in "${file}"`)
  }
  if (secret.length >= 32) return secret
  throw new StartError(
    `The file "${file}" does not contain a secret of at least 32 characters. Restore it, or remove the file to have a new one generated.`,
    exit.config,
  )
}
