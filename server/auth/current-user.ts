import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError, type ErrorCode } from '../errors.ts'
import type { Hints } from '../hints.ts'
import { network } from '../limits/network.ts'
import type { Limits } from '../limits/rate-limit.ts'
import { bearerIn } from './bearer.ts'
import type { Grant } from './grant.ts'
import type { Identity } from './identity.ts'
import { TokenError } from './token-error.ts'
import type { Tokens } from './tokens.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The user of the token. Empty on routes without a token. */
    userId: string
    /** What the token allows. Checked again before a write. Undefined on routes without a token. */
    grant: Grant | undefined
  }
}

/** The grant of a request that `requireUser` has accepted. */
export function grantOf({ grant }: FastifyRequest): Grant {
  if (!grant) throw new Error('This route requires no user.')
  return grant
}

/** Calls `done` with an error if the request may not be made. */
type EnterUser = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void

/**
 * Accepts requests with a valid bearer token (RFC 6750, 2.1) and sets their user. They count for
 * the rate limit of the user, wherever they come from. Rejected ones count for the rate limit of
 * the address.
 */
export function requireUser(tokens: Tokens, { user, address }: Limits, hints: Hints): EnterUser {
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
      if (isAnothersPath(refusal, request)) hints.give('user claim')
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
      const ticket = ticketOf(request)
      const verified =
        ticket === undefined
          ? tokens.verify(bearerToken(request), request)
          : tokens.takeTicket(ticket, request)
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

/** Whether a token of another issuer was used with the path of another user. */
function isAnothersPath(refusal: Error, { grant }: FastifyRequest): boolean {
  if (!(refusal instanceof AppError) || refusal.code !== 'not_your_path') return false
  return grant?.identity.sessionId === undefined && grant?.identity.accessToken === undefined
}

/** Errors of requests whose user is unknown. */
const unknown: ReadonlySet<ErrorCode> = new Set(['token_missing', 'token_invalid'])

function admit(request: FastifyRequest, { userId, scopes }: Identity, tooMany: AppError | undefined): void {
  if (tooMany) throw tooMany
  if (scopes) requireScope(request, scopes)
  const { user_id: pathUser } = request.params as { user_id?: string }
  if (pathUser !== undefined && pathUser !== userId) {
    throw new AppError(
      'not_your_path',
      'The path belongs to another user. Use your own user id, or a path without one.',
    )
  }
}

function requireScope(request: FastifyRequest, scopes: readonly string[]): void {
  // Fastify creates `routeOptions` at each access, so it is not accessed for tokens without scopes.
  const { need } = request.routeOptions.config
  if (need === undefined || scopes.includes(need)) return
  if (need === 'sign-in')
    throw new AppError('insufficient_scope', 'A personal access token may not do this. Sign in instead.', {
      scope: 'sign-in',
    })
  const message = `The token lacks the scope "${need}". Use a token that has it.`
  throw new AppError('insufficient_scope', message, { scope: need })
}

/** The ticket of a request without a token, on routes that accept one. */
function ticketOf(request: FastifyRequest): string | undefined {
  if (request.headers.authorization !== undefined || request.method !== 'GET') return undefined
  const { ticket } = request.query as { ticket?: unknown }
  const isAccepted = typeof ticket === 'string' && request.routeOptions.config.acceptsTicket
  return isAccepted ? ticket : undefined
}

function bearerToken(request: FastifyRequest): string {
  const header = request.headers.authorization
  if (header === undefined)
    throw new AppError('token_missing', 'A bearer token is required. Send Authorization: Bearer <token>.')
  const token = bearerIn(header)
  if (token === undefined)
    throw new AppError(
      'token_invalid',
      'The Authorization header is invalid. Send Authorization: Bearer <token>.',
    )
  return token
}

/** The reason is logged, not sent. Requests over the rate limit are summed up elsewhere. */
function noteRefusal(request: FastifyRequest, error: unknown): void {
  if (!(error instanceof TokenError) || request.isRejected) return
  request.log.info({ reqId: request.id, reason: error.message }, 'token rejected')
}

function refusalOf(error: unknown): Error {
  if (!(error instanceof TokenError)) return error instanceof Error ? error : new Error(String(error))
  return new AppError('token_invalid', error.expired ? 'The token has expired.' : 'The token is invalid.')
}
