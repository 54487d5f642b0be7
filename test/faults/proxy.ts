import { Agent, createServer, get, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

// An HTTP proxy that sends requests to ready servers in rotation. It retries nothing.

const lookMs = 50

export interface Proxy {
  readonly url: string
  /** Resolves once every server behind it is ready. */
  allReady(): Promise<void>
  close(): Promise<void>
}

/** Responses include the number of the server as `X-Replica`; if it fails, the response is 502. */
export async function startProxy(urls: readonly string[]): Promise<Proxy> {
  const servers = urls.map((url, n) => ({
    url,
    place: String(n),
    ready: false,
    agent: new Agent({ keepAlive: true }),
  }))
  const waiting = new Set<() => void>()
  const look = async (server: (typeof servers)[number]) => {
    server.ready = await isReady(server.url)
    if (servers.every(({ ready }) => ready)) for (const resolve of waiting) resolve()
  }
  let turn = 0
  const pass = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const ready = servers.filter(server => server.ready)
    turn += 1
    const server = ready[turn % ready.length]
    if (!server) {
      outgoing.writeHead(502).end('no server is ready')
      return
    }
    const { method, url: path, headers } = incoming
    const { connection: _, ...others } = headers
    const onward = request(`${server.url}${path}`, {
      agent: server.agent,
      headers: others,
      ...(method ? { method } : {}),
    })
    onward.on('response', answer => {
      const { connection: _own, 'keep-alive': _time, ...told } = answer.headers
      outgoing.writeHead(answer.statusCode ?? 502, { ...told, 'x-replica': server.place })
      answer.pipe(outgoing)
    })
    onward.on('error', error => {
      if (outgoing.headersSent) outgoing.destroy()
      else outgoing.writeHead(502).end(`replica ${server.place}: ${error.message}`)
    })
    incoming.pipe(onward)
  }
  const front = createServer(pass)
  await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve))
  await Promise.all(servers.map(look))
  let closed = false
  const looking = servers.map(async server => {
    while (!closed) {
      await pause(lookMs)
      await look(server)
    }
  })
  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    allReady: () => new Promise(resolve => waiting.add(resolve)),
    async close() {
      closed = true
      await Promise.all(looking)
      for (const { agent } of servers) agent.destroy()
      front.closeAllConnections()
      await new Promise(resolve => front.close(resolve))
    },
  }
}

function isReady(url: string): Promise<boolean> {
  return new Promise(resolve => {
    const asked = get(`${url}/readyz`, { agent: false, timeout: 5000 }, answer => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(false))
  })
}
