import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import type { Task } from '../tasks/task.ts'
import { tasksOf } from '../tasks/tasks.ts'
import { type Contract, ownerCollections, refuseOtherMethods } from './contract.ts'
import { sendJson } from './json-reply.ts'
import { ownerJson, queryInteger } from './task-fields.ts'
import { taskHandlers, type Wire } from './task-handlers.ts'

// The `task-api` contract: pages with a total, partial PUT, PATCH …/complete to toggle.

const wire: Wire = { limits: { title: 500, description: 5000 }, completed: 'is_completed', taskJson }

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

  const tasks = taskHandlers(db, wire)
  scope.post(collection, tasks.create)
  scope.get(one, tasks.get)
  scope.put(one, tasks.change)
  scope.delete(one, tasks.remove)
  scope.patch(`${one}/complete`, tasks.toggle)

  refuseOtherMethods(scope, collection, ['GET', 'POST'])
  refuseOtherMethods(scope, one, ['GET', 'PUT', 'DELETE'])
  refuseOtherMethods(scope, `${one}/complete`, ['PATCH'])
}

// Written out: a list of a thousand tasks is the call that spends most on its JSON.
function taskJson(task: Task, owner: string): string {
  const { id, title, description, isCompleted, createdAt, updatedAt } = task
  return `{"id":${id},"title":${JSON.stringify(title)},"description":${JSON.stringify(description ?? '')},"is_completed":${isCompleted},"created_at":"${createdAt}","updated_at":"${updatedAt}","user_id":${owner}}`
}
