import type { FastifyRequest, onRequestHookHandler } from 'fastify'
import { AppError } from '../errors.ts'
import { type Identity, TokenError } from './jwt.ts'
import type { Tokens } from './tokens.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The user whose token came with the request; empty on routes without one. */
    userId: string
  }
}

/** A hook that lets only requests with a good bearer token pass (RFC 6750, 2.1), and says whose it is. */
export function requireUser(tokens: Tokens): onRequestHookHandler {
  return (request, _reply, done) => {
    try {
      const verified = tokens.verify(bearerToken(request))
      if (!(verified instanceof Promise)) {
        enter(request, verified)
        done()
        return
      }
      verified
        .then(identity => enter(request, identity))
        .then(
          () => done(),
          error => done(refused(request, error)),
        )
    } catch (error) {
      done(refused(request, error))
    }
  }
}

function enter(request: FastifyRequest, { userId, scopes }: Identity): void {
  request.userId = userId
  if (scopes) requireScope(request, scopes)
  const { user_id: pathUser } = request.params as { user_id?: string }
  if (pathUser !== undefined && pathUser !== userId) {
    throw new AppError('not_your_path', 'This path belongs to another user.')
  }
}

function requireScope(request: FastifyRequest, scopes: readonly string[]): void {
  // Fastify makes this object anew at each look: none for those who may do everything.
  const { need } = request.routeOptions.config
  if (need === undefined || scopes.includes(need)) return
  const what = need === 'account' ? 'a sign-in, not a personal access token' : `the scope ${need}`
  throw new AppError('insufficient_scope', `This needs ${what}.`, { scope: need })
}

function bearerToken(request: FastifyRequest): string {
  const header = request.headers.authorization
  if (header === undefined) throw new AppError('token_missing', 'A bearer token is required.')
  const token = /^Bearer +(\S+) *$/i.exec(header)?.[1]
  if (token === undefined) throw new TokenError('the Authorization header is not "Bearer <token>"')
  return token
}

function refused(request: FastifyRequest, error: unknown): Error {
  if (!(error instanceof TokenError)) return error instanceof Error ? error : new Error(String(error))
  request.log.info({ reqId: request.id, reason: error.message }, 'a token was refused')
  return new AppError('token_invalid', error.expired ? 'The token has expired.' : 'The token is invalid.')
}
