import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Telemetry } from '../telemetry/telemetry.ts'

/** The route's pattern, such as `/api/:user_id/tasks`; `none` if no route matches. */
export function routeLabel(request: FastifyRequest): string {
  const { config, url } = request.routeOptions
  return config.label ?? url ?? 'none'
}

/** Adds a hook that counts each request in metrics and ends its span, unless both are off. */
export function observe(app: FastifyInstance, { metrics, traces }: Telemetry): void {
  if (!metrics && !traces) return
  app.addHook('onResponse', (request, reply, done) => {
    const route = routeLabel(request)
    if (!request.routeOptions.config.isStream)
      metrics?.request(request.method, route, reply.statusCode, reply.elapsedTime)
    request.span?.end(route, reply.statusCode)
    done()
  })
}
