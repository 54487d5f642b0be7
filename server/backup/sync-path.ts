import { closeSync, fsyncSync, openSync, statSync } from 'node:fs'

/** Has a file reach the disk, or the names in a folder (which Windows neither needs nor allows). */
export function syncPath(path: string): void {
  const isFolder = statSync(path).isDirectory()
  if (isFolder && process.platform === 'win32') return
  const descriptor = openSync(path, isFolder ? 'r' : 'r+')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
