import { existsSync, readFileSync, renameSync, rmSync, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Duplex } from 'node:stream'
import { Worker } from 'node:worker_threads'
import pg from 'pg'
import { exit, StartError } from '../errors.ts'
import type { Log } from '../log.ts'
import { explain } from '../system-error.ts'
import { copyCluster } from './base-copy.ts'
import { lockDataDir } from './data-dir.ts'
import { leaveRowsAsBytes } from './data-row.ts'
import type { Database, OnStatement } from './database.ts'
import { joinBytes } from './join-bytes.ts'
import { asText } from './postgres.ts'
import { settingStatement } from './session-settings.ts'
import { Sessions } from './sessions.ts'
import { unpackCluster } from './unpack-cluster.ts'
import { keepUp } from './upkeep.ts'

/** The PostgreSQL major version of the PGlite release in package.json; a cluster of another one cannot be opened. */
const postgresMajor = '18'
const mebibyte = 1024 * 1024

export interface EmbeddedOptions {
  readonly dataDir: string
  /** Whether every commit reaches the disk before it is acknowledged. */
  readonly sync: boolean
  readonly log: Log
  readonly onStatement?: OnStatement | undefined
}

export interface WorkerSettings {
  readonly directory: string
  readonly sync: boolean
}

export interface EmbeddedDatabase extends Database {
  /** Whether this start created the database. */
  readonly created: boolean
}

/**
 * Opens the embedded PostgreSQL (PGlite) in `dataDir/postgres`, creating it first where there is none. It runs in a
 * worker thread and is spoken to by the same driver as any server; it has one session.
 * @throws StartError where another process has the directory, or its data is of another PostgreSQL version.
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
    // Before there are sessions, for which nobody waits as long as recovering from the log may take.
    let first: Worker | undefined = await start()
    const sessions = new Sessions({
      label: `embedded PostgreSQL in ${directory}`,
      open: async () => {
        // A worker that broke is left behind; its replacement recovers from the write-ahead log.
        if (!first) await worker?.terminate()
        const ready = first ?? (await start())
        first = undefined
        return connectTo(ready)
      },
      max: 1,
      prepare: true,
      groupCommits: true,
      // There is no network in between: a thread that dies says so, and a long VACUUM is no reason to give up.
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
    // Not before the thread is gone: it may still be about to write.
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

async function ensureCluster(directory: string, log: Log): Promise<boolean> {
  const versionFile = join(directory, 'PG_VERSION')
  if (existsSync(versionFile)) {
    const found = readFileSync(versionFile, 'utf8').trim()
    if (found === postgresMajor) return false
    throw new StartError(
      `The data in "${directory}" is of PostgreSQL ${found}; this version of Duly reads PostgreSQL ${postgresMajor}.`,
      exit.config,
    )
  }
  const interrupted = join(dirname(directory), 'restoring')
  if (existsSync(interrupted)) {
    throw new StartError(
      `A restore into "${dirname(directory)}" was interrupted. Run it again, or remove "${interrupted}" to start without data.`,
      exit.config,
    )
  }
  log.info('creating the embedded database')
  // Under another name until it is complete: a start that is interrupted begins again.
  const unfinished = `${directory}.new`
  try {
    rmSync(unfinished, { recursive: true, force: true })
    await unpackCluster(unfinished)
    renameSync(unfinished, directory)
  } catch (error) {
    throw explain(error, `Cannot create the embedded database in "${directory}"`)
  }
  return true
}

/** Whether there is no room for another file of the write-ahead log, without which PostgreSQL does not start. */
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

async function connectTo(worker: Worker): Promise<pg.Client> {
  const stream = new WorkerStream(worker)
  const client = leaveRowsAsBytes(
    new pg.Client({
      stream: () => stream as never,
      pipeline: true,
      user: 'postgres',
      password: '',
      database: 'postgres',
      types: { getTypeParser: () => asText },
    }),
  )
  client.on('error', () => {})
  await client.connect()
  await client.query(settingStatement('session').text)
  return client
}

async function closeWorker(worker: Worker): Promise<void> {
  const hasEnded = worker.threadId === -1
  if (hasEnded) return
  const exited = new Promise(resolve => worker.once('exit', resolve))
  worker.postMessage('close')
  await exited
}

/** The driver's socket, leading to the worker thread. Every write ends with a whole message, as the driver makes it. */
class WorkerStream extends Duplex {
  readonly #worker: Worker

  constructor(worker: Worker) {
    super()
    this.#worker = worker
    worker.on('message', (answer: Uint8Array | 'closed') => {
      if (answer !== 'closed') this.push(Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength))
    })
    worker.on('error', error => this.destroy(error))
    worker.on('exit', () => this.destroy())
  }

  connect(): this {
    process.nextTick(() => this.emit('connect'))
    return this
  }

  setNoDelay(): void {}

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#post([chunk])
    done()
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#post(chunks.map(({ chunk }) => chunk))
    done()
  }

  // The driver waits for the close that follows once both directions have ended.
  override _final(done: () => void): void {
    this.push(null)
    done()
  }

  #post(chunks: readonly Buffer[]): void {
    const bytes = joinBytes(chunks)
    this.#worker.postMessage(bytes, [bytes.buffer])
  }
}
