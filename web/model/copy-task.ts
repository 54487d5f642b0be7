import type { SyncOperation } from '../../client/sync/operations.ts'
import { tl } from '../texts/later-texts.ts'
import { act } from './actions.ts'
import { childrenOf, newId } from './copy.ts'
import type { Task } from './types.ts'

/** Copies a task with its open subtasks. */
export function duplicateTask(task: Task): void {
  const operations: SyncOperation[] = []
  const copy = (from: Task, parent_id: number | null): number => {
    const id = newId()
    const { title, description, priority, tags, start, due, deadline, estimate_minutes, list_id } = from
    const fields = { title, description, priority, tags, start, due, deadline, estimate_minutes, list_id }
    operations.push({ op: 'create', id, task: { ...fields, parent_id } })
    for (const child of childrenOf(from.id, from.list_id))
      if (!child.is_completed && operations.length < 99) copy(child, id)
    return id
  }
  operations.push({ op: 'move', id: copy(task, task.parent_id), after: task.id })
  act(operations, tl().duplicatedTask(task.title))
}
