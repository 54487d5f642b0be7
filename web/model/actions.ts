import type { SyncOperation } from '../../client/sync/operations.ts'
import type { NewTask, TaskChange, TaskPlace } from '../../client/tasks.ts'
import { t } from '../texts/texts.ts'
import { childrenOf, type Enqueued, enqueue, newId, realId } from './copy.ts'
import { state, update } from './store.ts'
import type { Task } from './types.ts'
import { record } from './undo.ts'

// The user's actions on tasks and lists. Each is one write of `v1`, shown at once.

export type Fields = TaskChange

/** Creates a task at the top of its list, or as the last child of its parent. @returns its id */
export function createTask(task: NewTask): number {
  const id = newId()
  const { list_id = null, parent_id = null } = task
  const isFirst = parent_id === null && childrenOf(null, list_id).length > 0
  const create: SyncOperation = { op: 'create', id, task }
  // A new task is the last one of its list; a second operation moves it to the top.
  act(isFirst ? [create, { op: 'move', id, after: null }] : [create], t().added(task.title))
  return id
}

/** Changes one task. A text that another device has changed is not overwritten. */
export function changeTask(given: number, changes: Fields, label: string): void {
  const id = realId(given)
  if (state.tasks.has(id)) act([{ op: 'update', id, changes }], label)
}

/** Changes several tasks in one change, or in several beyond a hundred. */
export function changeTasks(ids: Iterable<number>, fields: Fields | ((task: Task) => Fields), label: string) {
  const fieldsOf = typeof fields === 'function' ? fields : () => fields
  act(
    tasksOf(ids).map(task => ({ op: 'update', id: task.id, changes: fieldsOf(task) })),
    label,
  )
}

export function completeTask(task: Task, is_completed = !task.is_completed): void {
  const label = is_completed ? t().completedTask(task.title) : t().reopenedTask(task.title)
  changeTask(task.id, { is_completed }, label)
}

/** Moves tasks to the trash, with their subtasks. */
export function deleteTasks(ids: Iterable<number>): void {
  const tasks = tasksOf(ids)
  const [first] = tasks
  if (!first) return
  // A subtask is deleted with its parent.
  const chosen = new Set(tasks.map(({ id }) => id))
  const roots = tasks.filter(task => !ancestorsOf(task).some(id => chosen.has(id)))
  act(
    roots.map(({ id }) => ({ op: 'delete', id })),
    tasks.length === 1 ? t().deletedTask(first.title) : t().deletedTasks(tasks.length),
  )
  update({ selected: new Set() })
}

/** Moves a task among its siblings, to another parent, or to another list. */
export const moveTask = ({ id, title }: Task, place: TaskPlace, label = t().movedTask(title)): void =>
  act([{ ...place, op: 'move', id }], label)

export function createList(name: string): number {
  const id = newId()
  act([{ op: 'create_list', id, list: { name } }], t().addedList(name))
  return id
}

/** Executes operations as one change, or several beyond a hundred, which can be undone. */
export function act(operations: readonly SyncOperation[], label: string): void {
  const writes: Enqueued[] = []
  for (let at = 0; at < operations.length; at += 100)
    writes.push(enqueue(operations.slice(at, at + 100), label))
  if (writes.length > 0) record(label, writes)
}

const tasksOf = (ids: Iterable<number>): Task[] => [...ids].flatMap(id => state.tasks.get(realId(id)) ?? [])

function ancestorsOf(task: Task): number[] {
  const ids: number[] = []
  for (let at = task.parent_id; at !== null; at = state.tasks.get(at)?.parent_id ?? null) ids.push(at)
  return ids
}
