import type { FastifyRequest } from 'fastify'
import { unseenWrite } from '../contracts/task-schemas.ts'
import { AppError, brokenRules } from '../errors.ts'
import { expectedFirstRevisions, ifMatch, ifNoneMatch, isKnown } from '../http/conditional.ts'
import { idempotencyKey, replayedHeader } from '../http/idempotent-write.ts'
import { readJson } from '../http/json-body.ts'
import { sendJson } from '../http/json-reply.ts'
import { changeHeader, sendChange, type WriteAnswer } from '../http/own-changes.ts'
import { readerOf } from '../http/own-tasks.ts'
import { pathId, queryId } from '../http/parameters.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { type Answer, ref } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'
import type { Change } from '../tasks/change/change.ts'
import { createList, moveList, removeList, restoreList, updateList } from '../tasks/change/list-operations.ts'
import type { Done } from '../tasks/change/run.ts'
import { readState } from '../tasks/list.ts'
import type { ListChange, NewList } from '../tasks/list-fields.ts'
import { type CountedList, getList, listsOf } from '../tasks/lists.ts'
import { checkReadOnly } from './body.ts'
import { exampleList, listJson, listReader, listSchemas } from './list-wire.ts'
import { placeIn, placeSchemas } from './place.ts'

// Lists of tasks.

const path = '/api/v1/lists'
const example = JSON.parse(listJson(exampleList, 4)) as object
const etag = { ETag: { description: 'The entity tag.', schema: { type: 'string' }, required: true } }
const changedExample = JSON.parse(listJson(exampleList)) as object
const written = (description: string): Answer => ({
  description,
  schema: ref('ChangedList'),
  example: changedExample,
  headers: { ...etag, ...replayedHeader, ...changeHeader },
})

const all: Route = {
  method: 'GET',
  path,
  operation: {
    id: 'listLists',
    summary: 'List lists',
    description: 'Returns all lists in their order, also the archived ones. `next_cursor` is always null.',
    parameters: [ifNoneMatch],
    answers: {
      200: {
        description: 'The lists.',
        schema: ref('ListList'),
        example: { lists: [example], next_cursor: null },
        headers: etag,
      },
      304: { description: 'Not modified.', headers: etag },
    },
  },
  async handle(request, reply, { db }) {
    const { revision, epoch } = await readState(db, request.userId)
    const tag = `"${revision}-${epoch}"`
    reply.header('etag', tag).header('cache-control', 'private, no-cache')
    if (isKnown(request, tag)) return reply.code(304).send()
    const lists = await listsOf(db, request.userId, readerOf(request))
    return sendJson(reply, `{"lists":[${lists.map(jsonOf).join()}],"next_cursor":null}`)
  },
}

const create: Route = {
  method: 'POST',
  path,
  operation: {
    id: 'createList',
    summary: 'Create a list',
    description: 'The new list is the last. At most 500 lists.',
    parameters: [idempotencyKey],
    body: {
      required: true,
      schema: ref('NewList'),
      examples: { whole: { name: 'Garden', color: '#3b82f6' }, short: { name: 'Garden' } },
    },
    fails: ['too_many_lists'],
    answers: {
      201: {
        ...written('The new list.'),
        headers: {
          ...written('').headers,
          Location: { description: 'The path of the list.', schema: { type: 'string' }, required: true },
        },
      },
    },
  },
  handle(request, reply, context) {
    const { values, readOnly } = listReader.new(readJson(request))
    checkReadOnly(readOnly)
    // Validated above.
    const work = (change: Change) => createList(change, values as unknown as NewList)
    return sendChange(request, reply, context, work, done => {
      const answer = answerOf(done)
      const location = `${request.server.base}${path}/${done.result.id}`
      return { ...answer, status: 201, headers: { ...answer.headers, location } }
    })
  },
}

const get: Route = {
  method: 'GET',
  path: `${path}/{list_id}`,
  operation: {
    id: 'getList',
    summary: 'Get a list',
    description: 'Returns the list. Its entity tag changes with the number of its open tasks.',
    parameters: [ifNoneMatch],
    fails: ['list_not_found', 'broken_rule'],
    answers: {
      200: { description: 'The list.', schema: ref('List'), example, headers: etag },
      304: { description: 'Not modified.', headers: etag },
    },
  },
  async handle(request, reply, { db }) {
    const id = pathId(request, 'list_id')
    const { revision } = await readState(db, request.userId)
    const found = await getList(db, request.userId, id, readerOf(request))
    const tag = `"${found.list.revision}-${revision}"`
    reply.header('etag', tag).header('cache-control', 'private, no-cache')
    return isKnown(request, tag) ? reply.code(304).send() : sendJson(reply, jsonOf(found))
  },
}

