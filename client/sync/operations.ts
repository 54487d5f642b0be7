import type { ChangedList, ListChange, ListPlace, NewList } from '../lists.ts'
import type { components } from '../schema.ts'
import type { NewTask, Task, TaskChange, TaskPlace } from '../tasks.ts'
import type { Call } from '../transport.ts'

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

/** The temporary ids that operations need from the server before they can be sent. */
export function missingIds(operations: readonly SyncOperation[]): Set<number> {
  const ids = new Set<number>()
  for (const one of operations) mapIds(one, id => ids.add(id))
  for (const one of operations) if (isCreation(one)) ids.delete(one.id)
  return ids
}

/** @throws TypeError if an operation has an id that is not one */
export function checkIds(operations: readonly SyncOperation[]): void {
  for (const one of operations) {
    const { id = 1 } = one as { id?: unknown }
    if (!Number.isSafeInteger(id)) throw new TypeError(`sync: ${JSON.stringify(id)} is not an id.`)
  }
}

/** One operation has a route of its own, several are a batch. */
export function requestOf(
  operations: readonly SyncOperation[],
): Pick<Call, 'method' | 'path' | 'query' | 'json'> {
  const [one] = operations
  const base = '/api/v1'
  if (!one || operations.length > 1)
    return { method: 'POST', path: `${base}/batch`, json: { operations: withRefs(operations) } }
  if (one.op === 'undo') return { method: 'POST', path: `${base}/undo`, json: { change: one.change } }
  if (one.op === 'settings') return { method: 'PATCH', path: `${base}/settings`, json: one.changes }
  const path = `${base}/${typeOf(one)}s`
  if ('task' in one) return { method: 'POST', path, json: one.task }
  if ('list' in one) return { method: 'POST', path, json: one.list }
  const { op, id, ...rest } = one
  const item = `${path}/${id}`
  if ('changes' in rest) return { method: 'PATCH', path: item, json: rest.changes }
  switch (op) {
    case 'delete':
      return { method: 'DELETE', path: item }
    case 'delete_list':
      return {
        method: 'DELETE',
        path: item,
        query: { move_tasks_to: 'move_tasks_to' in rest ? rest.move_tasks_to : undefined },
      }
    case 'move':
    case 'move_list':
      return { method: 'POST', path: `${item}/move`, json: rest }
    default:
      return { method: 'POST', path: `${item}/restore` }
  }
}

function withRefs(operations: readonly SyncOperation[]): object[] {
  const refs = new Map<number, string>()
  return operations.map((one, n) => {
    const { id, ...rest } = mapIds(one, from => refs.get(from) ?? from) as SyncOperation & { id: number }
    if (!isCreation(one)) return { id, ...rest }
    refs.set(one.id, `$${n}`)
    return { ...rest, ref: String(n) }
  })
}
