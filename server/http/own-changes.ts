import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import type { Guard } from '../db/database.ts'
import type { Header } from '../openapi/operation.ts'
import type { Change } from '../tasks/change/change.ts'
import { type ChangeContext, type Done, runChange } from '../tasks/change/run.ts'
import { changeId } from '../tasks/change-id.ts'
import type { Outcome } from '../tasks/tasks.ts'
import { keyedWrite } from './idempotent-write.ts'
import { sendJson } from './json-reply.ts'
import { maySee } from './own-tasks.ts'

// Writes of several items, or of other items than one task. Their answers are stored for requests
// that are repeated with their key.

/** What a write answers. */
export interface WriteAnswer {
  readonly status: 200 | 201 | 202 | 204
  readonly headers?: Readonly<Record<string, string>>
  /** JSON. */
  readonly body?: string
}

export const changeHeader: Readonly<Record<string, Header>> = {
  'Duly-Change': {
    description: 'The id of the change, for `POST /api/v1/undo`. Absent if nothing changed.',
    schema: { type: 'string' },
  },
}

/** The caller as the domain needs it for a change. */
export const ownChanges = (
  { userId, grant }: FastifyRequest,
  { db, quota }: Pick<Context, 'db' | 'quota'>,
): ChangeContext => ({ db, owner: userId, quota, guard: grant, actor: grant?.actor ?? 'issuer' })

interface SendOptions {
  readonly isDry?: boolean
  readonly isUndoable?: boolean
  readonly isShown?: boolean
  /** Instead of the grant of the request. */
  readonly guard?: Guard
}

/** Adds the id of a change to the headers of its answer. */
export function noteChange(
  { userId }: FastifyRequest,
  reply: FastifyReply,
  outcome: Pick<Outcome, 'isChanged' | 'revision' | 'epoch'>,
): void {
  if (outcome.isChanged) reply.header('duly-change', changeId(userId, outcome))
}

/**
 * Runs a change and answers it.
 * @param answerOf makes the answer, once the change is stored and its items have their revision
 * @param isUndoable whether the answer names the change
 * @param isShown whether a token without `tasks:read` sees the answer
 */
export async function sendChange<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  context: Pick<Context, 'db' | 'quota'>,
  work: (change: Change) => Promise<T>,
  answerOf: (done: Done<T>) => WriteAnswer,
  { isDry = false, isUndoable = true, isShown = false, guard }: SendOptions = {},
): Promise<FastifyReply> {
  const keyed = keyedWrite(request)
  let known: { readonly done: Done<T>; readonly answer: WriteAnswer } | undefined
  const made = (done: Done<T>): WriteAnswer => {
    const { headers = {}, ...rest } = answerOf(done)
    const id = done.isChanged && isUndoable && !isDry ? { 'duly-change': changeId(request.userId, done) } : {}
    // A token without `tasks:read` sees only what it has written.
    const isSeen = isShown || maySee(request, { isChanged: done.isChanged && !isDry })
    return isSeen ? { ...rest, headers: { ...headers, ...id } } : { status: 204 }
  }
  // Stored with the key and sent. An answer can be long, so it is made once.
  const answer = (done: Done<T>): WriteAnswer => {
    if (known?.done !== done) known = { done, answer: made(done) }
    return known.answer
  }
  const outcome = await runChange({ ...ownChanges(request, context), ...(guard ? { guard } : {}) }, work, {
    ...(keyed && !isDry ? { keyed } : {}),
    isDry,
    answerOf: (_result, done) => ({ text: asText(answer(done)) }),
  })
  if (outcome.isReplayed && outcome.replay.isRepeated) reply.header('idempotent-replayed', 'true')
  const { status, headers, body } = outcome.isReplayed
    ? answerIn(outcome.replay.answer ?? '{"status":204}')
    : answer(outcome)
  reply.code(status).headers(headers ?? {})
  return body === undefined ? reply.send() : sendJson(reply, body)
}

/** An answer as it is stored: the body is a line of its own, since a string of JSON is longer. */
function asText({ body, ...rest }: WriteAnswer): string {
  const head = JSON.stringify(rest)
  return body === undefined ? head : `${head}\n${body}`
}

function answerIn(text: string): WriteAnswer {
  const end = text.indexOf('\n')
  // Written by `asText`.
  const head = JSON.parse(end < 0 ? text : text.slice(0, end)) as WriteAnswer
  return end < 0 ? head : { ...head, body: text.slice(end + 1) }
}
