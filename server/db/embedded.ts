import { statfsSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { exit, StartError } from '../errors.ts'
import type { Log } from '../log.ts'
import { copyCluster } from './base-copy.ts'
import { lockDataDir } from './data-dir.ts'
import type { Database, OnStatement } from './database.ts'
import { ensureCluster } from './embedded-cluster.ts'
import { connectTo } from './embedded-session.ts'
import { Sessions } from './sessions.ts'
import { keepUp } from './upkeep.ts'

const mebibyte = 1024 * 1024

interface EmbeddedOptions {
  readonly dataDir: string
  /** Whether a commit is on the disk before it is acknowledged. */
  readonly sync: boolean
  readonly log: Log
  readonly onStatement?: OnStatement | undefined
}

export interface WorkerSettings {
  readonly directory: string
  readonly sync: boolean
}

interface EmbeddedDatabase extends Database {
  /** Whether this start created the database. */
  readonly created: boolean
}

/**
 * Opens the embedded PostgreSQL (PGlite) in `dataDir/postgres`, and creates it if there is none. It
 * runs in a worker thread, has one session, and uses the same driver as a server.
 * @throws StartError if another process uses the directory, or another version of PostgreSQL wrote
 * its data
 */
export async function openEmbedded({
  dataDir,
  sync,
  log,
  onStatement,
}: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const lock = lockDataDir(dataDir)
  const directory = join(dataDir, 'postgres')
  let worker: Worker | undefined
  let starting: Promise<Worker> | undefined
  try {
    const created = await ensureCluster(directory, log)
    const start = async () => {
      starting = startWorker({ directory, sync })
      worker = await starting.catch(error => {
        throw isFull(directory) ? diskFull(directory, error) : error
      })
      return worker
    }
    // Started before the sessions: recovery can take longer than callers wait for a session.
    let first: Worker | undefined = await start()
    const sessions = new Sessions({
      label: `embedded PostgreSQL in ${directory}`,
      open: async () => {
        // A worker that failed is replaced. The new one recovers from the write-ahead log.
        if (!first) await worker?.terminate()
        const ready = first ?? (await start())
        first = undefined
        return connectTo(ready)
      },
      max: 1,
      prepare: true,
      groupCommits: true,
      // There is no network: a thread that ends emits an event, and a long VACUUM is no failure.
      silentMs: Number.POSITIVE_INFINITY,
      onTrouble: error => log.error({ err: error }, 'the embedded database stopped and is being restarted'),
      onStatement,
    })
    await sessions.ping()
    const upkeep = keepUp(sessions, log)
    return Object.assign(sessions, {
      created,
      copyTo: (to: string) => upkeep.pausedFor(() => copyCluster(sessions, directory, to)),
      close: async () => {
        await upkeep.stop()
        await Sessions.prototype.close.call(sessions)
        if (worker) await closeWorker(worker)
        lock.release()
      },
    })
  } catch (error) {
    // Only after the thread has ended: until then it can write.
    const late = await starting?.catch(() => undefined)
    await late?.terminate()
    lock.release()
    throw error
  }
}

function diskFull(directory: string, cause: unknown): StartError {
  return new StartError(
    `Cannot start the embedded database in "${directory}": the disk is full. Free some space.`,
    exit.cantCreate,
    { cause },
  )
}

/** Whether the disk has no space for another file of write-ahead log, needed to start. */
function isFull(directory: string): boolean {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize < 16 * mebibyte
}

async function startWorker(settings: WorkerSettings): Promise<Worker> {
  const worker = new Worker(new URL('./embedded-worker.js', import.meta.url), {
    workerData: settings,
    stdout: true,
  })
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve(worker))
    worker.once('error', reject)
    worker.once('exit', code =>
      reject(new Error(`the embedded database ended with code ${code} while starting`)),
    )
  })
}

async function closeWorker(worker: Worker): Promise<void> {
  const hasEnded = worker.threadId === -1
  if (hasEnded) return
  const exited = new Promise(resolve => worker.once('exit', resolve))
  worker.postMessage('close')
  await exited
}
