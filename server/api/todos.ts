import type { ErrorCode } from '../errors.ts'
import type { Task } from '../tasks/task.ts'
import { tasksOf } from '../tasks/tasks.ts'
import { type Contract, refuseOtherMethods } from './contract.ts'
import { readJson } from './json-body.ts'
import { sendTasks } from './json-reply.ts'
import { queryInteger, readChange, readNewTask } from './task-fields.ts'
import { taskHandlers, type Wire } from './task-handlers.ts'

// The `todos` contract, always on: paths without an owner, who is never shown; bare lists with skip and limit.

const wire: Wire = { limits: { title: 254, description: 999 }, completed: 'is_completed', taskJson }
const collection = '/api/v1/todos'
const one = `${collection}/:id`

const codes: Readonly<Partial<Record<ErrorCode, string>>> = {
  token_missing: 'UNAUTHORIZED',
  token_invalid: 'UNAUTHORIZED',
  task_not_found: 'TODO_NOT_FOUND',
  database_away: 'SERVICE_UNAVAILABLE',
  keys_away: 'SERVICE_UNAVAILABLE',
  shutting_down: 'SERVICE_UNAVAILABLE',
  internal: 'INTERNAL_ERROR',
}

export const todos: Contract = {
  statuses: { broken_rule: 400, not_json: 400 },
  errorBody: ({ code, message, problems }) => ({
    detail: message,
    error_code: codes[code] ?? 'BAD_REQUEST',
    timestamp: new Date().toISOString(),
    ...(problems.length > 1 ? { errors: problems } : {}),
  }),

  routes(scope, { db }) {
    scope.get(collection, (request, reply) => {
      const skip = queryInteger(request, 'skip', { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 })
      const most = Number.MAX_SAFE_INTEGER
      const limit = queryInteger(request, 'limit', { min: 1, max: most, fallback: most })
      const shape = { head: '[', tail: () => ']', task: taskJson }
      return sendTasks(reply, tasksOf(db, request.userId).batches({ skip, limit }), shape)
    })

    const tasks = taskHandlers(db, wire)
    scope.get(one, tasks.get)
    scope.put(one, tasks.change)
    scope.delete(one, tasks.remove)

    scope.post(collection, async (request, reply) => {
      const body = readJson(request)
      const task = readNewTask(body, request.userId, wire.limits)
      const flag = { [wire.completed]: body[wire.completed] }
      const { isCompleted = false } = readChange(flag, request.userId, wire.limits, wire.completed)
      return tasks.send(
        request,
        reply.code(201),
        await tasksOf(db, request.userId).create({ ...task, isCompleted }),
      )
    })

    refuseOtherMethods(scope, collection, ['GET', 'POST'])
    refuseOtherMethods(scope, one, ['GET', 'PUT', 'DELETE'])
  },
}

function taskJson(task: Task): string {
  const { id, title, description, isCompleted, createdAt, updatedAt } = task
  return `{"id":${id},"title":${JSON.stringify(title)},"description":${JSON.stringify(description)},"is_completed":${isCompleted},"created_at":"${createdAt}","updated_at":"${updatedAt}"}`
}
