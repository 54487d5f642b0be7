import { constants } from 'node:fs'
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, unprepared } from './database.ts'

/** Made anew at the start, or of no use to a copy. */
const leftOut = new Set([
  'pg_wal',
  'postmaster.pid',
  'postmaster.opts',
  'pg_replslot',
  'pg_stat_tmp',
  'pg_subtrans',
])
const isSegment = /^[0-9A-F]{24}$/

// The label is a name for the log. `true`: the checkpoint is not to be spread over minutes.
const start = unprepared(`select pg_walfile_name(pg_backup_start('duly', true))`)
const stop = unprepared('select labelfile from pg_backup_stop(false)')

/**
 * Copies an embedded database's files to `to` while it is in use (PostgreSQL, "Making a Base Backup Using the Low Level API").
 * PostgreSQL makes the copy consistent when it is opened: it replays the write-ahead log, up to the end of the copying. Others
 * wait for one checkpoint, and not while files are copied. No checkpoint may run meanwhile, since it would remove that log.
 */
export async function copyCluster(db: Database, from: string, to: string): Promise<void> {
  const [row] = await db.query(start)
  const firstSegment = String(row?.[0])
  const copied = await copyFolder(from, to).then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  const [stopped] = await db.query(stop)
  if (copied) throw copied.error
  await copySegments(join(from, 'pg_wal'), join(to, 'pg_wal'), firstSegment)
  // After all else, since opening the copy begins with it.
  await copyOne(join(from, 'global', 'pg_control'), join(to, 'global', 'pg_control'))
  await writeFile(join(to, 'backup_label'), String(stopped?.[0]), { mode: 0o600 })
}

async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 })
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const target = join(to, entry.name)
    if (leftOut.has(entry.name)) {
      if (entry.isDirectory()) await mkdir(target, { mode: 0o700 })
    } else if (entry.isDirectory()) await copyFolder(join(from, entry.name), target)
    else await copyOne(join(from, entry.name), target)
  }
}

async function copySegments(from: string, to: string, first: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const target = join(to, entry.name)
    if (entry.isDirectory()) await mkdir(target, { recursive: true, mode: 0o700 })
    else if (isSegment.test(entry.name) && entry.name >= first) await copyOne(join(from, entry.name), target)
  }
}

/** A file that is removed meanwhile belonged to a table that has gone. */
async function copyOne(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE).catch(error => {
    if (error.code !== 'ENOENT') throw error
  })
}
