import type { Context } from '../context.ts'
import { AppError } from '../errors.ts'
import type { Webhooks } from '../sync/webhooks/service.ts'

/** @throws AppError `route_not_found` if the server has no secret to encrypt those of webhooks */
export function serviceOf({ webhooks }: Pick<Context, 'webhooks'>): Webhooks {
  if (webhooks) return webhooks
  throw new AppError(
    'route_not_found',
    'Webhooks are disabled on this server: BETTER_AUTH_SECRET is not set.',
  )
}
