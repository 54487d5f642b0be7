import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import { AppError } from '../errors.ts'
import { isSignInPath } from '../hints.ts'
import { countAddress } from '../limits/count-address.ts'
import { placeOf } from './error-reply.ts'
import type { Registration } from './register.ts'
import { pathPattern } from './route.ts'

/**
 * Answers requests that no route matches: 405 with `Allow` if the path has other methods (RFC 9110,
 * 15.5.6), else 404. Needs no token and does not read the body.
 */
export function noRoute(
  registrations: readonly Registration[],
  { accounts, hints, limits }: Pick<Context, 'accounts' | 'hints' | 'limits'>,
): FastifyPluginCallback {
  const table = registrations.flatMap(({ module }) =>
    module.routes.map(({ method, path }) => ({ method, pattern: pathPattern(path) })),
  )
  const allowed = (path: string): string | undefined => {
    const methods = new Set(table.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))
    if (methods.size === 0) return undefined
    return [...methods, ...(methods.has('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
  }
  const refuse = (request: FastifyRequest, reply: FastifyReply): AppError => {
    const { path } = placeOf(request)
    const allow = allowed(decoded(path))
    const { method } = request
    if (!accounts && isSignInPath(path)) hints.give('accounts', path)
    // Without the path, which may contain the id of another user.
    if (allow === undefined)
      return new AppError(
        'route_not_found',
        `No route matches this ${method} request. See /docs for all routes.`,
      )
    reply.header('allow', allow)
    return new AppError('method_not_allowed', `The method "${method}" is not allowed. Use one of ${allow}.`)
  }
  return (scope, _options, done) => {
    const count = countAddress(limits)
    // A hook, not a handler: a handler runs after the body was read.
    scope.addHook('onRequest', (request, reply, next) => {
      count(request, reply, tooMany => next(tooMany ?? refuse(request, reply)))
    })
    // Only for OPTIONS, which the CORS plugin has a route for: a preflight from another origin, or
    // `OPTIONS` on a path.
    scope.setNotFoundHandler((request, reply) => {
      const { headers } = request
      // A preflight gets here if its origin is not allowed.
      if (headers.origin !== undefined && 'access-control-request-method' in headers) hints.give('origin')
      const allow = request.url === '*' ? 'OPTIONS' : allowed(decoded(placeOf(request).path))
      if (allow === undefined) throw refuse(request, reply)
      return reply.code(204).header('allow', allow).send()
    })
    done()
  }
}

function decoded(path: string): string {
  try {
    return decodeURI(path)
  } catch {
    return path
  }
}
