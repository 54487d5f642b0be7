import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { RequestSpan } from '../telemetry/traces.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Absent where nothing is traced. */
    span: RequestSpan | undefined
  }
}

/** The route's pattern, such as `/api/:user_id/tasks`; `none` where no route matches. */
export function routeLabel(request: FastifyRequest): string {
  const { config, url } = request.routeOptions
  return config.label ?? url ?? 'none'
}

/** Has every answer carry the id of its request, and every request counted and traced as far as that is asked for. */
export function observe(app: FastifyInstance, { metrics, traces }: Telemetry): void {
  app.decorateRequest('span', undefined)
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    if (!traces) return done()
    // A caller whom a proxy in TRUST_PROXY names; more than one address is there only behind such a proxy.
    const isTrusted = request.headers.traceparent !== undefined && (request.ips?.length ?? 0) > 1
    const span = traces.begin(request.method, request.headers, isTrusted)
    request.span = span
    reply.header('traceresponse', span.traceResponse)
    span.within(done)
  })
  if (!metrics && !traces) return
  app.addHook('onResponse', (request: FastifyRequest, reply: FastifyReply, done) => {
    const route = routeLabel(request)
    if (!request.routeOptions.config.isStream)
      metrics?.request(request.method, route, reply.statusCode, reply.elapsedTime)
    request.span?.end(route, reply.statusCode)
    done()
  })
}
