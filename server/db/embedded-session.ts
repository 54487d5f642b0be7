import { Duplex } from 'node:stream'
import type { Worker } from 'node:worker_threads'
import pg from 'pg'
import { leaveRowsAsBytes } from './data-row.ts'
import { joinBytes } from './join-bytes.ts'
import { asText } from './postgres-session.ts'
import { settingStatement } from './session-settings.ts'

/** Connects a client of the driver to PGlite in a worker thread. */
export async function connectTo(worker: Worker): Promise<pg.Client> {
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

/** A socket for the driver that leads to the worker thread. The driver writes whole messages. */
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

  // Ends both directions. The driver waits until the stream closes.
  override _final(done: () => void): void {
    this.push(null)
    done()
  }

  #post(chunks: readonly Buffer[]): void {
    const bytes = joinBytes(chunks)
    this.#worker.postMessage(bytes, [bytes.buffer])
  }
}
