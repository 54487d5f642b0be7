import { once } from 'node:events'
import { type AddressInfo, createServer, isIPv6 } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Config } from './config/config.ts'
import { exit, StartError } from './errors.ts'
import type { Log } from './log.ts'
import { codeOf, explain } from './system-error.ts'

/** Time limit for requests in progress when the server closes. */
const requestsMs = 5000
/** Length of the accept queue, for bursts of new connections: clients retry only after 1 s. */
const backlog = 4096

/**
 * Listens at HOST and PORT.
 * @returns the URL
 * @throws StartError if the port cannot be used
 */
export async function listen(
  app: FastifyInstance,
  { host, port }: Pick<Config, 'host' | 'port'>,
  database: string,
): Promise<string> {
  const listenTextResolver = (address: string) => `listening on ${address}, with the ${database}`
  await app.listen({ host, port, backlog, listenTextResolver }).catch(error => {
    throw cannotListen({ host, port, setting: 'PORT' }, error)
  })
  return urlOf(app.server.address() as AddressInfo)
}

/**
 * Listens at the ports for a moment, so that a HOST or PORT that cannot be used is reported before
 * the database is created or migrated. Requests are not accepted yet: a proxy takes a refused
 * connection for a server that is not ready. Another program can take a port until `listen`, which
 * then reports the same.
 * @throws StartError if a port cannot be used
 */
export async function requirePorts({ host, port, metrics }: Pick<Config, 'host' | 'port' | 'metrics'>) {
  await requirePort({ host, port, setting: 'PORT' })
  if (metrics?.port !== undefined) await requirePort({ host, port: metrics.port, setting: 'METRICS_PORT' })
}

async function requirePort(wanted: Wanted): Promise<void> {
  const { host, port } = wanted
  const server = createServer(socket => socket.destroy())
  try {
    await once(server.listen({ host, port }), 'listening')
  } catch (error) {
    throw cannotListen(wanted, error)
  }
  server.close()
  await once(server, 'close')
}

/** The port at which the app listens, if it does. */
export function portOf({ server }: FastifyInstance): number | undefined {
  return (server.address() as AddressInfo | null)?.port
}

function urlOf({ address, family, port }: AddressInfo): string {
  const everywhere = address === '0.0.0.0' || address === '::'
  const host = everywhere ? 'localhost' : family === 'IPv6' ? `[${address}]` : address
  return `http://${host}:${port}`
}

/** Waits for requests in progress, and closes every connection. */
export async function closeApp(app: FastifyInstance, log: Log): Promise<void> {
  // Node keeps a connection open that was busy when the server began to close.
  const sweeping = setInterval(() => app.server.closeIdleConnections(), 50)
  const cutting = setTimeout(() => {
    log.warn(`closing connections whose requests did not end within ${requestsMs / 1000} s`)
    app.server.closeAllConnections()
  }, requestsMs)
  try {
    await app.close()
  } finally {
    clearInterval(sweeping)
    clearTimeout(cutting)
  }
}

interface Wanted {
  readonly host: string
  readonly port: number
  /** The setting that contains the port. */
  readonly setting: 'PORT' | 'METRICS_PORT'
}

/** Explains why the port cannot be used, and what to change. Returns other errors unchanged. */
export function cannotListen({ host, port, setting }: Wanted, error: unknown): unknown {
  const otherHost = 'Set HOST to an address of this machine, for example 127.0.0.1, or 0.0.0.0 for all.'
  const fixes: Readonly<Record<string, string>> = {
    EADDRINUSE: `Stop the program that uses it, or set ${setting} to a free port.`,
    EACCES: `Ports below 1024 need privileges; set ${setting}, for example ${setting === 'PORT' ? 8000 : 9100}.`,
    EADDRNOTAVAIL: otherHost,
    EAFNOSUPPORT: otherHost,
    EINVAL: otherHost,
    ENOTFOUND: otherHost,
    EAI_AGAIN: otherHost,
  }
  const place = isIPv6(host) ? `[${host}]` : host
  const explained = explain(error, `Cannot listen on ${place}:${port}`, fixes[codeOf(error) ?? ''])
  return explained instanceof StartError
    ? new StartError(explained.message, exit.unavailable, { cause: error })
    : error
}
