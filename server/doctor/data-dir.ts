import { existsSync, readdirSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { findKeptSecret } from '../auth/secret.ts'
import { tryDataDir } from '../db/data-dir.ts'
import { StartError } from '../errors.ts'
import type { Finding } from './finding.ts'

const mebibyte = 1024 * 1024
/** PostgreSQL stops when it cannot write its log. The embedded one needs up to 128 MiB for it. */
const scarceMebibytes = 256

/** Checks the data directory without opening the database. */
export function checkDataDir(dataDir: string): Finding[] {
  if (!existsSync(dataDir)) return [checkMissing(dataDir)]
  if (!statSync(dataDir).isDirectory()) {
    return [{ what: `"${dataDir}" is not a directory`, fix: 'Set DATA_DIR to a directory.' }]
  }
  return [
    ...checkOwner(dataDir),
    checkPrivacy(dataDir),
    checkSpace(dataDir),
    checkSecret(dataDir),
    ...leftovers(dataDir),
  ]
}

function checkMissing(dataDir: string): Finding {
  try {
    tryDataDir(dataDir)
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    return { what: `"${dataDir}" does not exist, and cannot be created`, fix: error.message }
  }
  return { what: `"${dataDir}" does not exist yet; duly start creates it` }
}

function checkOwner(dataDir: string): Finding[] {
  const { uid } = statSync(dataDir)
  if (process.getuid === undefined || process.getuid() === uid) return []
  return [
    {
      what: `"${dataDir}" belongs to user ${uid}, and you are user ${process.getuid()}`,
      fix: `Run Duly and its commands as user ${uid}. The server cannot write files that another user creates.`,
    },
  ]
}

function checkPrivacy(dataDir: string): Finding {
  const open = (path: string) => existsSync(path) && (statSync(path).mode & 0o077) !== 0
  const wide = process.platform === 'win32' ? [] : [dataDir, join(dataDir, 'secret')].filter(open)
  if (wide.length === 0) return { what: `only its owner can access "${dataDir}"` }
  return {
    what: `other users of this machine can access ${wide.join(' and ')}`,
    fix: `chmod go= ${wide.join(' ')}`,
  }
}

function checkSpace(dataDir: string): Finding {
  const { bavail, bsize } = statfsSync(dataDir)
  const free = Math.floor((bavail * bsize) / mebibyte)
  const what = `the disk of the data directory has ${free} MiB of free space`
  return free >= scarceMebibytes
    ? { what }
    : { what, fix: `Free some space: below ${scarceMebibytes} MiB, writes may soon fail.` }
}

function checkSecret(dataDir: string): Finding {
  try {
    const kept = findKeptSecret(dataDir) !== undefined
    return {
      what: kept
        ? 'the generated secret is valid'
        : 'there is no generated secret; duly start creates one if none is set',
    }
  } catch (error) {
    if (error instanceof StartError)
      return { what: 'the generated secret cannot be used', fix: error.message }
    throw error
  }
}

function leftovers(dataDir: string): Finding[] {
  const replaced = readdirSync(dataDir).filter(name => name.startsWith('replaced-'))
  const interrupted = existsSync(join(dataDir, 'restoring'))
  return [
    ...replaced.map(name => ({
      what: `a restore set the previous data aside in "${join(dataDir, name)}"; remove it when you no longer need it`,
    })),
    ...(interrupted
      ? [
          {
            what: 'a restore was interrupted or is still running',
            fix: `Run it again, or remove "${join(dataDir, 'restoring')}".`,
          },
        ]
      : []),
  ]
}
