import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { grantOf } from '../auth/current-user.ts'
import type { Context } from '../context.ts'
import { AppError, brokenRules } from '../errors.ts'
import type { Parameter } from '../openapi/operation.ts'
import { type KeptAnswer, once } from '../tasks/idempotency.ts'
import type { Room } from '../tasks/storage.ts'
import { type Tasks, tasksOf } from '../tasks/tasks.ts'
import { expectedRevisions } from './conditional.ts'
import { type ErrorShape, errorAnswer, placeOf } from './error-reply.ts'
import { canonicalBody, canonicalJson } from './json-body.ts'
import { ownTasks } from './own-tasks.ts'

/**
 * Answers a write. With an Idempotency-Key it is done at most once within 24 h, and its repetitions get the first answer
 * (draft-ietf-httpapi-idempotency-key-header). Refusals that depend on the tasks as they were are answers too, and kept;
 * what can never succeed, or may pass, is not.
 */
export async function answerWrite(
  request: FastifyRequest,
  reply: FastifyReply,
  context: Context,
  shape: ErrorShape,
  work: (tasks: Tasks) => Promise<KeptAnswer>,
): Promise<FastifyReply> {
  const { db, room } = context
  const key = keyOf(request)
  if (key === undefined) return send(reply, await work(ownTasks(request, context)))
  const kept = { key, fingerprint: fingerprintOf(request) }
  // Room is made after the transaction.
  const within: Room = { ...room, async make() {} }
  const { answer, replayed } = await once(
    db,
    request.userId,
    kept,
    session => work(tasksOf(session, request.userId, within)).catch(error => refusal(error, request, shape)),
    room,
    request.grant,
  )
  if (replayed) reply.header('idempotent-replayed', 'true')
  return send(reply, answer)
}

export const idempotencyKey: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'A text of your own, best a UUID, with or without quotes. The same request (method, path, query, `If-Match` and JSON value) with the same key within 24 hours is not done again: it gets the first answer, with `Idempotent-Replayed: true`. A user whose storage is full (MAX_STORAGE) loses the oldest answers early: 409 `answer_dropped`.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
}

export const replayedHeader = {
  'Idempotent-Replayed': {
    description: 'Present where this is the answer to an earlier request with the same key.',
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

/** The same for requests with the same method, path, query, condition and JSON value. */
function fingerprintOf(request: FastifyRequest): string {
  const { method, routeOptions, params, query, body } = request
  // An answer that shows a task is not repeated for a token that may not read it, nor the other way round.
  const { mayRead } = grantOf(request)
  const condition = expectedRevisions(request)?.toSorted() ?? null
  return createHash('sha256')
    .update(canonicalJson([method, routeOptions.url, params, query, condition, mayRead]))
    .update(canonicalBody(body))
    .digest('base64url')
}

function refusal(error: unknown, request: FastifyRequest, shape: ErrorShape): KeptAnswer {
  if (error instanceof AppError && error.code === 'task_not_found') {
    return errorAnswer(shape, error, placeOf(request))
  }
  throw error
}

function send(reply: FastifyReply, { status, headers, body }: KeptAnswer): FastifyReply {
  return reply
    .code(status)
    .headers(headers)
    .send(body === '' ? undefined : body)
}
