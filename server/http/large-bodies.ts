import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import { AppError } from '../errors.ts'
import { longestBody } from './request-size.ts'

/** Bytes of large bodies that are in memory at once. */
const maxBytes = 128 * 1024 * 1024
/** Those of one user: four of the largest batches. */
const maxBytesOfUser = maxBytes / 8

/**
 * Bounds the memory that bodies of more than 64 KiB take, from the head of their requests until the
 * responses are sent. Smaller ones are bounded by the numbers of requests in admission.ts.
 */
export class LargeBodies {
  #bytes = 0
  readonly #users = new Map<string, number>()

  /** A hook for a route that takes large bodies. It rejects a request before its body is read. */
  hook(bodyLimit: number): onRequestHookHandler {
    return (request, reply, done) => done(this.#reserve(request, reply, largeBytesOf(request, bodyLimit)))
  }

  #reserve(request: FastifyRequest, reply: FastifyReply, bytes: number): AppError | undefined {
    if (bytes === 0) return undefined
    const { userId } = request
    if (this.#bytesOf(userId) + bytes > maxBytesOfUser) return tooMany
    if (this.#bytes + bytes > maxBytes) return busy
    this.#add(userId, bytes)
    reply.raw.once('close', () => this.#add(userId, -bytes))
    return undefined
  }

  #bytesOf(userId: string): number {
    return this.#users.get(userId) ?? 0
  }

  #add(userId: string, bytes: number): void {
    this.#bytes += bytes
    const own = this.#bytesOf(userId) + bytes
    if (own === 0) this.#users.delete(userId)
    else this.#users.set(userId, own)
  }
}

/** 0 for a small body, and for one that is rejected because it is too large. */
function largeBytesOf({ headers }: FastifyRequest, bodyLimit: number): number {
  // In chunks, the size is not known.
  if (headers['transfer-encoding'] !== undefined) return bodyLimit
  const bytes = Number(headers['content-length'] ?? 0)
  return bytes > longestBody && bytes <= bodyLimit ? bytes : 0
}

const tooMany = new AppError(
  'too_many_requests',
  `Your requests with large bodies have more than ${maxBytesOfUser / 1024 / 1024} MiB in all. Send fewer at the same time.`,
  { retryAfter: 1 },
)
const busy = new AppError('busy', 'The server has too many large bodies. Please try again in a moment.', {
  retryAfter: 1,
})
