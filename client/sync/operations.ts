import type { ChangedList, ListChange, ListPlace, NewList } from '../lists.ts'
import type { components } from '../schema.ts'
import type { NewTask, Task, TaskChange, TaskPlace } from '../tasks.ts'

export type Settings = components['schemas']['Settings']
export type SettingsChange = components['schemas']['SettingsChange']

/**
 * A change of one item, as in a batch. Items that are created here have a temporary id, which is
 * negative, until the server has given them their own.
 */
export type SyncOperation =
  | { readonly op: 'create'; readonly id: number; readonly task: NewTask }
  | { readonly op: 'update'; readonly id: number; readonly changes: TaskChange }
  | ({ readonly op: 'move'; readonly id: number } & TaskPlace)
  | { readonly op: 'delete' | 'restore'; readonly id: number }
  | { readonly op: 'create_list'; readonly id: number; readonly list: NewList }
  | { readonly op: 'update_list'; readonly id: number; readonly changes: ListChange }
  | ({ readonly op: 'move_list'; readonly id: number } & ListPlace)
  | { readonly op: 'delete_list'; readonly id: number; readonly move_tasks_to?: number | 'inbox' | undefined }
  | { readonly op: 'restore_list'; readonly id: number }
  | { readonly op: 'settings'; readonly changes: SettingsChange }
  | { readonly op: 'undo'; readonly change: string }

export type ItemType = 'task' | 'list' | 'settings'
export type Item = Task | ChangedList | Settings

export const typeOf = ({ op }: SyncOperation): ItemType =>
  op === 'settings' ? op : op.endsWith('_list') ? 'list' : 'task'

/** The key of an item in the copy, such as `task:7`. */
export const keyOf = (type: ItemType, id: number): string => `${type}:${id}`

/** A new temporary id. Random, since tabs make them without asking each other. */
export const newId = (): number => -1 - Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)

/** A random key. `crypto.randomUUID` exists only with HTTPS. */
export const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('')

export const isCreation = (one: SyncOperation) => one.op === 'create' || one.op === 'create_list'

const idNames = ['id', 'list_id', 'parent_id', 'before', 'after', 'move_tasks_to']
const partNames = ['task', 'changes', 'set']

/** Replaces temporary ids. `metadata` belongs to the user and is left alone. */
export function mapIds<T extends object>(from: T, to: (id: number) => unknown): T {
  const mapped = { ...from } as Record<string, unknown>
  for (const name of idNames) {
    const id = mapped[name]
    if (typeof id === 'number' && id < 0) mapped[name] = to(id)
  }
  for (const name of partNames) {
    const part = mapped[name]
    if (typeof part === 'object' && part !== null) mapped[name] = mapIds(part, to)
  }
  return mapped as T
}

/** @throws TypeError for an id that is none, or a creation without a temporary id */
export function checkIds(operations: readonly SyncOperation[]): void {
  for (const one of operations) {
    if (one.op === 'settings' || one.op === 'undo') continue
    if (Number.isSafeInteger(one.id) && !(isCreation(one) && one.id >= 0)) continue
    throw new TypeError(`sync: ${JSON.stringify(one.id)} is not an id for "${one.op}".`)
  }
}
