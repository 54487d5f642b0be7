import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import { AppError } from '../errors.ts'
import { site } from '../limits/network.ts'
import { longestBody } from './request-size.ts'

/** Bytes of large bodies that are in memory at once. */
const maxBytes = 128 * 1024 * 1024
/** Those of one user: four of the largest batches. */
const maxBytesOfUser = maxBytes / 8
/** Those of all users at one address, which are anyone's behind a proxy that is not trusted. */
const maxBytesOfSite = maxBytes / 2

/**
 * Bounds the memory that bodies of more than 64 KiB take, from the head of their requests until the
 * responses are sent. Smaller ones are bounded by the numbers of requests in admission.ts.
 */
export class LargeBodies {
  /** Bytes in all, by user and by site. */
  readonly #held = new Map<string, number>()

  /** A hook for a route that takes large bodies. It rejects a request before its body is read. */
  hook(bodyLimit: number): onRequestHookHandler {
    return (request, reply, done) => done(this.#reserve(request, reply, largeBytesOf(request, bodyLimit)))
  }

  #reserve(request: FastifyRequest, reply: FastifyReply, bytes: number): AppError | undefined {
    if (bytes === 0) return undefined
    const bounds = [
      { key: `user ${request.userId}`, most: maxBytesOfUser, refusal: tooMany },
      { key: `site ${site(request.ip)}`, most: maxBytesOfSite, refusal: busy },
      { key: 'all', most: maxBytes, refusal: busy },
    ]
    const exceeded = bounds.find(({ key, most }) => this.#heldBy(key) + bytes > most)
    if (exceeded) return exceeded.refusal
    for (const { key } of bounds) this.#add(key, bytes)
    reply.raw.once('close', () => {
      for (const { key } of bounds) this.#add(key, -bytes)
    })
    return undefined
  }

  #heldBy(key: string): number {
    return this.#held.get(key) ?? 0
  }

  #add(key: string, bytes: number): void {
    const held = this.#heldBy(key) + bytes
    if (held === 0) this.#held.delete(key)
    else this.#held.set(key, held)
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
