import { connect, type Socket } from 'node:net'

// Connections that occupy the server while they request little.

export interface Crowd {
  /** How many of them the server has closed. */
  closed(): number
  leave(): void
}

interface Guest {
  /** Sent first. */
  readonly first: string
  /** Sent every second after that. */
  readonly more?: string
  /** Whether it reads the response. */
  readonly reads: boolean
}

/** @param path of a long list */
export function guests(token: string, path: string): Readonly<Record<string, Guest>> {
  const head = (line: string) => `${line} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${token}\r\n`
  const post = `${head('POST /api/tasks')}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`
  return {
    idle: { first: 'GET /livez HTTP/1.1\r\nHost: bench\r\n\r\n', reads: true },
    'slow headers': { first: 'GET / HTTP/1.1\r\n', more: 'X-More: a\r\n', reads: true },
    'slow bodies': { first: post, more: ' ', reads: true },
    'unread answers': { first: `${head(`GET ${path}`)}\r\n`.repeat(20), reads: false },
  }
}

/** Connects 500 at a time, so that no connection is refused. */
export async function crowd(url: string, count: number, { first, more, reads }: Guest): Promise<Crowd> {
  const { hostname, port } = new URL(url)
  const sockets: Socket[] = []
  let closed = 0
  while (sockets.length < count) {
    const wave = Array.from({ length: Math.min(500, count - sockets.length) }, () => {
      const socket = connect(Number(port), hostname)
      sockets.push(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        closed += 1
      })
      if (reads) socket.resume()
      return new Promise<void>(resolve => {
        socket.once('connect', () => {
          socket.write(first)
          resolve()
        })
        socket.once('close', () => resolve())
      })
    })
    await Promise.all(wave)
  }
  const timer = setInterval(() => {
    if (more === undefined) return
    for (const socket of sockets) if (socket.writable) socket.write(more)
  }, 1000)
  return {
    closed: () => closed,
    leave() {
      clearInterval(timer)
      for (const socket of sockets) socket.destroy()
    },
  }
}
