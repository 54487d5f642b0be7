import type { ChangedList } from '../lists.ts'
import type { Task } from '../tasks.ts'
import type { Item, ItemType, SyncOperation } from './operations.ts'
import { between, byPosition } from './positions.ts'

/** What a write does to one item, until the server has confirmed it. `null` removes the item. */
export interface Effect {
  readonly type: ItemType
  readonly id: number
  readonly set: Readonly<Record<string, unknown>> | null
  readonly isNew?: boolean
}

/** Tasks and lists as they are shown. */
export interface View {
  readonly tasks: ReadonlyMap<number, Task>
  readonly lists: ReadonlyMap<number, ChangedList>
  childrenOf(parent: number | null, list: number | null): readonly Task[]
  preview(effects: readonly Effect[]): void
  reset(effects: readonly Effect[]): void
}

/** All tasks below a task. Two devices may have moved tasks into each other. */
function descendantsOf(view: View, id: number, seen = new Set([id])): Task[] {
  const children = view.childrenOf(id, null).filter(task => !seen.has(task.id))
  for (const child of children) seen.add(child.id)
  return children.flatMap(child => [child, ...descendantsOf(view, child.id, seen)])
}

/** An item with an effect. What does not exist is not changed. */
export function withEffect(item: Item | undefined, { set, isNew }: Effect): Item | undefined {
  if (set === null || !(item || isNew)) return undefined
  const { metadata } = set
  // Like Item: the server checks what an application has written.
  const changed = { ...item, ...set } as Task
  if (item && metadata !== undefined) {
    const merged = metadata === null ? {} : { ...(item as Task).metadata, ...metadata }
    const kept = Object.entries(merged).filter(([, value]) => value !== null)
    return { ...changed, metadata: Object.fromEntries(kept) }
  }
  return changed
}

/** What operations do to the items of a view, which is left as it is. */
export function effectsOf(operations: readonly SyncOperation[], view: View): Effect[] {
  const effects: Effect[] = []
  let last: Effect[] = []
  try {
    for (const one of operations) {
      // Each operation starts from what those before it have made.
      view.preview(last)
      last = effectsOfOne(one, view)
      effects.push(...last)
    }
  } finally {
    if (operations.length > 1) view.reset(effects)
  }
  return effects
}

function effectsOfOne(one: SyncOperation, view: View): Effect[] {
  const { tasks, lists } = view
  switch (one.op) {
    case 'create': {
      const { id, task } = one
      const made = { ...emptyTask, ...stamps(), ...task, id }
      const set = { ...made, ...completion(task), ...placeOf(made, {}, view) }
      return [{ type: 'task', id, set, isNew: true }]
    }
    case 'update': {
      const { id, changes } = one
      const task = tasks.get(id)
      if (!task) return []
      const set = { ...changes, ...completion(changes) }
      const { list_id = task.list_id, parent_id = task.parent_id } = changes
      if (list_id === task.list_id && parent_id === task.parent_id) return [{ type: 'task', id, set }]
      return moved(task, changes, view, set)
    }
    case 'move': {
      const task = tasks.get(one.id)
      return task ? moved(task, one, view) : []
    }
    case 'delete':
      return [{ id: one.id }, ...descendantsOf(view, one.id)].map(({ id }) => ({
        type: 'task',
        id,
        set: null,
      }))
    case 'create_list': {
      const set = { color: null, is_archived: false, ...one.list, id: one.id, ...stamps(), ...lastOf(lists) }
      return [{ type: 'list', id: one.id, set, isNew: true }]
    }
    case 'update_list':
      return [{ type: 'list', id: one.id, set: { ...one.changes } }]
    case 'move_list': {
      const others = [...lists.values()].sort(byPosition)
      return [{ type: 'list', id: one.id, set: { position: positionIn(others, one, one.id) } }]
    }
    case 'delete_list': {
      const { move_tasks_to: to } = one
      const set = to === undefined ? null : { list_id: to === 'inbox' ? null : to }
      const inside = [...tasks.values()].filter(task => task.list_id === one.id)
      return [
        { type: 'list', id: one.id, set: null },
        ...inside.map(({ id }): Effect => ({ type: 'task', id, set })),
      ]
    }
    case 'settings':
      return [{ type: 'settings', id: 0, set: { ...one.changes } }]
    case 'restore':
    case 'restore_list':
    case 'undo':
      return []
    default:
      throw new TypeError(`sync: there is no operation ${JSON.stringify(one satisfies never)}.`)
  }
}

/** Until the server has set them. */
const stamps = () => {
  const now = new Date().toISOString()
  return { created_at: now, updated_at: now, revision: 0 }
}
const emptyTask = {
  title: '',
  description: null,
  is_completed: false,
  completed_at: null,
  list_id: null,
  parent_id: null,
  position: '',
  priority: null,
  tags: [],
  start: null,
  due: null,
  deadline: null,
  estimate_minutes: null,
  metadata: {},
}

const completion = ({ is_completed: is }: { is_completed?: boolean }) =>
  is === undefined ? {} : { completed_at: is ? new Date().toISOString() : null }

interface Siblings {
  readonly before?: number | null
  readonly after?: number | null
}
interface Place extends Siblings {
  readonly list_id?: number | null
  readonly parent_id?: number | null
}

function moved(task: Task, place: Place, view: View, set: object = {}): Effect[] {
  const to = placeOf(task, place, view)
  const below = to.list_id === task.list_id ? [] : descendantsOf(view, task.id)
  return [
    { type: 'task', id: task.id, set: { ...set, ...to } },
    ...below.map(({ id }): Effect => ({ type: 'task', id, set: { list_id: to.list_id } })),
  ]
}

function placeOf(task: Task, place: Place, view: View) {
  const toList = place.list_id !== undefined && place.list_id !== task.list_id
  const parent_id = place.parent_id === undefined ? (toList ? null : task.parent_id) : place.parent_id
  const parent = parent_id === null ? undefined : view.tasks.get(parent_id)
  const list_id = parent ? parent.list_id : place.list_id === undefined ? task.list_id : place.list_id
  const siblings = view.childrenOf(parent_id, list_id)
  return { list_id, parent_id, position: positionIn(siblings, place, task.id) }
}

/** @param moving the id of the one that is placed, which may be among its siblings */
function positionIn(
  siblings: readonly { id: number; position: string }[],
  { before, after }: Siblings,
  moving?: number,
): string {
  const indexOf = (wanted: number) => siblings.findIndex(({ id }) => id === wanted)
  const found =
    after === null ? 0 : after != null ? indexOf(after) + 1 : before != null ? indexOf(before) : -1
  const index = found < 0 ? siblings.length : found
  const neighbour = (at: number, step: number) =>
    siblings[siblings[at]?.id === moving ? at + step : at]?.position
  return between(neighbour(index - 1, -1), neighbour(index, 1))
}

const lastOf = (lists: View['lists']) => ({ position: positionIn([...lists.values()].sort(byPosition), {}) })
