import type { FastifyRequest } from 'fastify'
import { wholeTaskJson } from '../contracts/task-json.ts'
import { AppError, brokenRules } from '../errors.ts'
import { timeSchema } from '../fields/schema.ts'
import { idempotencyKey, replayedHeader } from '../http/idempotent-write.ts'
import { sendJson } from '../http/json-reply.ts'
import { sendChange } from '../http/own-changes.ts'
import { readerOf } from '../http/own-tasks.ts'
import { pathId, queryOneOf, queryText } from '../http/parameters.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { ref } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'
import { notValue } from '../quote.ts'
import { emptyTrash, purgeList, purgeTask } from '../tasks/change/purge.ts'
import { isPosition } from '../tasks/list.ts'
import { readTrash, type TrashItem, type TrashPlace, trashPlaceOf } from '../tasks/trash.ts'
import { notCursor } from './list-cursor.ts'
import { listJson } from './list-wire.ts'
import { cursorParameter, limitParameter, readLimit } from './page-parameters.ts'
import { example } from './task-wire.ts'

// The trash: its items, and their permanent removal.

const path = '/api/v1/trash'
const types = ['task', 'list'] as const
const gone = { description: 'It is removed.', headers: replayedHeader }
const exampleItem = { type: 'task', deleted_at: '2026-01-31T09:30:00.000000Z', task: example }

const list: Route = {
  method: 'GET',
  path,
  operation: {
    id: 'listTrash',
    summary: 'List the trash',
    description:
      'Deleted tasks and lists, newest first. They are permanently removed after TRASH_DAYS, or earlier if the storage of the user is full.',
    parameters: [
      { name: 'type', in: 'query', description: 'Only tasks, or only lists.', schema: { enum: types } },
      limitParameter('items'),
      cursorParameter(),
    ],
    answers: {
      200: {
        description: 'A page of the trash.',
        schema: ref('TrashList'),
        example: { items: [exampleItem], next_cursor: null },
      },
    },
  },
  async handle(request, reply, { db }) {
    const limit = readLimit(request)
    const type = queryOneOf(request, 'type', types)
    const after = placeIn(request)
    const items = await readTrash(
      db,
      request.userId,
      { limit, ...(type ? { type } : {}), ...(after ? { after } : {}) },
      readerOf(request),
    )
    const page = items.slice(0, limit)
    const last = page.at(-1)
    const cursor = last && items.length > limit ? cursorOf(trashPlaceOf(last)) : null
    return sendJson(reply, `{"items":[${page.map(jsonOf).join()}],"next_cursor":${JSON.stringify(cursor)}}`)
  },
}

const purge: Route = {
  method: 'DELETE',
  path: `${path}/{type}/{item_id}`,
  operation: {
    id: 'purge',
    summary: 'Permanently remove an item from the trash',
    description:
      'Removes a task with its descendants, or a list with its tasks in the trash, and the contents of their history. It cannot be undone.',
    parameters: [idempotencyKey],
    fails: ['task_not_found', 'list_not_found', 'broken_rule'],
    answers: { 204: gone },
  },
  handle(request, reply, context) {
    const { type } = request.params as { type?: string }
    if (type !== 'task' && type !== 'list')
      throw brokenRules([
        { field: 'type', in: 'path', message: `The type must be task or list${notValue(type)}.` },
      ])
    const id = pathId(request, 'item_id')
    return sendChange(
      request,
      reply,
      context,
      async change => {
        if (await (type === 'task' ? purgeTask(change, id) : purgeList(change, id))) return
        throw new AppError(
          type === 'task' ? 'task_not_found' : 'list_not_found',
          `There is no such ${type} in the trash.`,
        )
      },
      () => ({ status: 204 }),
      { isUndoable: false },
    )
  },
}

const empty: Route = {
  method: 'DELETE',
  path,
  operation: {
    id: 'emptyTrash',
    summary: 'Empty the trash',
    description: 'Permanently removes everything in the trash. This cannot be undone.',
    parameters: [idempotencyKey],
    answers: { 204: gone },
  },
  handle: (request, reply, context) =>
    sendChange(
      request,
      reply,
      context,
      change => emptyTrash(change),
      () => ({ status: 204 }),
      {
        isUndoable: false,
      },
    ),
}

export const trashRoutes: RouteModule = {
  name: 'trash',
  about: 'Deleted tasks and lists, until they are permanently removed.',
  pathParameters: {
    type: { description: 'What the item is.', schema: { enum: types }, example: 'task' },
    item_id: {
      description: 'The id of the task or list.',
      schema: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
      example: 7,
    },
  },
  schemas: {
    TrashList: closed({
      items: {
        type: 'array',
        items: {
          anyOf: [
            closed({ type: { const: 'task' }, deleted_at: timeSchema, task: ref('Task') }),
            closed({ type: { const: 'list' }, deleted_at: timeSchema, list: ref('ChangedList') }),
          ],
        },
      },
      next_cursor: { type: ['string', 'null'] },
    }),
  },
  routes: [list, purge, empty],
}

function jsonOf(item: TrashItem): string {
  const body = item.type === 'task' ? wholeTaskJson(item.task) : listJson(item.list)
  return `{"type":"${item.type}","deleted_at":"${item.deleted_at}","${item.type}":${body}}`
}

const cursorOf = ({ deletedAt, type, id }: TrashPlace) =>
  Buffer.from(JSON.stringify([deletedAt, type, id])).toString('base64url')

function placeIn(request: FastifyRequest): TrashPlace | undefined {
  const cursor = queryText(request, 'cursor')
  if (cursor === undefined) return undefined
  const mistaken = notCursor(cursor, 'a page of the trash')
  try {
    const read: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    const [deletedAt, type, id] = read as [string, TrashItem['type'], number]
    if (types.includes(type) && isPosition('created_at', deletedAt, id)) return { deletedAt, type, id }
  } catch {
    throw mistaken
  }
  throw mistaken
}
