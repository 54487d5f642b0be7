import { clear, read, readAll, write } from './database.ts'
import { defaultSettings, state, update } from './store.ts'
import type { Effect, ItemType, List, Settings, Task, Write } from './types.ts'

// The user's tasks and lists on this device: what the server has said, and on top of it the writes
// that it has not confirmed yet.

export interface Change {
  readonly type: ItemType
  readonly id?: number
  readonly deleted?: boolean
  readonly task?: Task
  readonly list?: List
  readonly settings?: Settings
}

type Item = Task | List | Settings
interface Stored {
  readonly type: ItemType
  readonly id: number
  readonly item: Item
}

const confirmed = { task: new Map<number, Task>(), list: new Map<number, List>() }
let confirmedSettings: Settings | undefined

/** Ids that the server gave to items that were created here, by their first id. */
const realIds = new Map<number, number>()
const firstIds = new Map<number, number>()

export const realId = (id: number): number => realIds.get(id) ?? id
/** An id that stays the same when the server gives the item its own. */
export const stableId = (id: number): number => firstIds.get(id) ?? id

export async function loadReplica(): Promise<void> {
  for (const { type, id, item } of await readAll<Stored>('items')) keep({ type, id, [type]: item } as Change)
  const writes = await readAll<Write>('writes')
  writes.sort((a, b) => a.seq - b.seq)
  const isLoaded = (await read<string>('meta', 'since')) !== undefined
  update({ writes, isLoaded })
  showAll()
}

/** Takes over what the server says. */
export async function takeChanges(changes: readonly Change[]): Promise<void> {
  if (changes.length === 0) return
  const entries = changes.map(change => {
    keep(change)
    const { type, id = 0, deleted } = change
    const item = change[type]
    return [`${type}:${id}`, deleted || !item ? undefined : { type, id, item }] as const
  })
  for (const { type, id = 0 } of changes) show(type, id)
  update({ version: state.version + 1 })
  await write('items', entries)
}

export async function forgetConfirmed(): Promise<void> {
  confirmed.task.clear()
  confirmed.list.clear()
  await clear('items')
}

function keep({ type, id = 0, deleted, task, list, settings }: Change): void {
  if (type === 'settings') confirmedSettings = settings ?? confirmedSettings
  else if (deleted) confirmed[type].delete(id)
  else if (task) confirmed.task.set(id, task)
  else if (list) confirmed.list.set(id, list)
}

/** Shows everything again. */
export function showAll(): void {
  state.tasks.clear()
  state.lists.clear()
  for (const [id, task] of confirmed.task) state.tasks.set(id, task)
  for (const [id, list] of confirmed.list) state.lists.set(id, list)
  show('settings', 0)
  for (const { effects } of state.writes) showEffects(effects)
  update({ version: state.version + 1 })
}

export function showEffects(effects: readonly Effect[]): void {
  for (const { type, id } of effects) show(type, id)
  update({ version: state.version + 1 })
}

/** Shows an item as the server has it, with the writes that wait. */
function show(type: ItemType, id: number): void {
  const from: Item | undefined =
    type === 'settings' ? { ...defaultSettings, ...confirmedSettings } : confirmed[type].get(id)
  let shown = from
  for (const { effects, problem } of state.writes) {
    if (problem) continue
    for (const { type: one, id: other, set } of effects) {
      if (one !== type || other !== id) continue
      // What the server has deleted stays deleted. What was created here has a negative id.
      if (set === null) shown = undefined
      else if (shown || id < 0) shown = { ...shown, ...set } as Item
    }
  }
  if (type === 'settings') update({ settings: shown as Settings })
  else if (!shown) state[type === 'task' ? 'tasks' : 'lists'].delete(id)
  else if (type === 'task') state.tasks.set(id, shown as Task)
  else state.lists.set(id, shown as List)
}

/** The server's state of a task, without the writes that wait. */
export const confirmedTask = (id: number): Task | undefined => confirmed.task.get(id)

/** An item that was created here has got its id. Writes that wait for it use the new one. */
export function giveId(first: number, real: number): void {
  realIds.set(first, real)
  firstIds.set(real, first)
  for (const items of [state.tasks, state.lists] as Map<number, Task | List>[]) {
    const item = items.get(first)
    if (item) items.set(real, { ...item, id: real })
    items.delete(first)
  }
  for (const task of state.tasks.values()) {
    const { list_id, parent_id } = task
    if (list_id === first) state.tasks.set(task.id, { ...task, list_id: real })
    else if (parent_id === first) state.tasks.set(task.id, { ...task, parent_id: real })
  }
}
