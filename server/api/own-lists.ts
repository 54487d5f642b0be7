import type { FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import { type Tasks, tasksOf } from '../tasks/tasks.ts'

/** The caller's tasks, for lists: what waits is not read once the client has closed its connection. */
export function ownLists(request: FastifyRequest, { db }: Pick<Context, 'db'>): Tasks {
  return tasksOf(db, request.userId, undefined, request.grant, () => request.raw.socket.destroyed)
}
