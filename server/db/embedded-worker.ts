import { fdatasyncSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { plannerSettings } from './database.ts'
import type { WorkerSettings } from './embedded.ts'
import { joinBytes } from './join-bytes.ts'

// The embedded PostgreSQL in a worker thread. Both directions carry bytes of the wire protocol.

type Mount = Parameters<NodeFS['init']>[1]
type Module = Parameters<NonNullable<Mount['preRun']>[number]>[0]

/** PGlite's file system for Node ignores fsync. This one calls it. */
class DurableFS extends NodeFS {
  override async init(...[database, options]: Parameters<NodeFS['init']>) {
    const mounted = await super.init(database, options)
    const syncFiles = (module: Module) => {
      // Emscripten's types lack the operations of its file systems.
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
    // All of it is zeroed at the start, at 4 ms per MB, and stays in memory. Other pages are in the
    // file cache of the system: reads and writes of 100,000 tasks take the same time with 32 MB.
    ...['-c', 'shared_buffers=8MB'],
    // Requests wait for ANALYZE. With the default of 100 it takes three times as long as VACUUM.
    ...['-c', 'default_statistics_target=10'],
    ...plannerSettings.flatMap(setting => ['-c', setting]),
  ],
})

// Severity and code in the last message of a PostgreSQL process that ends. Text of a user cannot
// contain this: the zero after it would begin the length of the next value, which would be over 5
// MB.
const lastWords = ['FATAL', 'PANIC'].map(severity => Buffer.from(`${severity}\0V${severity}\0C`))

function gaveUp({ buffer, byteOffset, byteLength }: Uint8Array): boolean {
  const bytes = Buffer.from(buffer, byteOffset, byteLength)
  return lastWords.some(words => bytes.includes(words))
}

/**
 * Ends the thread. A PostgreSQL process would end after such an error, for example when it cannot
 * write its log. PGlite continues in a broken state: it acknowledges writes that are lost, or waits
 * for itself. So it must not run any other statement, even of the same message.
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
    // The bytes are a view of the database's memory, which the next call overwrites.
    onRawData: bytes => {
      answer.push(bytes.slice())
      if (gaveUp(bytes)) end(answer)
    },
  })
  const bytes = joinBytes(answer)
  port.postMessage(bytes, [bytes.buffer])
})
port.postMessage('ready')
