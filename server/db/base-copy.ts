import { constants } from 'node:fs'
import { copyFile, mkdir, readdir, stat, statfs, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { exit, StartError } from '../errors.ts'
import { type Database, unprepared } from './database.ts'

/** PostgreSQL creates these when it starts, or the copy does not need them. */
const leftOut = new Set([
  'pg_wal',
  'postmaster.pid',
  'postmaster.opts',
  'pg_replslot',
  'pg_stat_tmp',
  'pg_subtrans',
])
const isSegment = /^[0-9A-F]{24}$/
/** Bytes left for the database's own write-ahead log: it stops when it cannot write one. */
const reserve = 128 * 1024 * 1024

// Starting and stopping a backup each end the current segment of the write-ahead log, and write the
// rest of its 16 MiB at once. Other requests would wait for that, so short statements fill the
// segment with unused messages first.
const left =
  unprepared(`select setting::bigint - pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') % setting::bigint
  from pg_settings where name = 'wal_segment_size'`)
const filling = 512 * 1024
const fill = unprepared(`select pg_logical_emit_message(false, 'duly', repeat(' ', ${filling}), true)`)

async function fillSegment(db: Database): Promise<void> {
  // Other requests write too, so it need not be filled completely.
  for (let [row] = await db.query(left); Number(row?.[0]) > 2 * filling; [row] = await db.query(left)) {
    await db.query(fill)
  }
}

// The label appears in the log. `true` requests a fast checkpoint.
const start = unprepared(`select pg_walfile_name(pg_backup_start('duly', true))`)
const stop = unprepared('select labelfile from pg_backup_stop(false)')

/**
 * Copies the files of an embedded database to `to` while it is in use (PostgreSQL manual, "Making a
 * Base Backup Using the Low Level API"). PostgreSQL makes the copy consistent when it opens it, by
 * replaying the write-ahead log. Other requests wait for one checkpoint, not for the files. No
 * other checkpoint may run meanwhile: it would remove that log.
 * @throws StartError if the disk has too little space
 */
export async function copyCluster(db: Database, from: string, to: string): Promise<void> {
  await requireRoom(from)
  // Leaves little to write for the checkpoint of `start`.
  await db.query(unprepared('checkpoint'))
  await fillSegment(db)
  const [row] = await db.query(start)
  const firstSegment = String(row?.[0])
  const copied = await copyFolder(from, to).then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  await fillSegment(db)
  const [stopped] = await db.query(stop)
  if (copied) throw copied.error
  await copySegments(join(from, 'pg_wal'), join(to, 'pg_wal'), firstSegment)
  // Copied last: PostgreSQL reads it first.
  await copyOne(join(from, 'global', 'pg_control'), join(to, 'global', 'pg_control'))
  await writeFile(join(to, 'backup_label'), String(stopped?.[0]), { mode: 0o600 })
}

async function requireRoom(from: string): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(from))
  const free = bavail * bsize
  const needed = (await sizeOf(from)) + reserve
  if (needed <= free) return
  const [has, needs] = [free, needed].map(bytes => Math.round(bytes / 1024 / 1024))
  throw new StartError(
    `Cannot copy the database: the disk of "${dirname(from)}" has ${has} MiB free, and the copy needs ${needs} MiB. Free some space, or stop the server first: then no copy is needed.`,
    exit.cantCreate,
  )
}

async function sizeOf(path: string): Promise<number> {
  let sum = 0
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const found = join(path, entry.name)
    sum += entry.isDirectory()
      ? await sizeOf(found)
      : await stat(found).then(
          ({ size }) => size,
          () => 0,
        )
  }
  return sum
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

/** Ignores a file that was removed meanwhile: it belongs to a dropped table. */
async function copyOne(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE).catch(error => {
    if (error.code !== 'ENOENT') throw error
  })
}
