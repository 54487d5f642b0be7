import type { FastifyInstance, FastifyPluginCallback, HTTPMethods } from 'fastify'
import { requireUser } from '../auth/current-user.ts'
import type { Context } from '../context.ts'
import { AppError } from '../errors.ts'
import { answerError, type ErrorShape } from './error-reply.ts'
import { acceptAnyBody } from './json-body.ts'

/** One way of speaking about tasks over HTTP. Its paths, shapes, limits and statuses stand in its own file. */
export interface Contract extends ErrorShape {
  routes(scope: FastifyInstance, context: Context): void
}

/** The scope in which a contract's routes stand: a user is required, bodies are read late, failures are told its way. */
export function speak(contract: Contract, context: Context): FastifyPluginCallback {
  return (scope, _options, done) => {
    acceptAnyBody(scope)
    scope.setErrorHandler(answerError(contract))
    scope.addHook('onRequest', requireUser(context.tokens))
    contract.routes(scope, context)
    done()
  }
}

/** The two collections that `CONTRACT` speaks for: with the owner in the path, and with the owner of the token. */
export const ownerCollections = ['/api/:user_id/tasks', '/api/tasks'] as const

const methods: readonly HTTPMethods[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Answers what a path does not offer with 405 and `Allow` (RFC 9110, 15.5.6). */
export function refuseOtherMethods(
  scope: FastifyInstance,
  url: string,
  offered: readonly HTTPMethods[],
): void {
  const allow = [...offered, ...(offered.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
  scope.route({
    url,
    method: methods.filter(method => !offered.includes(method)),
    handler: (request, reply) => {
      reply.header('allow', allow)
      throw new AppError('method_not_allowed', `${request.method} is not possible here; ${allow} are.`)
    },
  })
}
