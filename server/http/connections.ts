import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import { site } from '../limits/network.ts'
import { SlowReaders } from './slow-reader.ts'

/** Open connections, if the limit of open files allows as many. */
const maxConnections = 10_000
/** Open files reserved for the database, the log and others. */
const otherFiles = 200
/** Bytes of unread answers in this process, over all connections, without the system's buffers. */
const maxUnread = 64 * 1024 * 1024
const lookMs = 250

interface Options {
  readonly most?: number
  readonly now?: () => number
}

/** Applies the limits of `Connections` to a server until it closes. */
export function limitConnections(app: FastifyInstance, log: Context['log']): Connections {
  const connections = new Connections(app.server, log)
  app.addHook('onClose', () => connections.stop())
  return connections
}

/**
 * Bounds what clients can hold by their connections:
 * - the number of connections. At the limit, the address with the most connections loses its oldest
 *   one.
 * - the unread answers in memory. Beyond the limit, connections are closed: first of the address
 *   that holds the most, first those that are not being read.
 * - the time for an answer: slow readers are disconnected.
 */
export class Connections {
  readonly #byAddress = new Map<string, Set<Socket>>()
  readonly #readers = new SlowReaders()
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
        if (socket.writableLength === 0) this.#readers.forget(socket)
        else if (this.#readers.isTooSlow(socket, now)) slow.push(socket)
        else sum += socket.writableLength
      }
    }
    this.#close(slow, 'closed connections whose clients read too slowly')
    this.#unread = sum
    if (sum <= maxUnread) return
    const largest: Socket[] = []
    for (const socket of this.#leastWorthy()) {
      if (this.#unread <= maxUnread) break
      this.#unread -= socket.writableLength
      largest.push(socket)
    }
    this.#close(largest, 'closed connections with too many unread bytes')
  }

  #add(socket: Socket): void {
    const address = site(socket.remoteAddress ?? '')
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
    // If the new connection's address has the most, the new one is closed.
    const closed = largest === own ? socket : oldest
    this.#cut += 1
    this.#forget(closed, site(closed.remoteAddress ?? ''))
    closed.destroy()
  }

  #forget(socket: Socket, address: string): void {
    const sockets = this.#byAddress.get(address)
    if (!sockets?.delete(socket)) return
    this.#open -= 1
    this.#readers.forget(socket)
    if (sockets.size === 0) this.#byAddress.delete(address)
  }

  /** The order in which connections are closed. */
  #leastWorthy(): Socket[] {
    const rank = [...this.#byAddress.values()].flatMap(sockets => {
      const unread = [...sockets].filter(({ writableLength }) => writableLength > 0)
      const held = unread.reduce((sum, { writableLength }) => sum + writableLength, 0)
      return unread.map(socket => ({ socket, held, isMoving: this.#readers.isMoving(socket) }))
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
      this.#readers.forget(socket)
      socket.destroy()
    }
    this.#cut += sockets.length
    this.#log.warn({ connections: sockets.length }, message)
  }
}

/** Node has raised the soft limit of open files to the hard limit. It is known on Linux only. */
function allowed(): number {
  try {
    const [, soft] = /^Max open files +(\d+) /m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined
      ? maxConnections
      : Math.min(maxConnections, Math.max(100, Number(soft) - otherFiles))
  } catch {
    return maxConnections
  }
}
