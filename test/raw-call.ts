import { Agent, request } from 'node:http'
import type { Answer } from './served.ts'

/** A request that is sent unchanged: unlike `fetch`, nothing is normalized, rejected or added. */
export interface RawCall {
  readonly method: string
  readonly path: string
  /** An array is sent as several headers of one name. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Uint8Array
}

export interface RawCaller {
  call(call: RawCall): Promise<Answer>
  close(): void
}

/** Sends requests over a few persistent connections. */
export function rawCaller(url: string, connections = 4): RawCaller {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const call = ({ method, path, headers = {}, body }: RawCall): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = request(url, {
        method,
        path,
        headers: headers as Record<string, string | string[]>,
        agent,
      })
      sent.on('error', reject)
      sent.on('response', response => {
        const chunks: Buffer[] = []
        const isStream = response.headers['content-type']?.startsWith('text/event-stream') && method === 'GET'
        response.on('data', chunk => {
          chunks.push(chunk)
          // A stream has no end: its first event is returned.
          if (isStream) response.destroy()
        })
        response.on('error', error => {
          if (!isStream) reject(error)
        })
        response.on(isStream ? 'close' : 'end', () => {
          const text = Buffer.concat(chunks).toString()
          const received = new Headers()
          for (const [name, value] of Object.entries(response.headers)) {
            for (const one of [value ?? []].flat()) received.append(name, one)
          }
          resolve({ status: response.statusCode ?? 0, headers: received, text, body: parse(text) })
        })
      })
      sent.end(body)
    })
  return { call, close: () => agent.destroy() }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
