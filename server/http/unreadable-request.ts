import type { ServerResponse } from 'node:http'
import type { FastifyServerOptions } from 'fastify'
import { AppError, type ErrorCode } from '../errors.ts'
import { type ErrorShape, errorAnswer, refusalHeaders } from './error-reply.ts'
import { targetOf } from './request-head.ts'
import { longUploads } from './streams.ts'

const reasons: Readonly<Record<string, readonly [status: string, message: string, code?: ErrorCode]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'The headers must have at most 16 KiB.',
    'headers_too_large',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request took too long to arrive.'],
}

/**
 * Answers requests that Node cannot parse, in the error shape of the path, and closes the
 * connection. A request before it is answered first: its client must not take this error for the
 * answer.
 * @param always headers of every response
 * @param base the path of PUBLIC_URL
 */
export function answerUnreadable(
  shapeOf: (path: string) => ErrorShape,
  always: Readonly<Record<string, string>>,
  base: string,
): NonNullable<FastifyServerOptions['clientErrorHandler']> {
  return (error, socket) => {
    // Node tells this once per request, and then leaves it alone.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && longUploads.has(socket)) return
    const { _httpMessage: underWay } = socket as { _httpMessage?: ServerResponse | null }
    // No response is possible on a closed connection, or in the middle of another response.
    if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable || underWay?.headersSent) {
      socket.destroy()
      return
    }
    if (underWay?.req.complete) {
      underWay.shouldKeepAlive = false
      return
    }
    const [status, message, code = 'bad_request'] = reasons[error.code ?? ''] ?? [
      '400 Bad Request',
      'The request is not valid HTTP.',
    ]
    // Fastify's type is that of its JSON.
    const path = pathOf(error.rawPacket as unknown as Buffer | undefined)
    const place = { base, path: targetOf(base)({ url: path, headers: {} }) }
    const { headers, body } = errorAnswer(shapeOf(place.path), new AppError(code, message), place)
    const length = String(Buffer.byteLength(body))
    const all = { ...always, ...refusalHeaders, ...headers, Connection: 'close', 'Content-Length': length }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.end(`HTTP/1.1 ${status}\r\n${lines.join('')}\r\n${body}`)
  }
}

/** The path of the request, or an empty text. */
function pathOf(packet: Buffer | undefined): string {
  return /^[A-Z]+ (\/[^\s?]*)/.exec(packet?.toString('latin1', 0, 1024) ?? '')?.[1] ?? ''
}
