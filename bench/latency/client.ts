import { Agent, request } from 'node:http'
import type { Request } from '../http/scenarios.ts'

export interface Answer {
  readonly status: number
  readonly body: string
}

/** Uses up to this many persistent connections; further requests wait for a free one. */
export class Client {
  readonly #url: URL
  readonly #agent: Agent

  constructor(url: string, connections: number) {
    this.#url = new URL(url)
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  /** @param keep whether the body of the response is needed */
  call({ method, path, body, headers }: Request, keep = false): Promise<Answer> {
    const { hostname, port } = this.#url
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
      const options = { hostname, port, method, path, agent: this.#agent, headers: { ...headers, ...length } }
      const outgoing = request(options, response => {
        let text = ''
        if (keep) {
          response.setEncoding('utf8').on('data', chunk => {
            text += chunk
          })
        } else {
          response.resume()
        }
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
        response.on('error', reject)
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
