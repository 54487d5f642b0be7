import { closeSync, openSync, readSync, statSync } from 'node:fs'

/**
 * Opening a FIFO waits for its other end, and a device may have no end.
 * @throws Error `ENOTREG` for a path that is neither a file nor a directory
 */
export function requireRegularFile(path: string): void {
  const stats = statSync(path)
  if (stats.isFile() || stats.isDirectory()) return
  throw Object.assign(new Error(`${path} is not a regular file`), { code: 'ENOTREG' })
}

/** The first `most` bytes of a file or a pipe, or all if it has fewer. */
export function readStart(path: string, most: number): Buffer {
  const descriptor = openSync(path, 'r')
  try {
    const buffer = Buffer.alloc(most)
    let length = 0
    for (let read = -1; read !== 0 && length < most; length += read)
      read = readSync(descriptor, buffer, length, most - length, null)
    return buffer.subarray(0, length)
  } finally {
    closeSync(descriptor)
  }
}
