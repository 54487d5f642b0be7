import { AppError, brokenRules, type ErrorCode } from '../errors.ts'
import { datedError, datedErrorSchema } from '../http/dated-error.ts'
import { type JsonObject, readJson } from '../http/json-body.ts'
import { sendTasks } from '../http/json-reply.ts'
import { ownLists, ownTasks } from '../http/own-tasks.ts'
import { type Collection, type Contract, ownerCollections } from '../http/register.ts'
import type { Route } from '../http/route.ts'
import { ref } from '../openapi/operation.ts'
import { closed, countSchema, sent } from '../openapi/schemas.ts'
import { readChange, taskId } from './task-fields.ts'
import { taskRoutes, unseen, type Wire } from './task-routes.ts'
import { completedSchema, descriptionSchema, taskPathParameters, titleSchema } from './task-schemas.ts'

// The `stage-2` contract: whole lists with a count, PUT of the whole task, PATCH of a part; the flag is `complete`.

const wire: Wire = {
  prefix: 'Stage2',
  limits: { title: 200, description: 1000 },
  completed: 'complete',
  absent: null,
  shows: ['id', 'user_id', 'title', 'description', 'complete', 'created_at', 'updated_at'],
}
const tasks = taskRoutes(wire)

const codes: Readonly<Partial<Record<ErrorCode, string>>> = {
  token_missing: 'AUTH_MISSING',
  token_invalid: 'AUTH_INVALID',
  not_your_path: 'AUTH_FORBIDDEN',
  task_not_found: 'NOT_FOUND',
  route_not_found: 'NOT_FOUND',
  database_away: 'DATABASE_ERROR',
  database_full: 'DATABASE_ERROR',
  outcome_unknown: 'DATABASE_ERROR',
  keys_away: 'INTERNAL_ERROR',
  // Its list has no word for it: this one is tried again.
  too_many_requests: 'INTERNAL_ERROR',
  busy: 'INTERNAL_ERROR',
  internal: 'INTERNAL_ERROR',
}

const list = ({ path, noun }: Collection): Route => ({
  method: 'GET',
  path,
  operation: {
    id: `list${noun}s`,
    summary: 'List every task, newest first',
    description: 'The whole list, with its length.',
    answers: {
      200: {
        description: 'The whole list.',
        schema: ref('Stage2List'),
        example: { tasks: [tasks.example], count: 1 },
      },
    },
  },
  handle(request, reply, context) {
    const list = tasks.print(request, '{"tasks":[')
    const batches = ownLists(request, context).batches(list)
    return sendTasks(request, reply, context, list, batches, count => `],"count":${count}}`)
  },
})

const replace = ({ path, noun }: Collection): Route => ({
  method: 'PUT',
  path: `${path}/{id}`,
  operation: {
    id: `replace${noun}`,
    summary: 'Replace a task',
    description: 'A description that is not sent is not kept.',
    body: {
      required: true,
      schema: ref('Stage2WholeTask'),
      examples: { whole: { title: 'Water the fern', description: 'Twice', complete: true } },
    },
    fails: ['storage_full'],
    answers: { 200: tasks.one('The task as it is now.'), 204: unseen },
  },
  async handle(request, reply, context) {
    const id = taskId(request)
    const whole = readWhole(readJson(request), request.userId)
    return tasks.sendChange(request, reply, await ownTasks(request, context).change(id, whole))
  },
})

const change = (at: Collection): Route => {
  const usual = tasks.change(at, 'PATCH')
  return {
    ...usual,
    operation: { ...usual.operation, fails: ['nothing_to_change', 'storage_full'] },
    async handle(request, reply, context) {
      const id = taskId(request)
      const fields = readChange(readJson(request), request.userId, wire.limits, wire.completed)
      if (Object.keys(fields).length === 0) {
        throw new AppError('nothing_to_change', 'Send at least one of title, description and complete.')
      }
      return tasks.sendChange(request, reply, await ownTasks(request, context).change(id, fields))
    },
  }
}

/** A whole task: what is not sent is not kept. */
function readWhole(body: JsonObject, owner: string) {
  const missing = ['title', 'complete'].filter(field => body[field] === undefined)
  if (missing.length > 0) {
    throw brokenRules(
      missing.map(field => ({ field, message: `${field} is required: PUT replaces the whole task.` })),
    )
  }
  return { description: null, ...readChange(body, owner, wire.limits, wire.completed) }
}

export const stage2: Contract = {
  name: 'stage-2',
  about: 'Whole lists with a count; the flag is `complete`; `PUT` replaces, `PATCH` changes what is sent.',
  statuses: { database_away: 500, database_full: 500, outcome_unknown: 500 },
  errorSchema: ref('Stage2Error'),
  errorBody: datedError(codes, 'VALIDATION_ERROR'),
  pathParameters: taskPathParameters,
  schemas: {
    ...tasks.schemas,
    Stage2WholeTask: sent(
      {
        title: titleSchema(wire.limits),
        description: descriptionSchema(wire.limits, null),
        complete: completedSchema,
      },
      ['title', 'complete'],
    ),
    Stage2List: closed({ tasks: { type: 'array', items: ref('Stage2Task') }, count: countSchema }),
    Stage2Error: datedErrorSchema(codes, 'VALIDATION_ERROR'),
  },
  routes: ownerCollections.flatMap(at => [
    list(at),
    tasks.create(at),
    tasks.get(at),
    replace(at),
    change(at),
    tasks.remove(at),
  ]),
}
