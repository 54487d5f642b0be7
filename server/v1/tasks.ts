import type { FastifyReply, FastifyRequest } from 'fastify'
import { grantOf } from '../auth/current-user.ts'
import { wholeTaskJson } from '../contracts/task-json.ts'
import { taskPathParameters, unseen } from '../contracts/task-schemas.ts'
import { AppError } from '../errors.ts'
import { expectedRevisions, ifMatch, ifNoneMatch, isKnown, revisionTag } from '../http/conditional.ts'
import { errorAnswer, placeOf } from '../http/error-reply.ts'
import { idempotencyKey, keyedWrite, replayedHeader } from '../http/idempotent-write.ts'
import { readJson } from '../http/json-body.ts'
import { sendJson } from '../http/json-reply.ts'
import { changeHeader, noteChange } from '../http/own-changes.ts'
import { maySee, ownLists, ownTasks } from '../http/own-tasks.ts'
import { taskId } from '../http/parameters.ts'
import { problemSchemas, problemShape } from '../http/problem-reply.ts'
import type { Contract } from '../http/register.ts'
import type { Route } from '../http/route.ts'
import { type Answer, ref } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'
import type { Task } from '../tasks/fields.ts'
import { checkOrder } from '../tasks/rules.ts'
import type { Outcome } from '../tasks/tasks.ts'
import { listTag, nextPage, writeCursor } from './list-cursor.ts'
import { listParameters } from './list-parameters.ts'
import { readListRequest } from './list-request.ts'
import { placeIn, placeSchemas } from './place.ts'
import {
  bodyLimit,
  changeIn,
  changeOf,
  dependsOnTask,
  example,
  newTaskIn,
  oneTask,
  printedTasks,
  sendOutcome,
  sendTask,
  taskSchemas,
} from './task-wire.ts'

// The `v1` contract, always on, for new clients: keyset pages, conditional requests, idempotent
// writes, problem details.

const at = { path: '/api/v1/tasks' }
const json = ['application/json'] as const
const mergePatch = ['application/merge-patch+json', 'application/json'] as const

const etag = { ETag: { description: 'The entity tag.', schema: { type: 'string' }, required: true } }
const tagged = (description: string): Answer => ({ ...oneTask(description), headers: etag })
const written = (answer: Answer): Answer => ({
  ...answer,
  headers: { ...answer.headers, ...replayedHeader, ...changeHeader },
})
const unchanged: Answer = { description: 'Not modified.', headers: etag }

const list: Route = {
  method: 'GET',
  path: at.path,
  operation: {
    id: 'listTasks',
    summary: 'List tasks',
    description:
      'Returns one page. `next_cursor` selects the next page; it is null on the last. While tasks are added or removed, no other task is skipped or repeated. With `fields`, the tasks have only these.',
    parameters: [...listParameters, ifNoneMatch],
    answers: {
      200: {
        description: 'A page of the list.',
        schema: ref('TaskList'),
        example: { tasks: [example], next_cursor: null },
        headers: {
          ETag: {
            description: 'The entity tag, if the answer does not depend on the time.',
            schema: { type: 'string' },
          },
          Link: { description: 'The address of the next page, as rel="next".', schema: { type: 'string' } },
        },
      },
      304: unchanged,
    },
  },
  async handle(request, reply, { db }) {
    const own = ownLists(request, { db })
    const now = new Date().toISOString()
    const asked = await readListRequest(request, { now, zone: () => own.timeZone() })
    reply.header('cache-control', 'private, no-cache')
    if (!asked.isRelative && request.headers['if-none-match'] !== undefined) {
      // The owner's revision shows whether anything has changed, without reading a task.
      const tag = listTag(request.userId, asked, await own.state())
      if (isKnown(request, tag)) return reply.code(304).header('etag', tag).send()
    }
    const page = printedTasks('{"tasks":[', asked.fields)
    const { state, next } = await own.list(asked.query, page)
    if (!asked.isRelative) reply.header('etag', listTag(request.userId, asked, state))
    const cursor = next && writeCursor({ position: next, ...asked })
    if (cursor)
      reply.header('link', `<${nextPage(request.server.base + at.path, request.query, cursor)}>; rel="next"`)
    return sendJson(reply, page.take(`],"next_cursor":${JSON.stringify(cursor)}}`))
  },
}