const change: Route = {
  method: 'PATCH',
  path: `${path}/{list_id}`,
  operation: {
    id: 'changeList',
    summary: 'Change a list',
    description: 'A JSON Merge Patch (RFC 7396).',
    parameters: [ifMatch, idempotencyKey],
    body: {
      required: true,
      mediaTypes: ['application/merge-patch+json', 'application/json'],
      schema: ref('ListChange'),
      examples: { rename: { name: 'Balcony' }, archive: { is_archived: true } },
    },
    fails: ['list_not_found', 'precondition_failed'],
    answers: { 200: written('The changed list.'), 204: unseenWrite },
  },
  handle(request, reply, context) {
    const id = pathId(request, 'list_id')
    const { values, readOnly } = listReader.change(readJson(request))
    return sendChange(
      request,
      reply,
      context,
      async change => {
        await checkRevision(request, change, id)
        const { open_task_count: _counted, ...others } = readOnly
        checkReadOnly(others, change.getList(id))
        return updateList(change, id, values as ListChange)
      },
      answerOf,
    )
  },
}

const remove: Route = {
  method: 'DELETE',
  path: `${path}/{list_id}`,
  operation: {
    id: 'removeList',
    summary: 'Delete a list',
    description: 'Moves the list to the trash with its tasks, or moves these to another list.',
    parameters: [
      {
        name: 'move_tasks_to',
        in: 'query',
        description: '`inbox`, or the id of the list that the tasks are moved to.',
        schema: { type: 'string' },
      },
      ifMatch,
      idempotencyKey,
    ],
    fails: ['list_not_found', 'precondition_failed'],
    answers: {
      204: { description: 'The list is deleted.', headers: { ...replayedHeader, ...changeHeader } },
    },
  },
  handle(request, reply, context) {
    const id = pathId(request, 'list_id')
    const to = queryId(request, 'move_tasks_to', 'inbox')
    return sendChange(
      request,
      reply,
      context,
      async change => {
        await checkRevision(request, change, id)
        try {
          return await removeList(change, id, to)
        } catch (error) {
          throw inQuery(error)
        }
      },
      () => ({ status: 204 }),
    )
  },
}

const restore: Route = {
  method: 'POST',
  path: `${path}/{list_id}/restore`,
  operation: {
    id: 'restoreList',
    summary: 'Restore a list',
    description:
      'Restores a list from the trash, with the tasks that were deleted with it. A list that is not in the trash does not change.',
    parameters: [idempotencyKey],
    fails: ['list_not_found', 'too_many_lists', 'too_many_tasks', 'storage_full'],
    answers: { 200: written('The list.'), 204: unseenWrite },
  },
  handle(request, reply, context) {
    const id = pathId(request, 'list_id')
    return sendChange(request, reply, context, change => restoreList(change, id), answerOf)
  },
}

const move: Route = {
  method: 'POST',
  path: `${path}/{list_id}/move`,
  operation: {
    id: 'moveList',
    summary: 'Move a list',
    description: 'Moves a list among the others. Without a body, it becomes the last.',
    parameters: [idempotencyKey],
    body: {
      required: true,
      schema: ref('ListPlace'),
      examples: { last: { before: null }, first: { after: null } },
    },
    fails: ['list_not_found'],
    answers: { 200: written('The list.'), 204: unseenWrite },
  },
  handle(request, reply, context) {
    const id = pathId(request, 'list_id')
    const place = placeIn(readJson(request), ['before', 'after'])
    return sendChange(request, reply, context, change => moveList(change, id, place), answerOf)
  },
}

export const listRoutes: RouteModule = {
  name: 'lists',
  about: 'Lists of tasks. A task that is in no list is in the inbox.',
  pathParameters: {
    list_id: {
      description: 'The id of the list.',
      schema: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
      example: 3,
    },
  },
  schemas: {
    ...listSchemas,
    ListPlace: placeSchemas.ListPlace,
    ListList: closed({
      lists: { type: 'array', items: ref('List') },
      next_cursor: { type: 'null' },
    }),
  },
  routes: [all, create, get, change, remove, restore, move],
}

const jsonOf = ({ list, openTasks }: CountedList) => listJson(list, openTasks)

function answerOf({ change, result, revision }: Done<{ readonly id: number }>): WriteAnswer {
  const list = change.lists.get(result.id)?.now
  if (!list) return { status: 204 }
  return { status: 200, headers: { etag: `"${list.revision}-${revision}"` }, body: listJson(list) }
}

async function checkRevision(request: FastifyRequest, change: Change, id: number): Promise<void> {
  await change.loadLists()
  const expected = expectedFirstRevisions(request)
  if (expected && !expected.includes(change.getList(id).revision))
    throw new AppError('precondition_failed', 'The list has changed since. Read it again.')
}

/** A broken rule of the query string. */
function inQuery(error: unknown): unknown {
  if (!(error instanceof AppError) || error.problems.length === 0) return error
  return brokenRules(error.problems.map(problem => ({ ...problem, in: 'query' as const })))
}
