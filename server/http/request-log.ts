import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { type InfoFields, infoLines, type Log } from '../log.ts'
import { traceIdOf } from '../telemetry/trace-context.ts'
import { health } from './health.ts'
import { routeLabel } from './observe.ts'

const message = 'request'

/**
 * One line per request, with the route's pattern instead of the URL, and no content. Rejected
 * requests are summed up elsewhere. Health checks, which come every few seconds, are logged when
 * their status changes.
 */
export class RequestLog extends LogController {
  readonly #write: (fields: InfoFields) => void
  /** The last status of each health route. */
  readonly #health = new Map(health.routes.map(({ path }) => [path, 0]))

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
    const route = routeLabel(request)
    const before = this.#health.get(route)
    if (before !== undefined) {
      if (before === reply.statusCode) return
      this.#health.set(route, reply.statusCode)
    }
    const line = {
      reqId: request.id,
      method: request.method,
      route,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 100) / 100,
      user: request.userId || undefined,
      trace: request.span?.traceId ?? traceIdOf(request.headers.traceparent),
    }
    if (error) request.log.info({ ...line, err: error }, message)
    else this.#write(line)
  }

  // Fastify's own line has the URL with its query.
  override routeNotFound(): void {}
}
