import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import { AppError, brokenRules, type ErrorCode } from '../errors.ts'
import type { Task } from '../tasks/task.ts'
import { tasksOf } from '../tasks/tasks.ts'
import { type Contract, ownerCollections, refuseOtherMethods } from './contract.ts'
import { type JsonObject, readJson } from './json-body.ts'
import { sendTasks } from './json-reply.ts'
import { ownerJson, readChange, taskId } from './task-fields.ts'
import { taskHandlers, type Wire } from './task-handlers.ts'

// The `stage-2` contract: whole lists with a count, PUT of the whole task, PATCH of a part; the flag is `complete`.

const wire: Wire = { limits: { title: 200, description: 1000 }, completed: 'complete', taskJson }

const codes: Readonly<Partial<Record<ErrorCode, string>>> = {
  token_missing: 'AUTH_MISSING',
  token_invalid: 'AUTH_INVALID',
  not_your_path: 'AUTH_FORBIDDEN',
  task_not_found: 'NOT_FOUND',
  route_not_found: 'NOT_FOUND',
  database_away: 'DATABASE_ERROR',
  keys_away: 'INTERNAL_ERROR',
  shutting_down: 'INTERNAL_ERROR',
  internal: 'INTERNAL_ERROR',
}

export const stage2: Contract = {
  statuses: { database_away: 500 },
  errorBody: ({ code, message, problems }) => ({
    detail: message,
    error_code: codes[code] ?? 'VALIDATION_ERROR',
    timestamp: new Date().toISOString(),
    ...(problems.length > 1 ? { errors: problems } : {}),
  }),
  routes(scope, context) {
    for (const collection of ownerCollections) serve(scope, collection, context)
  },
}

function serve(scope: FastifyInstance, collection: string, { db }: Context): void {
  const one = `${collection}/:id`

  scope.get(collection, (request, reply) => {
    const owner = ownerJson(request.userId)
    return sendTasks(reply, tasksOf(db, request.userId).batches(), {
      head: '{"tasks":[',
      tail: count => `],"count":${count}}`,
      task: task => taskJson(task, owner),
    })
  })

  const tasks = taskHandlers(db, wire)
  scope.post(collection, tasks.create)
  scope.get(one, tasks.get)
  scope.delete(one, tasks.remove)

  scope.put(one, async (request, reply) => {
    const id = taskId(request)
    const whole = readWhole(readJson(request), request.userId)
    return tasks.send(request, reply, await tasksOf(db, request.userId).update(id, whole))
  })

  scope.patch(one, async (request, reply) => {
    const id = taskId(request)
    const change = readChange(readJson(request), request.userId, wire.limits, wire.completed)
    if (Object.keys(change).length === 0) {
      throw new AppError('nothing_to_change', 'Send at least one of title, description and complete.')
    }
    return tasks.send(request, reply, await tasksOf(db, request.userId).update(id, change))
  })

  refuseOtherMethods(scope, collection, ['GET', 'POST'])
  refuseOtherMethods(scope, one, ['GET', 'PUT', 'PATCH', 'DELETE'])
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

function taskJson(task: Task, owner: string): string {
  const { id, title, description, isCompleted, createdAt, updatedAt } = task
  return `{"id":${id},"user_id":${owner},"title":${JSON.stringify(title)},"description":${JSON.stringify(description)},"complete":${isCompleted},"created_at":"${createdAt}","updated_at":"${updatedAt}"}`
}
