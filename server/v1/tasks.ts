import type { FastifyReply, FastifyRequest } from 'fastify'
import { grantOf } from '../auth/current-user.ts'
import { readChange, readNewTask, taskId } from '../contracts/task-fields.ts'
import { maySee, taskRoutes, unseen, type Wire } from '../contracts/task-routes.ts'
import { taskPathParameters } from '../contracts/task-schemas.ts'
import { AppError } from '../errors.ts'
import { expectedRevisions, ifMatch, ifNoneMatch, isKnown, revisionTag } from '../http/conditional.ts'
import { errorAnswer, placeOf } from '../http/error-reply.ts'
import { answerWrite, idempotencyKey, replayedHeader } from '../http/idempotent-write.ts'
import { readJson } from '../http/json-body.ts'
import { jsonMediaType, sendJson } from '../http/json-reply.ts'
import { ownLists, ownTasks } from '../http/own-tasks.ts'
import { problemSchemas, problemShape } from '../http/problem-reply.ts'
import type { Collection, Contract } from '../http/register.ts'
import type { Route } from '../http/route.ts'
import { type Answer, ref } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'
import type { KeptAnswer } from '../tasks/idempotency.ts'
import type { Task } from '../tasks/task.ts'
import { listParameters, listTag, nextPage, readListQuery, writeCursor } from './list-query.ts'

// The `v1` contract, always on, for new clients: keyset pages, conditional requests, idempotent writes, problem details.

/** A task as this contract shows it: all that it has. */
export const wholeTask = {
  shows: [
    'id',
    'title',
    'description',
    'is_completed',
    'completed_at',
    'created_at',
    'updated_at',
    'revision',
  ],
  completed: 'is_completed',
  absent: null,
} as const

const wire: Wire = {
  prefix: '',
  limits: { title: 500, description: 5000 },
  createsCompleted: true,
  ...wholeTask,
}
const tasks = taskRoutes(wire)
const at: Collection = { path: '/api/v1/tasks', noun: 'Task' }
const json = ['application/json'] as const
const mergePatch = ['application/merge-patch+json', 'application/json'] as const

const etag = { ETag: { description: 'The entity tag.', schema: { type: 'string' }, required: true } }
const tagged = (description: string): Answer => ({ ...tasks.one(description), headers: etag })
const written = (answer: Answer): Answer => ({ ...answer, headers: { ...answer.headers, ...replayedHeader } })
const unchanged: Answer = { description: 'You have it already.', headers: etag }

const list: Route = {
  method: 'GET',
  path: at.path,
  operation: {
    id: 'listTasks',
    summary: 'List tasks',
    description:
      'One page. `next_cursor` leads to the next, and is null on the last. No task is skipped or shown twice while others are added or removed.',
    parameters: [...listParameters, ifNoneMatch],
    answers: {
      200: {
        description: 'A page of the list.',
        schema: ref('TaskList'),
        example: { tasks: [tasks.example], next_cursor: null },
        headers: {
          ...etag,
          Link: { description: 'The address of the next page, as rel="next".', schema: { type: 'string' } },
        },
      },
      304: unchanged,
    },
  },
  async handle(request, reply, { db }) {
    const query = readListQuery(request)
    const own = ownLists(request, { db })
    reply.header('cache-control', 'private, no-cache')
    if (request.headers['if-none-match'] !== undefined) {
      // The owner's revision tells whether anything has changed, without a look at the tasks.
      const tag = listTag(request.userId, query, await own.state())
      if (isKnown(request, tag)) return reply.code(304).header('etag', tag).send()
    }
    const page = tasks.print(request, '{"tasks":[')
    const { state, next } = await own.list(query, page)
    reply.header('etag', listTag(request.userId, query, state))
    const cursor = next && writeCursor(query, next)
    if (cursor)
      reply.header('link', `<${nextPage(request.server.base + at.path, query, cursor)}>; rel="next"`)
    return sendJson(reply, page.take(`],"next_cursor":${JSON.stringify(cursor)}}`))
  },
}

const create: Route = {
  ...tasks.create(at),
  operation: {
    ...tasks.create(at).operation,
    parameters: [idempotencyKey],
    fails: ['too_many_tasks', 'storage_full', 'idempotency_key_reused', 'answer_dropped'],
    answers: {
      201: written({
        ...tagged('The new task.'),
        headers: {
          ...etag,
          Location: { description: 'Its address.', schema: { type: 'string' }, required: true },
        },
      }),
    },
  },
  handle(request, reply, context) {
    requireMediaType(request, reply, json)
    const task = readNewTask(readJson(request), request.userId, wire.limits, wire.completed)
    return answerWrite(request, reply, context, problemShape, async own => {
      const created = await own.create(task)
      const { headers, ...answer } = answerOf(created, 201)
      return {
        ...answer,
        headers: { ...headers, location: `${request.server.base}${at.path}/${created.id}` },
      }
    })
  },
}

