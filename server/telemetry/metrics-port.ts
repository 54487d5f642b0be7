import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Log } from '../log.ts'
import type { Metrics } from './metrics.ts'
import { isToken } from './metrics-token.ts'

interface MetricsPort {
  readonly host: string
  readonly port: number
  readonly token: string | undefined
}

/**
 * Serves `/metrics` on a separate port, which the public proxy does not expose.
 * @throws if it cannot listen there
 */
export async function openMetricsPort(
  metrics: Metrics,
  { host, port, token }: MetricsPort,
  log: Log,
): Promise<{ close(): Promise<void> }> {
  const server = createServer({ requestTimeout: 10_000 }, (request, reply) => {
    const answer = (status: number, text: string, headers: Record<string, string> = {}) => {
      const own = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }
      reply.writeHead(status, { ...own, ...headers }).end(text)
    }
    const path = request.url?.split('?')[0]
    if (path !== '/metrics') return answer(404, 'Not found. This port serves only /metrics.\n')
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return answer(405, 'Method not allowed. Use GET.\n', { allow: 'GET, HEAD' })
    if (token !== undefined && !isToken(token, request.headers.authorization)) {
      return answer(401, 'Unauthorized. Send METRICS_TOKEN as a bearer token.\n', {
        'www-authenticate': 'Bearer',
      })
    }
    metrics.text().then(
      text => answer(200, text, { 'content-type': metrics.contentType }),
      error => {
        log.error({ err: error }, 'cannot read the metrics')
        answer(500, 'Cannot read the metrics. See the log of the server.\n')
      },
    )
  })
  server.maxConnections = 32
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const { address, family, port: taken } = server.address() as AddressInfo
  log.info(`metrics on http://${family === 'IPv6' ? `[${address}]` : address}:${taken}/metrics`)
  return {
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