const create: Route = {
  method: 'POST',
  path: at.path,
  bodyLimit,
  operation: {
    id: 'createTask',
    summary: 'Create a task',
    description: 'Unknown fields are rejected.',
    parameters: [idempotencyKey],
    body: {
      required: true,
      schema: ref('NewTask'),
      examples: {
        whole: { title: example.title, description: example.description },
        short: { title: example.title },
      },
    },
    fails: ['too_many_tasks', 'storage_full'],
    answers: {
      201: written({
        ...tagged('The new task.'),
        headers: {
          ...etag,
          Location: { description: 'The path of the task.', schema: { type: 'string' }, required: true },
        },
      }),
    },
  },
  async handle(request, reply, context) {
    requireMediaType(request, reply, json)
    const task = newTaskIn(readJson(request))
    checkOrder(task)
    const created = await ownTasks(request, context).create(task, { keyed: keyedWrite(request) })
    reply.header('location', `${request.server.base}${at.path}/${created.task.id}`)
    return sendWritten(request, reply.code(201), created)
  },
}

const get: Route = {
  method: 'GET',
  path: `${at.path}/{id}`,
  operation: {
    id: 'getTask',
    summary: 'Get a task',
    description: 'Returns the task.',
    parameters: [ifNoneMatch],
    answers: { 200: tagged('The task.'), 304: unchanged },
  },
  async handle(request, reply, context) {
    const task = await ownTasks(request, context).get(taskId(request))
    const tag = revisionTag(task.revision)
    reply.header('etag', tag).header('cache-control', 'private, no-cache')
    return isKnown(request, tag) ? reply.code(304).send() : sendTask(reply, task)
  },
}

const change: Route = {
  method: 'PATCH',
  path: `${at.path}/{id}`,
  bodyLimit,
  operation: {
    id: 'changeTask',
    summary: 'Change a task',
    description:
      'A JSON Merge Patch (RFC 7396): absent fields stay as they are, `null` removes a value. A request that changes nothing creates no revision.',
    parameters: [ifMatch, idempotencyKey],
    body: {
      required: true,
      mediaTypes: mergePatch,
      schema: ref('TaskChange'),
      examples: {
        rename: { title: 'Water the fern' },
        complete: { is_completed: true },
        clear: { description: null },
      },
    },
    fails: ['precondition_failed', 'storage_full'],
    answers: { 200: written(tagged('The changed task.')), 204: written(unseen) },
  },
  async handle(request, reply, context) {
    const id = taskId(request)
    requireMediaType(request, reply, mergePatch)
    const sent = changeIn(readJson(request))
    const own = ownTasks(request, context)
    const options = { revisions: expectedRevisions(request), keyed: keyedWrite(request) }
    const outcome = await (dependsOnTask(sent)
      ? own.edit(id, task => changeOf(task, sent), options)
      : own.update(id, sent.change, options))
    if (!outcome.isExpected) return sendChanged(request, reply, outcome.task)
    return sendWritten(request, reply, outcome)
  },
}

const remove: Route = {
  method: 'DELETE',
  path: `${at.path}/{id}`,
  operation: {
    id: 'removeTask',
    summary: 'Delete a task',
    description: 'Later requests for the task return 404.',
    parameters: [ifMatch, idempotencyKey],
    fails: ['precondition_failed'],
    answers: { 204: written({ description: 'The task is deleted.' }) },
  },
  async handle(request, reply, context) {
    const removed = await ownTasks(request, context).remove(taskId(request), {
      revisions: expectedRevisions(request),
      keyed: keyedWrite(request),
    })
    if (!removed.isExpected && removed.task) return sendChanged(request, reply, removed.task)
    noteChange(request, reply, removed)
    if (removed.isReplayed) reply.header('idempotent-replayed', 'true')
    return reply.code(204).send()
  },
}

