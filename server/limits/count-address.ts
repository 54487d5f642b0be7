import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AppError } from '../errors.ts'
import { network } from './network.ts'
import type { Limits } from './rate-limit.ts'

/** Counts a request without a token for its address. `done` gets an error above the limit. */
export function countAddress({ address }: Limits) {
  return (request: FastifyRequest, reply: FastifyReply, done: (tooMany?: AppError) => void): void => {
    const counted = address?.count(network(request.ip), reply)
    if (counted instanceof Promise) counted.then(done)
    else done(counted)
  }
}
