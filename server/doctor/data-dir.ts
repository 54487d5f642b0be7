import { existsSync, readdirSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { findKeptSecret } from '../auth/secret.ts'
import { StartError } from '../errors.ts'
import type { Finding } from './finding.ts'

const mebibyte = 1024 * 1024
/** PostgreSQL stops when it cannot write its log, of which the embedded one keeps up to 128 MiB. */
const scarceMebibytes = 256

/** Looks at the folder of the embedded database, without opening that. */
export function checkDataDir(dataDir: string): Finding[] {
  if (!existsSync(dataDir)) return [{ what: `${dataDir} is not there yet; duly start makes it` }]
  if (!statSync(dataDir).isDirectory()) {
    return [{ what: `${dataDir} is not a directory`, mend: 'Set DATA_DIR to one.' }]
  }
  return [
    ...checkOwner(dataDir),
    checkPrivacy(dataDir),
    checkSpace(dataDir),
    checkSecret(dataDir),
    ...leftovers(dataDir),
  ]
}

function checkOwner(dataDir: string): Finding[] {
  const { uid } = statSync(dataDir)
  if (process.getuid === undefined || process.getuid() === uid) return []
  return [
    {
      what: `${dataDir} belongs to the user number ${uid}, and you are number ${process.getuid()}`,
      mend: `Run Duly and its commands as the user who owns it: files that another one makes cannot be written by it.`,
    },
  ]
}

function checkPrivacy(dataDir: string): Finding {
  const open = (path: string) => existsSync(path) && (statSync(path).mode & 0o077) !== 0
  const wide = process.platform === 'win32' ? [] : [dataDir, join(dataDir, 'secret')].filter(open)
  if (wide.length === 0) return { what: `${dataDir} is for its owner only` }
  return {
    what: `others on this machine may look into ${wide.join(' and ')}`,
    mend: `chmod go= ${wide.join(' ')}`,
  }
}

function checkSpace(dataDir: string): Finding {
  const { bavail, bsize } = statfsSync(dataDir)
  const free = Math.floor((bavail * bsize) / mebibyte)
  const what = `${free} MiB are free on its disk`
  return free >= scarceMebibytes
    ? { what }
    : { what, mend: `Make room: below ${scarceMebibytes} MiB writes may fail soon.` }
}

function checkSecret(dataDir: string): Finding {
  try {
    const kept = findKeptSecret(dataDir) !== undefined
    return {
      what: kept ? 'the secret is there' : 'there is no generated secret; one is made where none is set',
    }
  } catch (error) {
    if (error instanceof StartError) return { what: 'the secret cannot be used', mend: error.message }
    throw error
  }
}

function leftovers(dataDir: string): Finding[] {
  const replaced = readdirSync(dataDir).filter(name => name.startsWith('replaced-'))
  const interrupted = existsSync(join(dataDir, 'restoring'))
  return [
    ...replaced.map(name => ({
      what: `what a restore has put aside is in ${join(dataDir, name)}; remove it when you do not need it`,
    })),
    ...(interrupted
      ? [
          {
            what: 'a restore was interrupted, or is going on',
            mend: `Run it again, or remove ${join(dataDir, 'restoring')}.`,
          },
        ]
      : []),
  ]
}
