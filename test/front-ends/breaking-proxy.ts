import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Broken, Exchange } from './broken-rows.ts'

/** A proxy in front of a server that injects one fault. */
export class BreakingProxy {
  readonly #target: string
  readonly #agent = new Agent({ keepAlive: true })
  readonly #server: Server
  broken: Broken | undefined
  /** How often the fault was injected. */
  faults = 0
  /** Sent as the address of the client. */
  address = ''

  constructor(target: string) {
    this.#target = target
    this.#server = createServer((incoming, outgoing) => {
      this.#pass(incoming).then(
        ({ status, headers, body }) => {
          outgoing.writeHead(status, headers)
          outgoing.end(body === undefined ? undefined : JSON.stringify(body))
        },
        error => outgoing.destroy(error),
      )
    })
  }

  async listen(): Promise<string> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#agent.destroy()
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  async #pass(incoming: IncomingMessage): Promise<Exchange> {
    const { method = 'GET', url = '/' } = incoming
    const text = await textOf(incoming)
    const { pathname: path, searchParams: query } = new URL(url, this.#target)
    const exchange: Exchange = {
      method,
      path,
      query,
      sent: parsed(text),
      status: 0,
      headers: {},
      body: undefined,
    }
    const { broken } = this
    const isFor = method === 'OPTIONS' ? undefined : broken?.isFor
    if (broken?.request && isFor?.(exchange)) {
      this.faults += 1
      broken.request(exchange)
    }
    const sent = exchange.sent === undefined ? text : JSON.stringify(exchange.sent)
    const {
      host: _host,
      'content-length': _length,
      'accept-encoding': _encoding,
      ...headers
    } = incoming.headers
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const search = query.size > 0 ? `?${query}` : ''
      const outgoing = request(this.#target + path + search, {
        method,
        agent: this.#agent,
        headers: {
          ...headers,
          'x-forwarded-for': this.address,
          ...(sent === '' ? {} : { 'content-length': Buffer.byteLength(sent) }),
        },
      })
      outgoing.on('response', resolve).on('error', reject).end(sent)
    })
    exchange.status = answer.statusCode ?? 0
    exchange.body = parsed(await textOf(answer))
    const { 'content-length': _size, 'transfer-encoding': _chunked, ...received } = answer.headers
    exchange.headers = received
    if (broken?.answer && isFor?.(exchange)) {
      this.faults += 1
      broken.answer(exchange)
    }
    return exchange
  }
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
