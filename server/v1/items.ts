import type { FastifyRequest } from 'fastify'
import { grantOf } from '../auth/current-user.ts'
import { wholeTaskJson } from '../contracts/task-json.ts'
import { ref, type Schema } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'
import type { ListRow, TaskRow } from '../tasks/change/rows.ts'
import type { Done } from '../tasks/change/run.ts'
import { listJson } from './list-wire.ts'

// The items of a change, as JSON of a response.

export interface ItemName {
  readonly type: 'task' | 'list'
  readonly id: number
}

/**
 * The items after a change, as JSON. A token without `tasks:read` sees only those that the change
 * has written.
 */
export function itemsJson(request: FastifyRequest, done: Done<readonly ItemName[]>): string {
  const { mayRead } = grantOf(request)
  return done.result.map(item => itemJson(done, item, mayRead)).join()
}

function itemJson({ change, revision }: Done<unknown>, { type, id }: ItemName, mayRead: boolean): string {
  const item = (type === 'task' ? change.tasks : change.lists).get(id)?.now
  if (item?.deleted_at !== null) return JSON.stringify({ type, id, deleted: true })
  if (!mayRead && item.revision !== revision) return JSON.stringify({ type, id, deleted: false })
  // Tasks and lists are in maps of their own.
  return type === 'task'
    ? `{"task":${wholeTaskJson(item as TaskRow)}}`
    : `{"list":${listJson(item as ListRow)}}`
}

export const itemSchema: Schema = {
  anyOf: [
    closed({ task: ref('Task') }),
    closed({ list: ref('ChangedList') }),
    closed({ type: { enum: ['task', 'list'] }, id: { type: 'integer' }, deleted: { type: 'boolean' } }),
  ],
}
