import type { RawConnection } from './raw-connection.ts'
import { rawConnection } from './raw-connection.ts'

export interface HalfSent {
  readonly name: string
  /**
   * Sends the rest of the body.
   * @returns the status of the response; 0 if the connection ended without one
   */
  finish(): Promise<number>
}

export interface Head {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly json: unknown
}

/** Sends the head and half of the body, after the server has acknowledged the head. */
export async function sendHalf(url: string, { method, path, headers, json }: Head): Promise<HalfSent> {
  const connection = await rawConnection(url)
  const body = Buffer.from(JSON.stringify(json))
  const fields = {
    host: new URL(url).host,
    'content-type': 'application/json',
    'content-length': String(body.length),
    expect: '100-continue',
    connection: 'close',
    ...headers,
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
  connection.socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
  await until(connection, text => text.startsWith('HTTP/1.1 100'))
  connection.socket.write(body.subarray(0, body.length >> 1))
  return {
    name: `${method} ${path}`,
    async finish() {
      connection.socket.write(body.subarray(body.length >> 1))
      await until(connection, text => /^HTTP\/1\.1 (?!100)/m.test(text))
      return Number(/^HTTP\/1\.1 (?!100)(\d+)/m.exec(connection.received())?.[1] ?? 0)
    },
  }
}

/** Waits until the received text satisfies the condition, or the connection ends. */
export function until(
  { socket, received }: RawConnection,
  isThere: (text: string) => boolean,
): Promise<void> {
  return new Promise(resolve => {
    const look = () => {
      if (!isThere(received()) && !socket.closed) return
      socket.off('data', look)
      resolve()
    }
    socket.on('data', look)
    socket.on('close', look)
    look()
  })
}
