import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, type ErrorCode } from '../errors.ts'
import type { Schema } from '../openapi/operation.ts'
import { lingerAtClose } from './lingering-close.ts'
import { nonPageHeaders } from './security-headers.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The path of PUBLIC_URL, which links begin with. Empty if it has none. */
    base: string
  }
}

/** Where a failure occurred. */
export interface Place {
  /** The path of PUBLIC_URL. Empty if it has none. */
  readonly base: string
  /** The path that was called, below `base`, without its query. */
  readonly path: string
}

/** What a contract may include in an error body beside the error itself. */
export interface Occurrence extends Place {
  readonly status: number
  readonly at: Date
}

/** The status, media type and body of a contract's errors. */
export interface ErrorShape {
  /** Statuses that differ from the default ones. */
  readonly statuses: Readonly<Partial<Record<ErrorCode, number>>>
  /** By default `application/json`. */
  readonly errorMediaType?: string
  /** The body's schema, among those of the contract. */
  readonly errorSchema: Schema
  /** Additional headers of its errors. */
  readonly errorHeaders?: Readonly<Record<string, string>>
  /** An object that is sent as JSON, or a text. */
  errorBody(error: AppError, occurrence: Occurrence): object | string
}

const defaultStatus: Readonly<Record<ErrorCode, number>> = {
  token_missing: 401,
  token_invalid: 401,
  insufficient_scope: 403,
  not_your_path: 403,
  origin_not_trusted: 403,
  account_elsewhere: 403,
  sign_in_failed: 401,
  code_required: 401,
  sign_in_forbidden: 403,
  email_taken: 409,
  no_session: 403,
  broken_rule: 422,
  nothing_to_change: 400,
  not_json: 422,
  task_not_found: 404,
  precondition_failed: 412,
  idempotency_key_reused: 422,
  token_not_found: 404,
  webhook_not_found: 404,
  delivery_not_found: 404,
  list_not_found: 404,
  change_not_found: 404,
  undo_conflict: 409,
  change_too_large: 409,
  too_many_lists: 409,
  too_many_webhooks: 409,
  too_many_tokens: 409,
  too_many_tasks: 409,
  storage_full: 409,
  answer_dropped: 409,
  resync_required: 410,
  too_many_requests: 429,
  password_compromised: 400,
  busy: 503,
  route_not_found: 404,
  method_not_allowed: 405,
  body_too_large: 413,
  address_too_long: 414,
  headers_too_large: 431,
  unsupported_media_type: 415,
  bad_request: 400,
  database_away: 503,
  database_full: 503,
  outcome_unknown: 503,
  keys_away: 503,
  internal: 500,
}

interface ErrorAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Errors are never cached, whatever headers the handler has set. */
export const refusalHeaders = { ...nonPageHeaders, 'cache-control': 'no-store' }

export function statusOf(shape: ErrorShape, code: ErrorCode): number {
  return shape.statuses[code] ?? defaultStatus[code]
}

export function errorAnswer(shape: ErrorShape, error: AppError, place: Place): ErrorAnswer {
  const status = statusOf(shape, error.code)
  const mediaType = shape.errorMediaType ?? 'application/json'
  const headers: Record<string, string> = {
    'content-type': `${mediaType}; charset=utf-8`,
    ...shape.errorHeaders,
    ...error.headers,
  }
  if (status === 401) headers['www-authenticate'] = 'Bearer'
  if (error.scope !== undefined) {
    headers['www-authenticate'] = `Bearer error="insufficient_scope", scope="${error.scope}"`
  }
  if (error.retryAfter !== undefined) headers['retry-after'] = String(error.retryAfter)
  const body = shape.errorBody(error, { ...place, status, at: new Date() })
  return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) }
}

/** Answers all errors, in the error shape of the path. Logs unexpected errors with their stack. */
export function answerError(shapeOf: (path: string) => ErrorShape) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const place = placeOf(request)
    const { status, headers, body } = errorAnswer(shapeOf(place.path), toAppError(error, request), place)
    if (!request.raw.complete) lingerAtClose(request.raw.socket)
    reply.code(status).headers(refusalHeaders).headers(headers).send(body)
  }
}

export function placeOf({ url, server }: FastifyRequest): Place {
  const query = url.indexOf('?')
  return { base: server.base, path: query < 0 ? url : url.slice(0, query) }
}

function toAppError(error: unknown, request: FastifyRequest): AppError {
  if (error instanceof AppError) {
    if (error.cause !== undefined) request.log.warn({ reqId: request.id, err: error.cause }, error.message)
    return error
  }
  const refused = isFastifyError(error) ? frameworkRefusal(error) : undefined
  if (refused) return refused
  request.log.error({ reqId: request.id, err: error }, 'unexpected error')
  return new AppError('internal', `Internal server error. Report it with the request id "${request.id}".`)
}

function isFastifyError(error: unknown): error is FastifyError {
  return (
    error instanceof Error &&
    'statusCode' in error &&
    'code' in error &&
    String(error.code).startsWith('FST_')
  )
}

/** An error of Fastify itself, by its status. */
function frameworkRefusal(error: FastifyError): AppError | undefined {
  switch (error.statusCode) {
    case 404:
      return new AppError('route_not_found', 'No route matches the URL.')
    case 414:
      return new AppError('address_too_long', 'The URL has a segment that is too long.')
    case 413:
      return new AppError('body_too_large', 'The body is too large. Send a smaller one.')
    case 415:
      return new AppError(
        'unsupported_media_type',
        'The media type is not supported. Send Content-Type: application/json.',
      )
    default: {
      const client = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500
      return client ? new AppError('bad_request', 'The request is malformed.') : undefined
    }
  }
}
