import type { Socket } from 'node:net'

/** Time for the client to read the response and to close the connection. */
const maxMs = 2000

/**
 * When this connection is closed after a response, stops sending first and discards what still
 * arrives. Closing a socket whose data was not read resets the connection, and a client or proxy
 * that is still sending the body loses the response (RFC 9112, 9.6).
 */
export function lingerAtClose(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end()
    // Not to the parser: a request that is behind the refused one must not be run.
    socket.removeAllListeners('data')
    socket.on('data', () => {})
    socket.resume()
    const timer = setTimeout(() => socket.destroy(), maxMs)
    socket.once('close', () => clearTimeout(timer))
  }
}
