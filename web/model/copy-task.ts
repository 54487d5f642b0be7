import { t } from '../texts/texts.ts'
import { emptyTask } from './actions.ts'
import { enqueue, newId } from './outbox.ts'
import type { Effect, Task } from './types.ts'
import { record } from './undo.ts'
import { childrenOf } from './views.ts'

const editable = [
  'title',
  'description',
  'priority',
  'tags',
  'start',
  'due',
  'deadline',
  'estimate_minutes',
] as const

/** A copy, with the open subtasks. */
export function duplicateTask(task: Task): void {
  const operations: object[] = []
  const effects: Effect[] = []
  const copy = (from: Task, parent: { ref?: string; id: number | null }) => {
    if (operations.length >= 100) return
    const ref = `t${operations.length}`
    const id = newId()
    const fields = Object.fromEntries(editable.map(name => [name, from[name]]))
    const under = parent.ref === undefined ? parent.id : `$${parent.ref}`
    operations.push({ op: 'create', ref, task: { ...fields, list_id: from.list_id, parent_id: under } })
    const set = {
      ...emptyTask,
      ...fields,
      id,
      list_id: from.list_id,
      parent_id: parent.id,
      position: from.position,
    }
    effects.push({ type: 'task', id, set })
    for (const child of childrenOf(from.id, from.list_id)) if (!child.is_completed) copy(child, { ref, id })
  }
  copy(task, { id: task.parent_id })
  if (operations.length < 100) operations.push({ op: 'move', id: '$t0', after: task.id })
  const label = t().duplicatedTask(task.title)
  record(label, [enqueue({ method: 'POST', path: '/batch', json: { operations }, effects, label })])
}
