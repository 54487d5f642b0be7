import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Safe in logs, headers and shells. */
const acceptable = /^[\w.:/+=@-]{1,128}$/

/** The caller's `X-Request-Id` if it is valid, else an id unique across replicas and restarts. */
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
