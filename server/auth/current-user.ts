import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import { AppError, type ErrorCode } from '../errors.ts'
import { network } from '../limits/network.ts'
import type { Limits } from '../limits/rate-limit.ts'
import { bearerIn } from './bearer.ts'
import type { Grant } from './grant.ts'
import type { Identity } from './identity.ts'
import { TokenError } from './token-error.ts'
import type { Tokens } from './tokens.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The user whose token came with the request; empty on routes without one. */
    userId: string
    /** What that token allows, to be checked again before a write; undefined on routes without a token. */
    grant: Grant | undefined
  }
}

/** The grant of a request that `requireUser` has let in. */
export function grantOf({ grant }: FastifyRequest): Grant {
  if (!grant) throw new Error('This route requires no user.')
  return grant
}

/**
 * A hook that lets only requests with a good bearer token pass (RFC 6750, 2.1), and says whose it is. They count for their user
 * wherever they come from; the others for their address.
 */
export function requireUser(tokens: Tokens, { user, address }: Limits): onRequestHookHandler {
  const enter = (request: FastifyRequest, reply: FastifyReply, identity: Identity): void | Promise<void> => {
    request.userId = identity.userId
    request.grant = tokens.grant(identity)
    const counted = user?.count(identity.userId, reply)
    if (counted instanceof Promise) return counted.then(tooMany => admit(request, identity, tooMany))
    admit(request, identity, counted)
  }

  return (request, reply, done) => {
    const refuse = (error: unknown) => {
      const refusal = refusalOf(error)
      const isUnknown = refusal instanceof AppError && unknown.has(refusal.code)
      const counted = isUnknown ? address?.count(network(request.ip), reply) : undefined
      const end = (tooMany: AppError | undefined) => {
        noteRefusal(request, error)
        done(tooMany ?? refusal)
      }
      if (counted instanceof Promise) counted.then(end)
      else end(counted)
    }
    try {
      const verified = tokens.verify(bearerToken(request), request)
      const entered =
        verified instanceof Promise
          ? verified.then(identity => enter(request, reply, identity))
          : enter(request, reply, verified)
      if (entered) entered.then(() => done(), refuse)
      else done()
    } catch (error) {
      refuse(error)
    }
  }
}

/** Whoever sends such a request could be anyone. */
const unknown: ReadonlySet<ErrorCode> = new Set(['token_missing', 'token_invalid'])

function admit(request: FastifyRequest, { userId, scopes }: Identity, tooMany: AppError | undefined): void {
  if (tooMany) throw tooMany
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
  const token = bearerIn(header)
  if (token === undefined) throw new TokenError('the Authorization header is not "Bearer <token>"')
  return token
}

/** The caller is not told the reason. Requests over their limit are summed up. */
function noteRefusal(request: FastifyRequest, error: unknown): void {
  if (!(error instanceof TokenError) || request.isRejected) return
  request.log.info({ reqId: request.id, reason: error.message }, 'a token was refused')
}

function refusalOf(error: unknown): Error {
  if (!(error instanceof TokenError)) return error instanceof Error ? error : new Error(String(error))
  return new AppError('token_invalid', error.expired ? 'The token has expired.' : 'The token is invalid.')
}
