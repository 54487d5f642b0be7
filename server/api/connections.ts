import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyHttpOptions } from 'fastify'
import type { Context } from '../context.ts'

/** How long a connection may take for what; above that it is closed, with 408 where an answer is still possible. */
export const connectionTimes: Pick<
  FastifyHttpOptions<Server>,
  'http' | 'requestTimeout' | 'connectionTimeout' | 'keepAliveTimeout'
> = {
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 1000 },
  // Headers and body: 6 KB a second at least for the longest body there may be.
  requestTimeout: 20_000,
  // Nothing sent nor taken. Every statement is given up before.
  connectionTimeout: 30_000,
  // Longer than the minute after which most proxies give up an idle connection: who closes first must not be the server.
  keepAliveTimeout: 72_000,
}

/** Further ones are closed at once. */
const mostConnections = 10_000
/** Bytes of answers that wait for their readers, at most, over all connections. */
const mostUnread = 64 * 1024 * 1024
const lookMs = 250

/**
 * Bounds what connections can hold: how many there are, and how much is kept for clients that do not read their answers. Where
 * it is too much, the connection with most of it is cut first.
 */
export class Connections {
  readonly #sockets = new Set<Socket>()
  readonly #looking: NodeJS.Timeout
  readonly #log: Context['log']
  #cut = 0

  constructor(server: Server, log: Context['log']) {
    this.#log = log
    server.maxConnections = mostConnections
    server.on('connection', socket => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    this.#looking = setInterval(() => this.#look(), lookMs)
    this.#looking.unref()
  }

  get open(): number {
    return this.#sockets.size
  }

  /** Connections since the start. */
  get cut(): number {
    return this.#cut
  }

  stop(): void {
    clearInterval(this.#looking)
  }

  #look(): void {
    let sum = 0
    for (const socket of this.#sockets) sum += socket.writableLength
    if (sum <= mostUnread) return
    let cut = 0
    for (const socket of [...this.#sockets].sort((a, b) => b.writableLength - a.writableLength)) {
      if (sum <= mostUnread) break
      sum -= socket.writableLength
      cut += 1
      socket.destroy()
    }
    this.#cut += cut
    this.#log.warn({ connections: cut }, 'connections were cut: their clients do not read the answers')
  }
}
