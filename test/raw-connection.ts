import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface RawConnection {
  readonly socket: Socket
  /** All that has come back so far. */
  readonly received: () => string
}

/** A connection on which a test writes what it likes, and which may break. */
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
