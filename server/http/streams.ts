import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import { site } from '../limits/network.ts'
import { Turns } from '../limits/turns.ts'
import { readInTime } from './slow-upload.ts'

/** Connections on which a request is read for longer than `requestTimeout`. */
export const longUploads = new WeakSet<object>()
/** Uploads at a time: each holds the ids of what it adds. */
const maxUploads = 8
/** Time in which a client may send the rest of a body that is not read. */
const dropMs = 5000

interface Upload {
  readonly socket: Socket
  /** Of the client. */
  readonly from: string
}

type Chunks = AsyncGenerator<Buffer, void, undefined>

/**
 * Responses that are sent chunk by chunk, at the pace of the client. A stream holds no slot
 * (admission.ts), and no database session between two chunks. Only this class creates streams. A
 * handler returns the stream instead of sending it, because the promise of a Fastify reply settles
 * only when the client has read all of it.
 */
export class Streams {
  #open = 0
  readonly #turns: Turns
  /** Requests that may take longer than others to arrive, by user, the oldest first. */
  readonly #uploads = new Map<string, Upload>()

  /** @param sessions of the database; streams use half of them at most */
  constructor(sessions: number) {
    this.#turns = new Turns(Math.max(1, Math.floor(sessions / 2)))
  }

  get open(): number {
    return this.#open
  }

  /** Reads from the database when it is this user's turn among all streams. */
  turn<T>({ userId }: Pick<FastifyRequest, 'userId'>, read: () => Promise<T>): Promise<T> {
    return this.#turns.run(userId, read)
  }

  /**
   * A stream that makes a chunk when the client has taken the one before. An error in `chunks`
   * breaks the connection off.
   */
  of(request: FastifyRequest, chunks: Chunks): Readable {
    if (request.method === 'HEAD') {
      // Fastify reads a stream to its end to answer HEAD.
      chunks.return().catch(error => request.log.warn({ reqId: request.id, err: error }, 'a stream failed'))
      return Readable.from([])
    }
    // No chunk is read ahead.
    const stream: Readable = this.untimed(this.#inTurn(request, chunks, () => stream.destroyed))
    return stream
  }

  /** As `of`, for chunks that take turns themselves where they need the database. */
  untimed(chunks: Chunks): Readable {
    const stream = Readable.from(chunks, { objectMode: false, highWaterMark: 0 })
    this.#open += 1
    stream.once('close', () => {
      this.#open -= 1
    })
    return stream
  }

  /**
   * The body of a request that is read while it is processed.
   * @throws AppError `busy` where the user already sends one, or several others do
   */
  upload({ userId, ip, raw }: FastifyRequest): AsyncIterable<Buffer> {
    const from = site(ip)
    if (this.#uploads.has(userId) || (this.#uploads.size >= maxUploads && !this.#makeRoomFor(from)))
      throw new AppError('busy', 'Another import is running. Try again when it is done.', { retryAfter: 5 })
    this.#uploads.set(userId, { socket: raw.socket, from })
    longUploads.add(raw.socket)
    return readInTime(raw)
  }

  /** Ends an upload. What is left of the body is dropped, and has the time of any other request. */
  endUpload({ userId, raw }: FastifyRequest): void {
    const { socket } = raw
    if (this.#uploads.get(userId)?.socket !== socket) return
    this.#uploads.delete(userId)
    longUploads.delete(socket)
    if (raw.complete || raw.destroyed) return
    raw.resume()
    const timer = setTimeout(() => socket.destroy(), dropMs).unref()
    raw.once('close', () => clearTimeout(timer))
  }

  /**
   * The site with the most uploads loses its oldest one to another site, as it does with
   * connections. So many users at one address cannot keep others from importing; an import that was
   * interrupted can be continued.
   */
  #makeRoomFor(from: string): boolean {
    const bySite = new Map<string, string[]>()
    for (const [user, upload] of this.#uploads)
      bySite.set(upload.from, [...(bySite.get(upload.from) ?? []), user])
    const own = bySite.get(from)?.length ?? 0
    const [largest = []] = [...bySite.values()].sort((a, b) => b.length - a.length)
    const [oldest = ''] = largest
    const socket = this.#uploads.get(oldest)?.socket
    if (!socket || largest.length < own + 2) return false
    this.#uploads.delete(oldest)
    longUploads.delete(socket)
    socket.destroy()
    return true
  }

  async *#inTurn(request: FastifyRequest, chunks: Chunks, isGone: () => boolean): Chunks {
    try {
      for (;;) {
        const next = await this.turn(request, async () => (isGone() ? undefined : chunks.next()))
        if (!next || next.done) return
        yield next.value
      }
    } finally {
      await chunks.return()
    }
  }
}
