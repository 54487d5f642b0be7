import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import type { Task } from '../tasks/task.ts'
import { tasksOf } from '../tasks/tasks.ts'
import { type Contract, ownerCollections, refuseOtherMethods } from './contract.ts'
import { sendJson, sendTasks } from './json-reply.ts'
import { ownerJson, taskId } from './task-fields.ts'
import { taskHandlers, type Wire } from './task-handlers.ts'

// The `todo-app` contract: bare lists, partial PUT, PATCH …/complete to toggle; the flag is `completed`.

const wire: Wire = { limits: { title: 255, description: 1000 }, completed: 'completed', taskJson }

export const todoApp: Contract = {
  statuses: { broken_rule: 400, not_json: 400 },
  errorBody: ({ message, problems }) =>
    problems.length > 1 ? { error: message, errors: problems } : { error: message },
  routes(scope, context) {
    for (const collection of ownerCollections) serve(scope, collection, context)
  },
}

function serve(scope: FastifyInstance, collection: string, { db }: Context): void {
  const one = `${collection}/:id`

  scope.get(collection, (request, reply) => {
    const owner = ownerJson(request.userId)
    const shape = { head: '[', tail: () => ']', task: (task: Task) => taskJson(task, owner) }
    return sendTasks(reply, tasksOf(db, request.userId).batches(), shape)
  })

  const tasks = taskHandlers(db, wire)
  scope.post(collection, tasks.create)
  scope.get(one, tasks.get)
  scope.put(one, tasks.change)
  scope.patch(`${one}/complete`, tasks.toggle)

  scope.delete(one, async (request, reply) => {
    await tasksOf(db, request.userId).remove(taskId(request))
    return sendJson(reply, '{"success":true}')
  })

  refuseOtherMethods(scope, collection, ['GET', 'POST'])
  refuseOtherMethods(scope, one, ['GET', 'PUT', 'DELETE'])
  refuseOtherMethods(scope, `${one}/complete`, ['PATCH'])
}

function taskJson(task: Task, owner: string): string {
  const { id, title, description, isCompleted, createdAt, updatedAt } = task
  return `{"id":${id},"user_id":${owner},"title":${JSON.stringify(title)},"description":${JSON.stringify(description)},"completed":${isCompleted},"created_at":"${createdAt}","updated_at":"${updatedAt}"}`
}
