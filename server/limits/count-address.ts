import type { onRequestHookHandler } from 'fastify'
import { network } from './network.ts'
import type { Limits } from './rate-limit.ts'

/** A hook that counts requests for which no token is needed. */
export function countAddress({ address }: Limits): onRequestHookHandler {
  return (request, reply, done) => {
    const counted = address?.count(network(request.ip), reply)
    if (counted instanceof Promise) counted.then(done)
    else done(counted)
  }
}
