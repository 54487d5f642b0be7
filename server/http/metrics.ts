import { AppError } from '../errors.ts'
import { isToken } from '../telemetry/metrics-token.ts'
import type { RouteModule } from './route.ts'

/** `/metrics` on the port of the API, protected by METRICS_TOKEN. */
export const metrics: RouteModule = {
  name: 'metrics',
  about: 'Metrics of this replica.',
  schemas: {},
  routes: [
    {
      method: 'GET',
      path: '/metrics',
      operation: {
        id: 'getMetrics',
        summary: 'Get the metrics of this replica',
        description: 'In the text format of Prometheus. The bearer token must be METRICS_TOKEN.',
        fails: ['token_missing', 'token_invalid'],
        answers: {
          200: { description: 'The metrics.', mediaType: 'text/plain', schema: { type: 'string' } },
        },
      },
      async handle(request, reply, { config, telemetry }) {
        const token = config.metrics?.token
        if (!telemetry.metrics || token === undefined)
          throw new AppError('route_not_found', 'Metrics are disabled on this server.')
        const { authorization } = request.headers
        if (authorization === undefined)
          throw new AppError('token_missing', 'A bearer token is required. Send METRICS_TOKEN.')
        if (!isToken(token, authorization))
          throw new AppError('token_invalid', 'The token is not METRICS_TOKEN.')
        const text = await telemetry.metrics.text()
        return reply
          .headers({ 'content-type': telemetry.metrics.contentType, 'cache-control': 'no-store' })
          .send(text)
      },
    },
  ],
}
