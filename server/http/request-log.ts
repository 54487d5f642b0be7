import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { type InfoFields, infoLines, type Log } from '../log.ts'
import { traceIdOf } from '../telemetry/trace-context.ts'

import { routeLabel } from './observe.ts'

const message = 'request'

/** One line per request: the route's pattern instead of the address, and nothing of what was sent or answered. What was turned away is told in sum. */
export class RequestLog extends LogController {
  readonly #write: (fields: InfoFields) => void

  constructor(log: Log) {
    super()
    this.#write = infoLines(log, message)
  }

  override incomingRequest(): void {}

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    if (request.isRejected) return
    const line = {
      reqId: request.id,
      method: request.method,
      route: routeLabel(request),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 100) / 100,
      user: request.userId || undefined,
      trace: request.span?.traceId ?? traceIdOf(request.headers.traceparent),
    }
    if (error) request.log.info({ ...line, err: error }, message)
    else this.#write(line)
  }

  // Fastify's own line would carry the address with its query.
  override routeNotFound(): void {}
}
