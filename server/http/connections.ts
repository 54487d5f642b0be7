import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyHttpOptions } from 'fastify'
import type { Context } from '../context.ts'
import { network } from '../limits/network.ts'

/** Time limits of a connection. When one is exceeded it is closed, with 408 where an answer is still possible. */
export const connectionTimes: Pick<
  FastifyHttpOptions<Server>,
  'http' | 'requestTimeout' | 'connectionTimeout' | 'keepAliveTimeout'
> = {
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 1000 },
  // Headers and body: at least 6 KB a second for the longest body.
  requestTimeout: 20_000,
  // Without a byte in either direction. Every statement times out before.
  connectionTimeout: 30_000,
  // Longer than the minute after which most proxies close an idle connection: the server must not be the first to close it.
  keepAliveTimeout: 72_000,
}

/** Open connections, where the limit of open files allows as many. */
const mostConnections = 10_000
/** Open files that are left for the database, the log and others. */
const otherFiles = 200
/** Bytes of unread answers in this process, over all connections. The system's socket buffers are not included. */
const mostUnread = 64 * 1024 * 1024
/** A client that has an answer waiting must take this much of it in this time. */
const slowest = { bytes: 30 * 1024, ms: 30_000 }
const lookMs = 250

interface Reading {
  /** Bytes that the client had taken when the window began, and at the last look. */
  readonly taken: number
  readonly since: number
  takenLast: number
  isMoving: boolean
}

interface Options {
  readonly most?: number
  readonly now?: () => number
}

/**
 * Bounds what clients can hold by their connections:
 * - the number of connections. When there is no room, the address that has the most loses its oldest one.
 * - the unread answers in memory. Beyond the limit, connections are closed: first of the address that holds the most, first
 *   those that are not being read.
 * - the time for an answer: a client that reads slower than `slowest` is disconnected.
 */
export class Connections {
  readonly #byAddress = new Map<string, Set<Socket>>()
  readonly #reading = new Map<Socket, Reading>()
  readonly #looking: NodeJS.Timeout
  readonly #log: Context['log']
  readonly #most: number
  readonly #now: () => number
  #open = 0
  #cut = 0
  #unread = 0

  constructor(server: Server, log: Context['log'], { most = allowed(), now = Date.now }: Options = {}) {
    this.#log = log
    this.#most = most
    this.#now = now
    server.on('connection', socket => this.#add(socket))
    this.#looking = setInterval(() => this.look(), lookMs)
    this.#looking.unref()
  }

  get open(): number {
    return this.#open
  }

  /** Connections closed since the start because of these limits. */
  get cut(): number {
    return this.#cut
  }

  /** Bytes at the last look. */
  get unread(): number {
    return this.#unread
  }

  stop(): void {
    clearInterval(this.#looking)
  }

  /** Applies the limits of unread answers. Runs four times a second. */
  look(): void {
    const now = this.#now()
    let sum = 0
    const slow: Socket[] = []
    for (const sockets of this.#byAddress.values()) {
      for (const socket of sockets) {
        if (socket.writableLength === 0) this.#reading.delete(socket)
        else if (this.#isTooSlow(socket, now)) slow.push(socket)
        else sum += socket.writableLength
      }
    }
    this.#close(slow, 'closed connections whose clients read too slowly')
    this.#unread = sum
    if (sum <= mostUnread) return
    const largest: Socket[] = []
    for (const socket of this.#leastWorthy()) {
      if (this.#unread <= mostUnread) break
      this.#unread -= socket.writableLength
      largest.push(socket)
    }
    this.#close(largest, 'closed connections with too much that their clients have not read')
  }

  #add(socket: Socket): void {
    const address = network(socket.remoteAddress ?? '')
    const sockets = this.#byAddress.get(address) ?? new Set()
    this.#byAddress.set(address, sockets.add(socket))
    this.#open += 1
    socket.once('close', () => this.#forget(socket, address))
    if (this.#open > this.#most) this.#makeRoomFor(socket, sockets)
  }

  #makeRoomFor(socket: Socket, own: ReadonlySet<Socket>): void {
    let largest = own
    for (const sockets of this.#byAddress.values()) if (sockets.size > largest.size) largest = sockets
    const [oldest = socket] = largest
    // Of an address that has the most already, the new one is refused.
    const closed = largest === own ? socket : oldest
    this.#cut += 1
    this.#forget(closed, network(closed.remoteAddress ?? ''))
    closed.destroy()
  }

  #forget(socket: Socket, address: string): void {
    const sockets = this.#byAddress.get(address)
    if (!sockets?.delete(socket)) return
    this.#open -= 1
    this.#reading.delete(socket)
    if (sockets.size === 0) this.#byAddress.delete(address)
  }

  #isTooSlow(socket: Socket, now: number): boolean {
    const taken = bytesTaken(socket)
    const reading = this.#reading.get(socket)
    if (!reading || (now - reading.since >= slowest.ms && taken - reading.taken >= slowest.bytes)) {
      this.#reading.set(socket, { taken, since: now, takenLast: taken, isMoving: true })
      return false
    }
    reading.isMoving = taken > reading.takenLast
    reading.takenLast = taken
    return now - reading.since >= slowest.ms
  }

  /** The order in which connections are closed. */
  #leastWorthy(): Socket[] {
    const rank = [...this.#byAddress.values()].flatMap(sockets => {
      const unread = [...sockets].filter(({ writableLength }) => writableLength > 0)
      const held = unread.reduce((sum, { writableLength }) => sum + writableLength, 0)
      return unread.map(socket => ({ socket, held, isMoving: this.#reading.get(socket)?.isMoving ?? true }))
    })
    rank.sort(
      (a, b) =>
        b.held - a.held ||
        Number(a.isMoving) - Number(b.isMoving) ||
        b.socket.writableLength - a.socket.writableLength,
    )
    return rank.map(({ socket }) => socket)
  }

  #close(sockets: readonly Socket[], message: string): void {
    if (sockets.length === 0) return
    for (const socket of sockets) {
      this.#reading.delete(socket)
      socket.destroy()
    }
    this.#cut += sockets.length
    this.#log.warn({ connections: sockets.length }, message)
  }
}

/**
 * Bytes that the system has taken from this process. `bytesWritten` of a socket counts a chunk as a whole as soon as libuv has it,
 * so the rest of that chunk is asked for, as Node's own idle timer does (`Socket.prototype._onTimeout`).
 */
function bytesTaken(socket: Socket): number {
  const { _handle: handle } = socket as Socket & {
    _handle?: { readonly bytesWritten?: number; readonly writeQueueSize?: number } | null
  }
  if (handle?.bytesWritten === undefined || handle.writeQueueSize === undefined)
    return socket.bytesWritten - socket.writableLength
  return handle.bytesWritten - handle.writeQueueSize
}

/** Node has raised the soft limit of open files to the hard one by now. Elsewhere than on Linux it is not known. */
function allowed(): number {
  try {
    const [, soft] = /^Max open files +(\d+) /m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined
      ? mostConnections
      : Math.min(mostConnections, Math.max(100, Number(soft) - otherFiles))
  } catch {
    return mostConnections
  }
}