const move: Route = {
  method: 'POST',
  path: `${at.path}/{id}/move`,
  operation: {
    id: 'moveTask',
    summary: 'Move a task',
    description:
      'Moves a task among its siblings, to another parent or to another list, with its descendants. `before` and `after` name a sibling there; without them the task comes last. Another list without `parent_id` clears the parent.',
    parameters: [idempotencyKey],
    body: {
      required: true,
      schema: ref('TaskPlace'),
      examples: { first: { after: null }, inbox: { list_id: null, parent_id: null } },
    },
    fails: ['change_too_large'],
    answers: { 200: written(tagged('The task.')), 204: written(unseen) },
  },
  async handle(request, reply, context) {
    const id = taskId(request)
    const place = placeIn(readJson(request), ['list_id', 'parent_id', 'before', 'after'])
    return sendWritten(
      request,
      reply,
      await ownTasks(request, context).move(id, place, { keyed: keyedWrite(request) }),
    )
  },
}

const restore: Route = {
  method: 'POST',
  path: `${at.path}/{id}/restore`,
  operation: {
    id: 'restoreTask',
    summary: 'Restore a task',
    description:
      'Restores a task from the trash, with the descendants that were deleted with it. It becomes the last child of its parent, or else the last task of its list, or else of the inbox. A task that is not in the trash does not change.',
    parameters: [idempotencyKey],
    fails: ['too_many_tasks', 'storage_full', 'change_too_large'],
    answers: { 200: written(tagged('The task.')), 204: written(unseen) },
  },
  async handle(request, reply, context) {
    const id = taskId(request)
    return sendWritten(
      request,
      reply,
      await ownTasks(request, context).restore(id, { keyed: keyedWrite(request) }),
    )
  },
}

export const v1: Contract = {
  name: 'v1',
  about:
    'Duly’s own API, for new clients: stable pagination under concurrent writes, conditional requests, idempotent writes.',
  ...problemShape,
  pathParameters: taskPathParameters,
  schemas: {
    ...taskSchemas,
    TaskPlace: placeSchemas.TaskPlace,
    TaskList: closed({
      tasks: { type: 'array', items: ref('ListedTask') },
      next_cursor: { type: ['string', 'null'] },
    }),
    ...problemSchemas,
  },
  routes: [list, create, get, change, remove, move, restore],
}

function sendWritten(request: FastifyRequest, reply: FastifyReply, outcome: Outcome): FastifyReply {
  if (outcome.isReplayed) reply.header('idempotent-replayed', 'true')
  noteChange(request, reply, outcome)
  if (maySee(request, outcome)) reply.header('etag', revisionTag(outcome.task.revision))
  return sendOutcome(request, reply, outcome)
}

/**
 * Sends 412 with the current task, so that the client needs no further request. A token without
 * `tasks:read` gets no task.
 */
function sendChanged(request: FastifyRequest, reply: FastifyReply, task: Task): FastifyReply {
  const { mayRead } = grantOf(request)
  const message = mayRead
    ? 'The task has changed since. Its current state is in `task`.'
    : 'The task has changed since. Read it with a token that has the scope tasks:read.'
  const error = new AppError('precondition_failed', message)
  const { status, headers, body } = errorAnswer(problemShape, error, placeOf(request))
  reply.code(status).headers(headers)
  if (!mayRead) return reply.send(body)
  return reply
    .header('etag', revisionTag(task.revision))
    .send(`${body.slice(0, -1)},"task":${wholeTaskJson(task)}}`)
}

/**
 * @throws AppError `unsupported_media_type`, with the accepted types in `Accept-Post` or
 * `Accept-Patch` (RFC 5789, 2.2)
 */
function requireMediaType(request: FastifyRequest, reply: FastifyReply, accepted: readonly string[]): void {
  const type = (request.headers['content-type'] ?? '').replace(/;.*$/s, '').trim().toLowerCase()
  if (accepted.includes(type)) return
  reply.header(request.method === 'POST' ? 'accept-post' : 'accept-patch', accepted.join(', '))
  throw new AppError('unsupported_media_type', `Send Content-Type: ${accepted.join(' or ')}.`)
}
