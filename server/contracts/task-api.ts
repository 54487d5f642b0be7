import { fieldErrors, fieldErrorsSchema } from '../http/field-errors.ts'
import { sendJson } from '../http/json-reply.ts'
import { ownLists } from '../http/own-tasks.ts'
import { type Collection, type Contract, ownerCollections } from '../http/register.ts'
import type { Route } from '../http/route.ts'
import { ref } from '../openapi/operation.ts'
import { closed, countSchema } from '../openapi/schemas.ts'
import { queryInteger } from './task-fields.ts'
import { taskRoutes, type Wire } from './task-routes.ts'
import { taskPathParameters } from './task-schemas.ts'

// The `task-api` contract: pages with a total, partial PUT, PATCH …/complete to toggle.

const wire: Wire = {
  prefix: 'TaskApi',
  limits: { title: 500, description: 5000 },
  completed: 'is_completed',
  absent: '',
  shows: ['id', 'title', 'description', 'is_completed', 'created_at', 'updated_at', 'user_id'],
}
const tasks = taskRoutes(wire)
const limits = { min: 1, max: 1000, fallback: 50 }
const offsets = { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 }

const list = ({ path, noun }: Collection): Route => ({
  method: 'GET',
  path,
  operation: {
    id: `list${noun}s`,
    summary: 'List tasks, newest first',
    description: 'One page, with the number of all tasks.',
    parameters: [
      {
        name: 'limit',
        in: 'query',
        description: 'Tasks at most.',
        schema: { type: 'integer', minimum: limits.min, maximum: limits.max, default: limits.fallback },
        example: 20,
      },
      {
        name: 'offset',
        in: 'query',
        description: 'How many to leave out first.',
        schema: { ...countSchema, maximum: offsets.max, default: 0 },
        example: 0,
      },
    ],
    answers: {
      200: {
        description: 'One page of the list.',
        schema: ref('TaskApiList'),
        example: { tasks: [tasks.example], total: 1, limit: 20, offset: 0, has_more: false },
      },
    },
  },
  async handle(request, reply, { db }) {
    const limit = queryInteger(request, 'limit', limits)
    const offset = queryInteger(request, 'offset', offsets)
    const page = tasks.print(request, '{"tasks":[')
    const total = await ownLists(request, { db }).page(limit, offset, page)
    const hasMore = offset + page.count < total
    const tail = `],"total":${total},"limit":${limit},"offset":${offset},"has_more":${hasMore}}`
    return sendJson(reply, page.take(tail))
  },
})

export const taskApi: Contract = {
  name: 'task-api',
  about: 'Tasks in pages with a total; `PUT` changes what is sent, `PATCH …/complete` flips.',
  statuses: {},
  errorSchema: ref('TaskApiError'),
  errorBody: error => ({ detail: error.message, ...fieldErrors(error) }),
  pathParameters: taskPathParameters,
  schemas: {
    ...tasks.schemas,
    TaskApiList: closed({
      tasks: { type: 'array', items: ref('TaskApiTask') },
      total: countSchema,
      limit: countSchema,
      offset: countSchema,
      has_more: { type: 'boolean' },
    }),
    TaskApiError: {
      type: 'object',
      required: ['detail'],
      properties: { detail: { type: 'string' }, errors: fieldErrorsSchema },
      additionalProperties: false,
    },
  },
  routes: ownerCollections.flatMap(at => [
    list(at),
    tasks.create(at),
    tasks.get(at),
    tasks.change(at, 'PUT'),
    tasks.remove(at),
    tasks.toggle(at),
  ]),
}
