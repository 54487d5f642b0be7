import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Pipelined requests that may wait on one connection. A client that sends more is disconnected. */
const maxWaiting = 100

const waiting = new WeakMap<Socket, number>()

/**
 * Runs `start` when the earlier requests on the connection are answered (RFC 9112, 9.3.2). Node
 * delivers all requests of one read at once. In parallel they would delay other connections, their
 * responses would pile up, and a read could miss the write that was sent before it.
 */
export function afterEarlierRequests(request: FastifyRequest, reply: FastifyReply, start: () => void): void {
  const { socket } = request.raw
  if (add(socket, 1) > maxWaiting) {
    socket.destroy()
    return
  }
  reply.raw.once('socket', () => {
    add(socket, -1)
    start()
  })
}

function add(socket: Socket, change: 1 | -1): number {
  const count = (waiting.get(socket) ?? 0) + change
  waiting.set(socket, count)
  return count
}
