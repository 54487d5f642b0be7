import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Nothing that a log, a header or a shell would trip over. */
const acceptable = /^[\w.:/+=@-]{1,128}$/

/**
 * The id of a request: the caller's `X-Request-Id`, so that its log and this one can be laid side by side, else one that is unique
 * among replicas and restarts without a look at the clock or a random number per request.
 */
export function requestIds(): (request: IncomingMessage) => string {
  const replica = randomBytes(4).toString('hex')
  let count = 0
  return ({ headers }) => {
    const sent = headers['x-request-id']
    if (typeof sent === 'string' && acceptable.test(sent)) return sent
    count += 1
    return `${replica}-${count.toString(36)}`
  }
}
