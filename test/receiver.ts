import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'

/** A message with a valid signature. */
export interface Received {
  readonly id: string
  readonly headers: IncomingHttpHeaders
  // biome-ignore lint/suspicious/noExplicitAny: tests access fields of any message
  readonly body: any
}

export interface Receiver {
  readonly url: string
  /** All messages in order of arrival, also those that were not accepted. */
  readonly received: Received[]
  /** The secret that verifies the signatures. */
  secret: string
  /** The response to the next messages. */
  answer: (message: Received, response: ServerResponse, request: IncomingMessage) => unknown
  /** Messages with an invalid signature. */
  readonly forged: string[]
  until(condition: (receiver: Receiver) => boolean): Promise<void>
  close(): Promise<void>
}

export const accept: Receiver['answer'] = (_message, response) => response.writeHead(204).end()

/** A webhook receiver, as docs/sync.md describes it. `standardwebhooks` verifies its messages. */
export async function receiver(): Promise<Receiver> {
  const waiting = new Set<() => void>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      try {
        const body = new Webhook(it.secret).verify(text, request.headers as Record<string, string>)
        const message = { id: String(request.headers['webhook-id']), headers: request.headers, body }
        it.received.push(message)
        it.answer(message, response, request)
      } catch {
        it.forged.push(text)
        response.writeHead(400).end()
      }
      for (const look of waiting) look()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const it: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received: [],
    forged: [],
    secret: '',
    answer: accept,
    until: condition =>
      new Promise(resolve => {
        const look = () => {
          if (!condition(it)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    close: async () => {
      const closed = new Promise(resolve => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
  return it
}
