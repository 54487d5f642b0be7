import type { FastifyServerOptions } from 'fastify'
import { AppError } from '../errors.ts'
import { type ErrorShape, errorAnswer } from './error-reply.ts'

const reasons: Readonly<Record<string, readonly [status: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request did not arrive in time.'],
}

/** Answers what is not HTTP, before there is a request: in the contract's own error shape, then the connection ends. */
export function answerUnreadable(
  contract: ErrorShape,
): NonNullable<FastifyServerOptions['clientErrorHandler']> {
  return (error, socket) => {
    // A connection that is reset or gone takes no answer.
    if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
      socket.destroy()
      return
    }
    const [status, message] = reasons[error.code ?? ''] ?? [
      '400 Bad Request',
      'The request cannot be read as HTTP.',
    ]
    const { body } = errorAnswer(contract, new AppError('bad_request', message), '')
    const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close`
    socket.end(`${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  }
}
