import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import type { Task } from '../tasks/task.ts'
import { tasksOf } from '../tasks/tasks.ts'
import { type Contract, ownerCollections, refuseOtherMethods } from './contract.ts'
import { readJson } from './json-body.ts'
import { sendJson } from './json-reply.ts'
import { ownerJson, queryInteger, readChange, readNewTask, taskId } from './task-fields.ts'

// The `task-api` contract: pages with a total, partial PUT, PATCH …/complete to toggle.

const limits = { title: 500, description: 5000 }

export const taskApi: Contract = {
  statuses: {},
  errorBody: ({ message, problems }) =>
    problems.length > 1 ? { detail: message, errors: problems } : { detail: message },
  routes(scope, context) {
    for (const collection of ownerCollections) serve(scope, collection, context)
  },
}

function serve(scope: FastifyInstance, collection: string, { db }: Context): void {
  const one = `${collection}/:id`

  scope.get(collection, async (request, reply) => {
    const limit = queryInteger(request, 'limit', { min: 1, max: 1000, fallback: 50 })
    const offset = queryInteger(request, 'offset', { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 })
    const { tasks, total } = await tasksOf(db, request.userId).page(limit, offset)
    const owner = ownerJson(request.userId)
    const list = tasks.map(task => taskJson(task, owner)).join(',')
    const hasMore = offset + tasks.length < total
    return sendJson(
      reply,
      `{"tasks":[${list}],"total":${total},"limit":${limit},"offset":${offset},"has_more":${hasMore}}`,
    )
  })

  scope.post(collection, async (request, reply) => {
    const task = readNewTask(readJson(request), request.userId, limits)
    const created = await tasksOf(db, request.userId).create(task)
    return sendJson(reply.code(201), taskJson(created, ownerJson(request.userId)))
  })

  scope.get(one, async (request, reply) => {
    const task = await tasksOf(db, request.userId).get(taskId(request))
    return sendJson(reply, taskJson(task, ownerJson(request.userId)))
  })

  scope.put(one, async (request, reply) => {
    const id = taskId(request)
    const change = readChange(readJson(request), request.userId, limits, 'is_completed')
    const task = await tasksOf(db, request.userId).update(id, change)
    return sendJson(reply, taskJson(task, ownerJson(request.userId)))
  })

  scope.delete(one, async (request, reply) => {
    await tasksOf(db, request.userId).remove(taskId(request))
    return reply.code(204).send()
  })

  scope.patch(`${one}/complete`, async (request, reply) => {
    const task = await tasksOf(db, request.userId).toggle(taskId(request))
    return sendJson(reply, taskJson(task, ownerJson(request.userId)))
  })

  refuseOtherMethods(scope, collection, ['GET', 'POST'])
  refuseOtherMethods(scope, one, ['GET', 'PUT', 'DELETE'])
  refuseOtherMethods(scope, `${one}/complete`, ['PATCH'])
}

// Written out: a serializer that is handed a thousand tasks takes several times as long (bench/).
function taskJson(task: Task, owner: string): string {
  const { id, title, description, isCompleted, createdAt, updatedAt } = task
  return `{"id":${id},"title":${JSON.stringify(title)},"description":${JSON.stringify(description ?? '')},"is_completed":${isCompleted},"created_at":"${createdAt}","updated_at":"${updatedAt}","user_id":${owner}}`
}
