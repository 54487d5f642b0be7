import { fdatasyncSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { plannerSettings } from './database.ts'
import type { WorkerSettings } from './embedded.ts'
import { joinBytes } from './join-bytes.ts'

// The embedded PostgreSQL in a thread of its own: wire-protocol bytes come in, wire-protocol bytes go out.

type Mount = Parameters<NodeFS['init']>[1]
type Module = Parameters<NonNullable<Mount['preRun']>[number]>[0]

/** PGlite's Node file system answers fsync without doing it; this one hands it to the disk. */
class DurableFS extends NodeFS {
  override async init(...[database, options]: Parameters<NodeFS['init']>) {
    const mounted = await super.init(database, options)
    const syncFiles = (module: Module) => {
      // Emscripten's types leave the operations of its file systems out.
      const files = module.NODEFS as unknown as {
        stream_ops: { fsync?: (stream: { nfd?: number }) => number }
      }
      files.stream_ops.fsync = stream => {
        if (typeof stream.nfd === 'number') fdatasyncSync(stream.nfd)
        return 0
      }
    }
    mounted.emscriptenOpts.preRun = [...(mounted.emscriptenOpts.preRun ?? []), syncFiles]
    return mounted
  }
}

const port = parentPort
if (!port) throw new Error('this file runs as a worker thread')
const settings = workerData as WorkerSettings

const durable = ['-c', 'fsync=on', '-c', 'wal_sync_method=fsync']
const fast = ['-F', '-c', 'synchronous_commit=off']
const database = await PGlite.create({
  fs: new DurableFS(settings.directory),
  startParams: [
    ...PGlite.defaultStartParams.filter(parameter => parameter !== '-F'),
    ...(settings.sync ? durable : fast),
    ...['-c', 'max_wal_size=64MB', '-c', 'min_wal_size=32MB'],
    // All of it is touched at the start, and 128 MB, the default, would be a third of the process's memory. What does not fit is in the
    // system's cache of files.
    ...['-c', 'shared_buffers=32MB'],
    // Everybody waits while the planner's statistics are gathered; with 100, the default, three times as long as for clearing away.
    ...['-c', 'default_statistics_target=10'],
    ...plannerSettings.flatMap(setting => ['-c', setting]),
  ],
})

// How PostgreSQL begins its last words. No text of a user's can hold this: behind the end of a text stands a length, and one that
// begins with a V is of megabytes.
const lastWords = ['FATAL', 'PANIC'].map(severity => Buffer.from(`${severity}\0V${severity}\0C`))

function gaveUp({ buffer, byteOffset, byteLength }: Uint8Array): boolean {
  const bytes = Buffer.from(buffer, byteOffset, byteLength)
  return lastWords.some(words => bytes.includes(words))
}

/**
 * Where a process of PostgreSQL would end (it could not write its log, say), the embedded one goes on in a state in which it should not:
 * it acknowledges what is lost, or waits for itself. So nothing more is run in it, of what was sent at the same time either.
 */
function end(answer: readonly Uint8Array[]): never {
  const bytes = joinBytes(answer)
  port?.postMessage(bytes, [bytes.buffer])
  process.exit(1)
}

port.on('message', async (message: Uint8Array | 'close') => {
  if (message === 'close') {
    await database.close()
    port.postMessage('closed')
    port.close()
    return
  }
  const answer: Uint8Array[] = []
  await database.execProtocolRawStream(message, {
    syncToFs: false,
    // The bytes are a view into the database's memory, which the next call overwrites.
    onRawData: bytes => {
      answer.push(bytes.slice())
      if (gaveUp(bytes)) end(answer)
    },
  })
  const bytes = joinBytes(answer)
  port.postMessage(bytes, [bytes.buffer])
})
port.postMessage('ready')
