import type { FastifyRequest } from 'fastify'
import { grantOf } from '../auth/current-user.ts'
import type { Context } from '../context.ts'
import type { Reader } from '../db/database.ts'
import { type TaskLists, taskListsOf } from '../tasks/task-lists.ts'
import { type Outcome, type Tasks, tasksOf } from '../tasks/tasks.ts'

// Routes call these, never `tasksOf` or `taskListsOf`, so that none forgets the limits or the
// request's grant.

/** The caller's tasks. Each write checks again that the caller may make it, and the quota. */
export function ownTasks(
  { userId, grant }: FastifyRequest,
  { db, quota }: Pick<Context, 'db' | 'quota'>,
): Tasks {
  return tasksOf(db, userId, { quota, guard: grant, actor: grant?.actor })
}

/** The caller as a reader of lists, whose reads end when the client disconnects. */
export const readerOf = (request: FastifyRequest): Reader => ({
  isGone: () => request.raw.socket.destroyed,
  guard: request.grant,
})

/** The caller's tasks, for lists. Reads that wait are dropped when the client disconnects. */
export function ownLists(request: FastifyRequest, { db }: Pick<Context, 'db'>): TaskLists {
  return taskListsOf(db, request.userId, readerOf(request))
}

/** Whether the caller may see the task that a write returns. */
export function maySee(request: FastifyRequest, { isChanged }: Pick<Outcome, 'isChanged'>): boolean {
  return isChanged || grantOf(request).mayRead
}
