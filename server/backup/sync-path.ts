import { closeSync, fsyncSync, openSync, statSync } from 'node:fs'

/** Flushes a file, or the names in a folder, to disk. Windows needs no flush of a folder. */
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
