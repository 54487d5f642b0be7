import { wholeTaskJson } from '../contracts/task-json.ts'
import { ref, type Schema } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'
import type { Change } from '../tasks/change/change.ts'
import { listJson } from './list-wire.ts'

// Items that one change has touched, as answers show them.

export interface ItemName {
  readonly type: 'task' | 'list'
  readonly id: number
}

/** An item as a change left it, as JSON. */
export function itemJson({ tasks, lists }: Change, { type, id }: ItemName): string {
  if (type === 'task') {
    const task = tasks.get(id)?.now
    if (task?.deleted_at === null) return `{"task":${wholeTaskJson(task)}}`
  } else {
    const list = lists.get(id)?.now
    if (list?.deleted_at === null) return `{"list":${listJson(list)}}`
  }
  return JSON.stringify({ type, id, deleted: true })
}

export const itemSchema: Schema = {
  anyOf: [
    closed({ task: ref('Task') }),
    closed({ list: ref('ChangedList') }),
    closed({ type: { enum: ['task', 'list'] }, id: { type: 'integer' }, deleted: { const: true } }),
  ],
}
