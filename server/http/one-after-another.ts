import type { Socket } from 'node:net'
import type { onRequestHookHandler } from 'fastify'

/** Requests that wait on one connection for the answers before theirs, at most; whoever sends more is cut off. */
const mostWaiting = 100

/**
 * A hook that has a request wait until those before it on its connection are answered (RFC 9112, 9.3.2). Node hands over all that
 * one read brings: worked on at once they would keep everybody else waiting, their answers would pile up, and a read could
 * miss the write that was sent before it.
 */
export function oneAfterAnother(): onRequestHookHandler {
  const waiting = new WeakMap<Socket, number>()
  const add = (socket: Socket, change: 1 | -1) => {
    const count = (waiting.get(socket) ?? 0) + change
    waiting.set(socket, count)
    return count
  }
  return (request, reply, done) => {
    // Node gives the socket to one answer after the other.
    if (reply.raw.socket !== null) return done()
    const { socket } = request.raw
    if (add(socket, 1) > mostWaiting) return socket.destroy()
    reply.raw.once('socket', () => {
      add(socket, -1)
      done()
    })
  }
}
