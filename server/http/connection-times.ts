import type { Server } from 'node:http'
import type { FastifyHttpOptions } from 'fastify'

/** Time limits of a connection: beyond one it is closed, with 408 if a response is possible. */
export const connectionTimes: Pick<
  FastifyHttpOptions<Server>,
  'http' | 'requestTimeout' | 'connectionTimeout' | 'keepAliveTimeout'
> = {
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 1000 },
  // Headers and body: at least 6 KB a second for the longest body.
  requestTimeout: 20_000,
  // Without a byte in either direction. Every statement times out before.
  connectionTimeout: 30_000,
  // Most proxies close idle connections after a minute. The server must not close them first.
  keepAliveTimeout: 72_000,
}