const get: Route = {
  ...tasks.get(at),
  operation: {
    ...tasks.get(at).operation,
    parameters: [ifNoneMatch],
    answers: { 200: tagged('The task.'), 304: unchanged },
  },
  async handle(request, reply, context) {
    const task = await ownTasks(request, context).get(taskId(request))
    const tag = revisionTag(task.revision)
    reply.header('etag', tag).header('cache-control', 'private, no-cache')
    return isKnown(request, tag) ? reply.code(304).send() : tasks.send(request, reply, task)
  },
}

const change: Route = {
  ...tasks.change(at, 'PATCH'),
  operation: {
    ...tasks.change(at, 'PATCH').operation,
    description:
      'A JSON Merge Patch (RFC 7396): what is absent stays, `null` clears the description. A change that changes nothing is none.',
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
    fails: ['precondition_failed', 'storage_full', 'idempotency_key_reused', 'answer_dropped'],
    answers: { 200: written(tagged('The task as it is now.')), 204: written(unseen) },
  },
  handle(request, reply, context) {
    const id = taskId(request)
    requireMediaType(request, reply, mergePatch)
    const fields = readChange(readJson(request), request.userId, wire.limits, wire.completed)
    const expected = expectedRevisions(request)
    return answerWrite(request, reply, context, problemShape, async own => {
      const outcome = expected ? await own.updateIf(id, fields, expected) : await own.change(id, fields)
      if (!outcome.matched) return hasChanged(request, outcome.task)
      return maySee(request, outcome) ? answerOf(outcome.task, 200) : noContent
    })
  },
}

const remove: Route = {
  ...tasks.remove(at),
  operation: {
    ...tasks.remove(at).operation,
    parameters: [ifMatch, idempotencyKey],
    fails: ['precondition_failed', 'idempotency_key_reused', 'answer_dropped'],
    answers: { 204: written({ description: 'It is deleted.' }) },
  },
  handle(request, reply, context) {
    const id = taskId(request)
    const expected = expectedRevisions(request)
    return answerWrite(request, reply, context, problemShape, async own => {
      if (!expected) await own.remove(id)
      const outcome = expected && (await own.removeIf(id, expected))
      return outcome?.matched === false ? hasChanged(request, outcome.task) : noContent
    })
  },
}

export const v1: Contract = {
  name: 'v1',
  about:
    'Duly’s own contract, for new clients: pages that hold still, conditional requests, writes that can be retried.',
  ...problemShape,
  pathParameters: taskPathParameters,
  schemas: {
    ...tasks.schemas,
    TaskList: closed({
      tasks: { type: 'array', items: ref('Task') },
      next_cursor: { type: ['string', 'null'] },
    }),
    ...problemSchemas,
  },
  routes: [list, create, get, change, remove],
}

function answerOf(task: Task, status: number): KeptAnswer {
  const headers = { 'content-type': jsonMediaType, etag: revisionTag(task.revision) }
  return { status, headers, body: tasks.json(task, '') }
}

const noContent: KeptAnswer = { status: 204, headers: {}, body: '' }

/** 412, with the task as it is now, so that the client can decide without another call. A token without `tasks:read` gets no task. */
function hasChanged(request: FastifyRequest, task: Task): KeptAnswer {
  const { mayRead } = grantOf(request)
  const message = mayRead
    ? 'The task has changed since. Its current state is in `task`.'
    : 'The task has changed since. Read it with a token that has the scope tasks:read.'
  const error = new AppError('precondition_failed', message)
  const { status, headers, body } = errorAnswer(problemShape, error, placeOf(request))
  if (!mayRead) return { status, headers, body }
  return {
    status,
    headers: { ...headers, etag: revisionTag(task.revision) },
    body: `${body.slice(0, -1)},"task":${tasks.json(task, '')}}`,
  }
}

/** @throws AppError `unsupported_media_type`, with what would be read in `Accept-Post` or `Accept-Patch` (RFC 5789, 2.2) */
function requireMediaType(request: FastifyRequest, reply: FastifyReply, accepted: readonly string[]): void {
  const type = (request.headers['content-type'] ?? '').replace(/;.*$/s, '').trim().toLowerCase()
  if (accepted.includes(type)) return
  reply.header(request.method === 'POST' ? 'accept-post' : 'accept-patch', accepted.join(', '))
  throw new AppError('unsupported_media_type', `Send Content-Type: ${accepted.join(' or ')}.`)
}
