import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net'

/** Bytes that are read at once, at most. */
export const mostAtOnce = 64 * 1024
const received = Buffer.allocUnsafeSlow(mostAtOnce)

/**
 * A socket whose reads all land in the same memory (`onread`, in Node's documentation of `net`), as do those of all others of its kind:
 * a listener to `data` is done with the bytes when it returns. Otherwise each read makes memory of its own, which V8 counts as held
 * until it collects, and collects all the sooner: while lists were read, a third of their CPU.
 */
export function receivingSocket(): Socket {
  const options: ConnectOpts & SocketConstructorOpts = {
    onread: {
      buffer: received,
      callback(count) {
        socket.emit('data', received.subarray(0, count))
        return true
      },
    },
  }
  const socket = new Socket(options)
  return socket
}
