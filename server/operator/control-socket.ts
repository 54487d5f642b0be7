import { createHash } from 'node:crypto'
import { chmodSync, mkdtempSync, rmdirSync, rmSync, symlinkSync, unlinkSync } from 'node:fs'
import { createConnection, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The longest path of a socket that every system accepts (`sun_path`). */
const longestPath = 103

/** The socket in a data directory on which the server accepts commands. */
export function controlSocket(dataDir: string) {
  const isPipe = process.platform === 'win32'
  const place = isPipe ? pipeOf(dataDir) : join(dataDir, 'control')
  const remove = () => {
    if (!isPipe) rmSync(place, { force: true })
  }
  return {
    /** The caller holds the lock of the data directory. */
    async listen(server: Server): Promise<void> {
      // A killed server leaves its socket behind.
      remove()
      await within(place, dataDir, path => {
        return new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
      })
      if (!isPipe) chmodSync(place, 0o600)
    },

    /** Rejects if no server listens. */
    connect(): Promise<Socket> {
      return within(place, dataDir, path => {
        return new Promise<Socket>((resolve, reject) => {
          const socket = createConnection(path)
          // Not removed: a connection that breaks later must not throw.
          socket.on('error', reject)
          socket.once('connect', () => resolve(socket))
        })
      })
    },

    /** Node removes a socket only by the path that it was created with, not by a symbolic link. */
    remove,
  }
}

/**
 * If the path is too long for a socket, passes a shorter one: through a symbolic link to the data
 * directory, in a temporary directory that only this user can read. The socket itself is always in
 * the data directory.
 */
async function within<T>(place: string, dataDir: string, work: (path: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(place) <= longestPath) return await work(place)
  const ways = [tmpdir(), '/tmp'].map(base => join(base, 'duly-'))
  const way = ways.find(base => Buffer.byteLength(base) + 'XXXXXX/d/control'.length <= longestPath)
  const folder = mkdtempSync(way ?? '/tmp/duly-')
  const link = join(folder, 'd')
  try {
    symlinkSync(dataDir, link)
    return await work(join(link, 'control'))
  } finally {
    // Never recursively: the link leads to the data.
    unlinkSync(link)
    rmdirSync(folder)
  }
}

function pipeOf(dataDir: string): string {
  return `\\\\.\\pipe\\duly-${createHash('sha256').update(dataDir).digest('hex').slice(0, 32)}`
}
