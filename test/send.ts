import { Agent, type IncomingMessage, request } from 'node:http'
import { unzipSync } from 'node:zlib'

// Sends requests as `fetch` does, for a third of its CPU time.

export interface Request {
  readonly method: string
  readonly headers: Headers
  readonly body?: string | Uint8Array | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Response {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

const agent = new Agent({ keepAlive: true })
const utf8 = new TextDecoder()
const usual = {
  accept: '*/*',
  'accept-language': '*',
  'sec-fetch-mode': 'cors',
  'user-agent': 'node',
  'accept-encoding': 'gzip, deflate',
}

/**
 * Resolves with the whole response, or with the first event of an endless stream.
 * @throws TypeError with the connection error as its cause, or the reason of the signal
 */
export function send(address: string, { method, headers, body, signal }: Request): Promise<Response> {
  if (body !== undefined) {
    headers.set('content-length', String(Buffer.byteLength(body)))
    if (typeof body === 'string' && !headers.has('content-type'))
      headers.set('content-type', 'text/plain;charset=UTF-8')
  }
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(signal?.aborted ? signal.reason : new TypeError('fetch failed', { cause }))
    const sent = request(address, {
      method,
      headers: { ...usual, ...Object.fromEntries(headers) },
      agent,
      ...(signal === undefined ? {} : { signal }),
    })
    sent.on('error', fail)
    sent.on('response', response => {
      const chunks: Buffer[] = []
      const finish = () => resolve(received(response, Buffer.concat(chunks)))
      const isStream = response.headers['content-type']?.startsWith('text/event-stream')
      response.on('data', chunk => {
        chunks.push(chunk)
        if (!isStream) return
        finish()
        response.destroy()
      })
      response.on('error', fail)
      response.on('end', finish)
    })
    sent.end(body)
  })
}

function received(response: IncomingMessage, bytes: Buffer): Response {
  const headers = new Headers()
  const { rawHeaders } = response
  for (let n = 0; n < rawHeaders.length; n += 2) headers.append(`${rawHeaders[n]}`, `${rawHeaders[n + 1]}`)
  const isCompressed = bytes.length > 0 && /gzip|deflate/.test(headers.get('content-encoding') ?? '')
  return {
    status: response.statusCode ?? 0,
    headers,
    text: utf8.decode(isCompressed ? unzipSync(bytes) : bytes),
  }
}
