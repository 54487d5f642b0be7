import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system in memory, in a user namespace, so without root. It ends with its process. */
export interface SmallDisk {
  readonly folder: string
  /** Fills the disk except for this number of bytes. */
  fill(left: number): void
  free(): void
  remove(): Promise<void>
}

/** @returns undefined if the system does not allow it (not Linux, or no user namespaces) */
export async function smallDisk(mebibytes: number): Promise<SmallDisk | undefined> {
  const mountPoint = mkdtempSync(join(tmpdir(), 'duly-disk-'))
  const script = `mount -t tmpfs -o size=${mebibytes}m tmpfs "$0" && echo mounted && exec sleep 3600`
  const holder = spawn('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', script, mountPoint])
  const ended = new Promise<void>(resolve => holder.once('close', () => resolve()))
  const mounted = await new Promise<boolean>(resolve => {
    holder.stdout.once('data', () => resolve(true))
    holder.once('error', () => resolve(false))
    holder.once('close', () => resolve(false))
  })
  const remove = async () => {
    if (holder.kill('SIGKILL')) await ended
    rmSync(mountPoint, { recursive: true, force: true })
  }
  if (!mounted) {
    await remove()
    return undefined
  }
  // Accessed through the process that holds the namespace.
  const folder = `/proc/${holder.pid}/root${mountPoint}`
  const filler = join(folder, 'filler')
  return {
    folder,
    fill(left) {
      const { bavail, bsize } = statfsSync(folder)
      writeFileSync(filler, Buffer.alloc(bavail * bsize - left))
    },
    free: () => rmSync(filler),
    remove,
  }
}
