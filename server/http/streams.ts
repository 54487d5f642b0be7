import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { Turns } from '../limits/turns.ts'

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
    const stream = Readable.from(
      this.#inTurn(request, chunks, () => stream.destroyed),
      { objectMode: false, highWaterMark: 0 },
    )
    this.#open += 1
    stream.once('close', () => {
      this.#open -= 1
    })
    return stream
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
