import type { FastifyRequest } from 'fastify'
import { grantOf } from '../auth/current-user.ts'
import { exampleTask } from '../contracts/task-schemas.ts'
import { sendJson } from '../http/json-reply.ts'
import { queryInteger, queryText } from '../http/parameters.ts'
import type { Route } from '../http/route.ts'
import { ref, type Schema } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'
import { readPosition, writePosition } from '../sync/position.ts'
import type { Caller } from '../sync/sync.ts'
import { defaultSettings } from '../tasks/settings.ts'
import { limitParameter, readLimit } from './page-parameters.ts'
import { example } from './task-wire.ts'

const path = '/api/v1/changes'
const waits = { min: 0, max: 60, fallback: 0 }
/** Longer than the wait itself, so that the connection is not closed as idle. */
const graceMs = 10_000

const deleted = { deleted: { const: true } }
const live = { deleted: { const: false } }
const id = { id: { type: 'integer', minimum: 1 } }

const kinds = { task: ref('Task'), list: ref('ChangedList') }

/** The schemas of changes. With further properties, those of events. */
export const changeSchemas = (more: Readonly<Record<string, Schema>> = {}): Schema => ({
  anyOf: [
    ...Object.entries(kinds).flatMap(([type, schema]) => [
      closed({ type: { const: type }, ...id, ...live, [type]: schema, ...more }),
      closed({ type: { const: type }, ...id, ...deleted, ...more }),
    ]),
    closed({ type: { const: 'settings' }, ...live, settings: ref('Settings'), ...more }),
  ],
})

export const syncSchemas = {
  Change: changeSchemas(),
  ChangeList: closed({
    changes: { type: 'array', items: ref('Change') },
    next: { type: 'string', description: 'The position after this page, for `since`.' },
    has_more: { type: 'boolean', description: 'Whether the next page can be read at once.' },
  }),
}

const since = {
  name: 'since',
  in: 'query' as const,
  description: 'The `next` of the page before, or the `id` of an event. Without it, everything is sent.',
  schema: { type: 'string' },
}

export const listChanges: Route = {
  method: 'GET',
  path,
  kind: 'stream',
  operation: {
    id: 'listChanges',
    summary: 'List changes since a position',
    description:
      'For clients that keep a copy. Returns the current state of each item that has changed since, once, in the order of the last changes. Without `since`, returns the settings, then all lists and all tasks that are not in the trash; items that change meanwhile are returned again. Settings are included for tokens with the scope `account`. A page may have fewer changes than `limit`, even none, while `has_more` is true.',
    parameters: [
      since,
      limitParameter('changes'),
      {
        name: 'wait',
        in: 'query',
        description:
          'Seconds to wait for a change if there is none. A waiting request counts as a stream; see `GET /api/v1/events`.',
        schema: { type: 'integer', minimum: waits.min, maximum: waits.max, default: waits.fallback },
      },
    ],
    fails: ['resync_required'],
    answers: {
      200: {
        description: 'A page of changes.',
        schema: ref('ChangeList'),
        example: {
          changes: [
            { type: 'settings', deleted: false, settings: { ...defaultSettings } },
            { type: 'task', id: exampleTask.id, deleted: false, task: example },
          ],
          next: 'ZC5FeGFtcGxlXy4xNzY3MjI1NjAwMDAwMDAwLjEy',
          has_more: false,
        },
      },
    },
  },
  async handle(request, reply, { sync }) {
    const limit = readLimit(request)
    const wait = queryInteger(request, 'wait', waits)
    const token = queryText(request, 'since')
    const from = token === undefined ? undefined : readPosition(request.userId, token)
    const { socket } = request.raw
    if (wait > 0) socket.setTimeout(wait * 1000 + graceMs)
    const page = await sync.changes(callerOf(request), from, { limit, wait })
    reply.header('cache-control', 'no-store')
    const next = writePosition(request.userId, page.next, page.isFirst)
    return sendJson(reply, `{"changes":[${page.changes.join()}],"next":"${next}","has_more":${page.hasMore}}`)
  },
}

export function callerOf(request: FastifyRequest): Caller {
  const grant = grantOf(request)
  const { socket } = request.raw
  return {
    userId: request.userId,
    expiresAt: grant.identity.expiresAt,
    seesSettings: grant.identity.scopes?.includes('account') ?? true,
    guard: grant,
    isGone: () => socket.destroyed,
  }
}
