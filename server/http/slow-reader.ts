import type { Socket } from 'node:net'

/** A client with an unread answer must read this much of it in this time. */
const slowest = { bytes: 30 * 1024, ms: 30_000 }

interface Reading {
  /** Bytes that the client had read when the window began, and at the last look. */
  readonly taken: number
  readonly since: number
  takenLast: number
  isMoving: boolean
}

/** Follows how fast clients read their answers. */
export class SlowReaders {
  readonly #reading = new Map<Socket, Reading>()

  /** Call it regularly for each socket with an unread answer. */
  isTooSlow(socket: Socket, now: number): boolean {
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

  /** Whether the client has read anything between the last two looks. */
  isMoving(socket: Socket): boolean {
    return this.#reading.get(socket)?.isMoving ?? true
  }

  /** The socket has no unread answer. */
  forget(socket: Socket): void {
    this.#reading.delete(socket)
  }
}

/**
 * Bytes that the system has taken from this process. `bytesWritten` of a socket counts a whole
 * chunk as soon as libuv has it. So subtract what remains of that chunk, as Node's own idle timer
 * does (`Socket.prototype._onTimeout`).
 */
function bytesTaken(socket: Socket): number {
  const { _handle: handle } = socket as Socket & {
    _handle?: { readonly bytesWritten?: number; readonly writeQueueSize?: number } | null
  }
  if (handle?.bytesWritten === undefined || handle.writeQueueSize === undefined)
    return socket.bytesWritten - socket.writableLength
  return handle.bytesWritten - handle.writeQueueSize
}
