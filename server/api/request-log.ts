import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { traceIdOf } from '../telemetry/trace-context.ts'

/** One line per request: the route's pattern instead of the address, and nothing of what was sent or answered. What was turned away is told in sum. */
export class RequestLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    if (request.isTurnedAway) return
    request.log.info(
      {
        reqId: request.id,
        method: request.method,
        route: request.routeOptions.url ?? 'none',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 100) / 100,
        user: request.userId || undefined,
        trace: request.span?.traceId ?? traceIdOf(request.headers.traceparent),
        ...(error ? { err: error } : {}),
      },
      'request',
    )
  }

  // Fastify's own line would carry the address with its query.
  override routeNotFound(): void {}
}
