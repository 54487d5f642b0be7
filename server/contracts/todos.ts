import type { ErrorCode } from '../errors.ts'
import { datedError, datedErrorSchema } from '../http/dated-error.ts'
import { sendTasks } from '../http/json-reply.ts'
import { ownLists } from '../http/own-tasks.ts'
import type { Collection, Contract } from '../http/register.ts'
import type { Route } from '../http/route.ts'
import { ref } from '../openapi/operation.ts'
import { countSchema } from '../openapi/schemas.ts'
import { queryInteger } from './task-fields.ts'
import { taskRoutes, type Wire } from './task-routes.ts'
import { taskPathParameters } from './task-schemas.ts'

// The `todos` contract, always on: paths without an owner, who is never shown; bare lists with skip and limit.

const wire: Wire = {
  prefix: 'Todos',
  limits: { title: 254, description: 999 },
  completed: 'is_completed',
  absent: null,
  createsCompleted: true,
  shows: ['id', 'title', 'description', 'is_completed', 'created_at', 'updated_at'],
}
const tasks = taskRoutes(wire)
const at: Collection = { path: '/api/v1/todos', noun: 'Todo' }
const most = Number.MAX_SAFE_INTEGER

const codes: Readonly<Partial<Record<ErrorCode, string>>> = {
  token_missing: 'UNAUTHORIZED',
  token_invalid: 'UNAUTHORIZED',
  task_not_found: 'TODO_NOT_FOUND',
  database_away: 'SERVICE_UNAVAILABLE',
  database_full: 'SERVICE_UNAVAILABLE',
  outcome_unknown: 'SERVICE_UNAVAILABLE',
  keys_away: 'SERVICE_UNAVAILABLE',
  // Its list has no word for it: this one is tried again.
  too_many_requests: 'SERVICE_UNAVAILABLE',
  busy: 'SERVICE_UNAVAILABLE',
  internal: 'INTERNAL_ERROR',
}

const list: Route = {
  method: 'GET',
  path: at.path,
  operation: {
    id: 'listTodos',
    summary: 'List todos, newest first',
    description: 'A bare array: all of it, or what `skip` and `limit` leave of it.',
    parameters: [
      {
        name: 'skip',
        in: 'query',
        description: 'How many to leave out first.',
        schema: { ...countSchema, maximum: most, default: 0 },
        example: 0,
      },
      {
        name: 'limit',
        in: 'query',
        description: 'Todos at most; all of them where it is left out.',
        schema: { type: 'integer', minimum: 1, maximum: most },
        example: 20,
      },
    ],
    answers: {
      200: {
        description: 'The list, or what was asked for of it.',
        schema: ref('TodosList'),
        example: [tasks.example],
      },
    },
  },
  handle(request, reply, context) {
    const skip = queryInteger(request, 'skip', { min: 0, max: most, fallback: 0 })
    const limit = queryInteger(request, 'limit', { min: 1, max: most, fallback: most })
    const list = tasks.print(request, '[')
    const batches = ownLists(request, context).batches(list, {
      skip,
      limit,
    })
    return sendTasks(request, reply, context, list, batches, () => ']')
  },
}

export const todos: Contract = {
  name: 'todos',
  about: 'Todos of the token’s owner, who is never shown: bare lists, `PUT` changes what is sent.',
  statuses: { broken_rule: 400, not_json: 400 },
  errorSchema: ref('TodosError'),
  errorBody: datedError(codes, 'BAD_REQUEST'),
  pathParameters: taskPathParameters,
  schemas: {
    ...tasks.schemas,
    TodosList: { type: 'array', items: ref('TodosTask') },
    TodosError: datedErrorSchema(codes, 'BAD_REQUEST'),
  },
  routes: [list, tasks.create(at), tasks.get(at), tasks.change(at, 'PUT'), tasks.remove(at)],
}
