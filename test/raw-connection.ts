import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface RawConnection {
  readonly socket: Socket
  /** Everything received so far. */
  readonly received: () => string
}

/** A connection on which a test writes any bytes, and which may fail. */
export async function rawConnection(url: string): Promise<RawConnection> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let received = ''
  socket.on('data', bytes => {
    received += bytes
  })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return { socket, received: () => received }
}
