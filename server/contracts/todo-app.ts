import { fieldErrors, fieldErrorsSchema } from '../http/field-errors.ts'
import { sendJson, sendTasks } from '../http/json-reply.ts'
import { ownLists, ownTasks } from '../http/own-tasks.ts'
import { type Collection, type Contract, ownerCollections } from '../http/register.ts'
import type { Route } from '../http/route.ts'
import { ref } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'
import { taskId } from './task-fields.ts'
import { taskRoutes, type Wire } from './task-routes.ts'
import { taskPathParameters } from './task-schemas.ts'

// The `todo-app` contract: bare lists, partial PUT, PATCH …/complete to toggle; the flag is `completed`.

const wire: Wire = {
  prefix: 'TodoApp',
  limits: { title: 255, description: 1000 },
  completed: 'completed',
  absent: null,
  shows: ['id', 'user_id', 'title', 'description', 'completed', 'created_at', 'updated_at'],
}
const tasks = taskRoutes(wire)

const list = ({ path, noun }: Collection): Route => ({
  method: 'GET',
  path,
  operation: {
    id: `list${noun}s`,
    summary: 'List every task, newest first',
    description: 'The whole list, as a bare array.',
    answers: {
      200: { description: 'The whole list.', schema: ref('TodoAppList'), example: [tasks.example] },
    },
  },
  handle(request, reply, context) {
    const list = tasks.print(request, '[')
    const batches = ownLists(request, context).batches(list)
    return sendTasks(request, reply, context, list, batches, () => ']')
  },
})

const remove = (at: Collection): Route => ({
  ...tasks.remove(at),
  operation: {
    ...tasks.remove(at).operation,
    answers: {
      200: {
        description: 'It is deleted.',
        schema: closed({ success: { const: true } }),
        example: { success: true },
      },
    },
  },
  async handle(request, reply, context) {
    await ownTasks(request, context).remove(taskId(request))
    return sendJson(reply, '{"success":true}')
  },
})

export const todoApp: Contract = {
  name: 'todo-app',
  about: 'Bare lists; the flag is `completed`; `PUT` changes what is sent, `PATCH …/complete` flips.',
  statuses: { broken_rule: 400, not_json: 400 },
  errorSchema: ref('TodoAppError'),
  errorBody: error => ({ error: error.message, ...fieldErrors(error) }),
  pathParameters: taskPathParameters,
  schemas: {
    ...tasks.schemas,
    TodoAppList: { type: 'array', items: ref('TodoAppTask') },
    TodoAppError: {
      type: 'object',
      required: ['error'],
      properties: { error: { type: 'string' }, errors: fieldErrorsSchema },
      additionalProperties: false,
    },
  },
  routes: ownerCollections.flatMap(at => [
    list(at),
    tasks.create(at),
    tasks.get(at),
    tasks.change(at, 'PUT'),
    remove(at),
    tasks.toggle(at),
  ]),
}
