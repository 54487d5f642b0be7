import type { FastifyRequest } from 'fastify'
import { grantOf } from '../auth/current-user.ts'
import { brokenRules } from '../errors.ts'
import type { Parameter } from '../openapi/operation.ts'
import { type Keyed, keyedBy } from '../tasks/keys.ts'
import { expectedRevisions } from './conditional.ts'
import { canonicalBody, canonicalJson } from './json-body.ts'

/**
 * The hashed Idempotency-Key of a request and its fingerprint, or undefined without the header
 * (draft-ietf-httpapi-idempotency-key-header).
 * @throws AppError `broken_rule` if the header is not a valid key
 */
export function keyedWrite(request: FastifyRequest): Keyed | undefined {
  const key = keyOf(request)
  return key === undefined ? undefined : keyedBy(key, fingerprintOf(request))
}

/**
 * For writes whose answer holds a secret, which is not stored.
 * @throws AppError `broken_rule` for a request with an Idempotency-Key
 */
export function refuseKey({ headers }: FastifyRequest): void {
  if (headers['idempotency-key'] === undefined) return
  const message = 'Idempotency-Key is not accepted here: the answer holds a secret, which is not stored.'
  throw brokenRules([{ field: 'Idempotency-Key', in: 'header', message }])
}

export const idempotencyKey: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'An id of your choice, ideally a UUID, with or without quotes. The request is executed once: a retry (same key, method, path, query, `If-Match` and JSON value) gets the first response again, with `Idempotent-Replayed: true`. Keys are stored for HISTORY_DAYS. If the storage of the user is full (MAX_STORAGE), or the task was permanently removed, a retry can get 409 `answer_dropped`.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
}

export const replayedHeader = {
  'Idempotent-Replayed': {
    description: 'Present if an earlier request with the same key was executed instead.',
    schema: { const: 'true' },
  },
}

/** A key is a string of structured fields (RFC 9651, 3.3.3), or the same without its quotes. */
function keyOf(request: FastifyRequest): string | undefined {
  const header = request.headers['idempotency-key']
  if (header === undefined) return undefined
  const sent = String(header)
  const isQuoted = /^"(?:[^"\\]|\\["\\])*"$/.test(sent)
  const key = isQuoted ? sent.slice(1, -1).replaceAll(/\\(.)/g, '$1') : sent
  if (/^[!-~]{1,255}$/.test(key) && (isQuoted || !key.startsWith('"'))) return key
  const message =
    'Idempotency-Key must have 1 to 255 visible ASCII characters without spaces, with or without quotes.'
  throw brokenRules([{ field: 'Idempotency-Key', in: 'header', message }])
}

/** Equal for requests with the same method, path, query, condition and JSON value. */
function fingerprintOf(request: FastifyRequest): string {
  const { method, routeOptions, params, query } = request
  // An answer with a task is not repeated for a token that may not read it, nor vice versa.
  const { mayRead } = grantOf(request)
  const condition = expectedRevisions(request)?.toSorted() ?? null
  const value = canonicalBody(request)
  return (
    canonicalJson([method, routeOptions.url, params, query, condition, mayRead]) +
    (typeof value === 'string' ? value : value.toString('latin1'))
  )
}
