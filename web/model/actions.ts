import { t } from '../texts/texts.ts'
import { enqueue, newId } from './outbox.ts'
import { between, byPosition } from './positions.ts'
import { realId } from './replica.ts'
import { state, update } from './store.ts'
import type { Effect, Task } from './types.ts'
import { record } from './undo.ts'
import { childrenOf, descendantsOf } from './views.ts'

// What the user can do to tasks and lists. Each action is one write of `v1`, shown at once.

export type Fields = Partial<
  Pick<
    Task,
    | 'title'
    | 'description'
    | 'is_completed'
    | 'priority'
    | 'tags'
    | 'start'
    | 'due'
    | 'deadline'
    | 'estimate_minutes'
    | 'list_id'
    | 'parent_id'
  >
>

/** Creates a task at the top of its list, or as the last child of its parent. @returns its id */
export function createTask(fields: Fields & { readonly title: string }): number {
  const id = newId()
  const { list_id = null, parent_id = null } = fields
  const siblings = childrenOf(parent_id, list_id)
  const position =
    parent_id === null
      ? between(undefined, siblings[0]?.position)
      : between(siblings.at(-1)?.position, undefined)
  const task = { ...emptyTask, ...fields, id, list_id, parent_id, position }
  const create = { op: 'create', ref: 'a', task: fields }
  // A new task is the last one of its list; a second operation moves it up.
  const json =
    parent_id === null && siblings.length > 0
      ? { operations: [create, { op: 'move', id: '$a', after: null }] }
      : { operations: [create] }
  const label = t().added(fields.title)
  const effects: Effect[] = [{ type: 'task', id, set: task }]
  record(label, [enqueue({ method: 'POST', path: '/batch', json, effects, label })])
  return id
}

export const emptyTask = {
  title: '',
  description: null,
  is_completed: false,
  completed_at: null,
  priority: null,
  tags: [],
  start: null,
  due: null,
  deadline: null,
  estimate_minutes: null,
  metadata: {},
  created_at: new Date().toISOString(),
  updated_at: new Date().toISOString(),
  revision: 0,
}

/** Changes one task. A change of text is sent only if nobody else has changed the same text. */
export function changeTask(id: number, fields: Fields, label: string): void {
  const task = state.tasks.get(realId(id))
  if (!task) return
  const isText = 'title' in fields || 'description' in fields
  const basedOn = Object.fromEntries(Object.keys(fields).map(name => [name, task[name as keyof Fields]]))
  const key = enqueue({
    method: 'PATCH',
    path: `/tasks/${task.id}`,
    json: fields,
    effects: [{ type: 'task', id: task.id, set: { ...fields } }],
    label,
    ...(isText && task.id > 0 && { basedOn }),
  })
  record(label, [key])
}

/** Changes several tasks in one change, or more where there are over a hundred. */
export function changeTasks(ids: Iterable<number>, fields: Fields | ((task: Task) => Fields), label: string) {
  const tasks = [...ids].flatMap(id => state.tasks.get(realId(id)) ?? [])
  const fieldsOf = typeof fields === 'function' ? fields : () => fields
  batch(
    tasks.map(task => ({
      operation: { op: 'update', id: task.id, changes: fieldsOf(task) },
      effects: [{ type: 'task', id: task.id, set: { ...fieldsOf(task) } }],
    })),
    label,
  )
}

export function completeTask(task: Task, is_completed = !task.is_completed): void {
  const label = is_completed ? t().completedTask(task.title) : t().reopenedTask(task.title)
  changeTask(task.id, { is_completed }, label)
}

/** Moves tasks to the trash, with their subtasks. */
export function deleteTasks(ids: Iterable<number>): void {
  const tasks = [...ids].flatMap(id => state.tasks.get(realId(id)) ?? [])
  const [first] = tasks
  if (!first) return
  const removed = (task: Task): Effect[] =>
    [task, ...descendantsOf(task.id)].map(({ id }) => ({ type: 'task', id, set: null }))
  const label = tasks.length === 1 ? t().deletedTask(first.title) : t().deletedTasks(tasks.length)
  // A subtask goes with its parent.
  const chosen = new Set(tasks.map(({ id }) => id))
  const roots = tasks.filter(task => !ancestorsOf(task).some(id => chosen.has(id)))
  if (tasks.length === 1) {
    const path = `/tasks/${first.id}`
    record(label, [enqueue({ method: 'DELETE', path, effects: removed(first), label })])
  } else {
    batch(
      roots.map(task => ({ operation: { op: 'delete', id: task.id }, effects: removed(task) })),
      label,
    )
  }
  update({ selected: new Set() })
}

interface Place {
  readonly list_id?: number | null
  readonly parent_id?: number | null
  readonly before?: number | null
  readonly after?: number | null
}

/** Moves a task among its siblings, to another parent, or to another list. */
export function moveTask(task: Task, place: Place, label = t().movedTask(task.title)): void {
  const parent_id = place.parent_id === undefined ? task.parent_id : place.parent_id
  const parent = parent_id === null ? undefined : state.tasks.get(parent_id)
  const list_id = parent?.list_id ?? (place.list_id === undefined ? task.list_id : place.list_id)
  const siblings = childrenOf(parent_id, list_id).filter(({ id }) => id !== task.id)
  const index =
    place.after === null
      ? 0
      : place.after !== undefined
        ? siblings.findIndex(({ id }) => id === place.after) + 1
        : place.before != null
          ? siblings.findIndex(({ id }) => id === place.before)
          : siblings.length
  const position = between(siblings[index - 1]?.position, siblings[index]?.position)
  const effects: Effect[] = [{ type: 'task', id: task.id, set: { list_id, parent_id, position } }]
  for (const { id } of descendantsOf(task.id)) effects.push({ type: 'task', id, set: { list_id } })
  const path = `/tasks/${task.id}/move`
  record(label, [enqueue({ method: 'POST', path, json: place, effects, label })])
}

interface Operation {
  readonly operation: object
  readonly effects: readonly Effect[]
}

function batch(all: readonly Operation[], label: string): void {
  const keys: string[] = []
  for (let at = 0; at < all.length; at += 100) {
    const part = all.slice(at, at + 100)
    const json = { operations: part.map(({ operation }) => operation) }
    const effects = part.flatMap(one => one.effects)
    keys.push(enqueue({ method: 'POST', path: '/batch', json, effects, label }))
  }
  if (keys.length > 0) record(label, keys)
}

export function createList(name: string): number {
  const id = newId()
  const last = [...state.lists.values()].sort(byPosition).at(-1)
  const position = between(last?.position, undefined)
  const set = { id, name, color: null, position, is_archived: false, revision: 0 }
  const label = t().addedList(name)
  record(label, [
    enqueue({ method: 'POST', path: '/lists', json: { name }, effects: [{ type: 'list', id, set }], label }),
  ])
  return id
}

function ancestorsOf(task: Task): number[] {
  const ids: number[] = []
  for (let at = task.parent_id; at !== null; at = state.tasks.get(at)?.parent_id ?? null) ids.push(at)
  return ids
}
