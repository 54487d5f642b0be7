import { AppError } from '../errors.ts'
import { isToken } from '../telemetry/metrics-token.ts'
import type { RouteModule } from './route.ts'

/** `/metrics` beside the tasks, for who knows METRICS_TOKEN. */
export const metrics: RouteModule = {
  name: 'metrics',
  about: 'What this replica has done and how it is.',
  schemas: {},
  routes: [
    {
      method: 'GET',
      path: '/metrics',
      operation: {
        id: 'getMetrics',
        summary: 'Metrics of this replica',
        description: 'In Prometheus’ text format. The bearer token is METRICS_TOKEN, and no other.',
        fails: ['token_missing', 'token_invalid'],
        answers: {
          200: { description: 'The metrics.', mediaType: 'text/plain', schema: { type: 'string' } },
        },
      },
      async handle(request, reply, { config, telemetry }) {
        const token = config.metrics?.token
        if (!telemetry.metrics || token === undefined)
          throw new AppError('route_not_found', 'There is nothing at this address.')
        const { authorization } = request.headers
        if (authorization === undefined) throw new AppError('token_missing', 'METRICS_TOKEN is required.')
        if (!isToken(token, authorization)) throw new AppError('token_invalid', 'This is not METRICS_TOKEN.')
        const text = await telemetry.metrics.text()
        return reply
          .headers({ 'content-type': telemetry.metrics.contentType, 'cache-control': 'no-store' })
          .send(text)
      },
    },
  ],
}
