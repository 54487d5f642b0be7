import type { Task } from '../tasks.ts'
import type { Copy, Write } from './copy.ts'
import { fieldsOf, valuesIn } from './fields.ts'
import { type Item, isCreation, keyOf, mapIds, type SyncOperation, typeOf } from './operations.ts'
import type { Entry } from './store.ts'

interface Result {
  readonly task?: Item
  readonly list?: Item
  readonly type?: 'task' | 'list'
  readonly id?: number
}
type Answer = Item | { readonly results: readonly Result[] }

const isNewer = (item: Item, known: Item | undefined): boolean =>
  !known || !('revision' in known) || ('revision' in item && item.revision >= known.revision)

/** The entries to save for an item from the server: none if the copy has a later revision. */
export const itemEntries = (copy: Copy, key: string, item: Item): Entry[] =>
  isNewer(item, copy.base.get(key)) ? [[key, item]] : []

/**
 * The entries to save when the server has done a write. The response to a repeated request can be
 * older than the copy: it then adds and removes no item. `/changes` returns what is missing.
 */
export function confirmed(copy: Copy, done: Write, answer: Answer | undefined, isReplay: boolean): Entry[] {
  const entries: Entry[] = [[`write:${done.key}`, undefined]]
  const ids = new Map<number, number>()
  const items = new Map<string, Item>()
  for (const [n, result] of resultsOf(done, answer).entries()) {
    const item = result.task ?? result.list
    const id = item && 'id' in item ? item.id : result.id
    const operation = done.operations[n]
    if (id !== undefined && operation && isCreation(operation) && 'id' in operation) ids.set(operation.id, id)
    if (item) items.set(id === undefined ? 'settings:0' : keyOf(result.task ? 'task' : 'list', id), item)
    else if (result.type && id !== undefined && !isReplay) entries.push([keyOf(result.type, id), undefined])
  }
  for (const [first, real] of ids) entries.push([`id:${first}`, real])
  for (const [key, item] of items)
    if (!isReplay || (copy.base.has(key) && key !== 'settings:0'))
      entries.push(...itemEntries(copy, key, item))
  if (answer === undefined && !isReplay)
    for (const key of deletedBy(copy, done)) entries.push([key, undefined])
  for (const other of copy.writes) {
    const next = other === done ? other : rebased(withIds(other, ids), done, items)
    if (next !== other) entries.push([`write:${other.key}`, next])
  }
  return entries
}

/**
 * What a deletion removes from the copy. Not what it removed from the view: others may have moved
 * tasks out meanwhile.
 */
function deletedBy({ base }: Copy, { operations: [one] }: Write): string[] {
  if (one?.op !== 'delete' && one?.op !== 'delete_list') return []
  const keys = [keyOf(typeOf(one), one.id)]
  const tasks = [...base.values()].filter(item => 'parent_id' in item)
  const isInside = (task: Task, id: number) =>
    one.op === 'delete_list' ? task.list_id === id && one.move_tasks_to === undefined : task.parent_id === id
  const add = (id: number) => {
    for (const task of tasks.filter(it => isInside(it, id))) {
      keys.push(keyOf('task', task.id))
      if (one.op !== 'delete_list') add(task.id)
    }
  }
  add(one.id)
  return keys
}

/** The results of operations, whether they were sent alone or as a batch. */
function resultsOf({ operations: [one] }: Write, answer: Answer | undefined): readonly Result[] {
  if (!answer || !one) return []
  if ('results' in answer) return answer.results
  return [typeOf(one) === 'list' ? { list: answer } : { task: answer }]
}

/** Another write, with the ids that the server gave to items that were created here. */
function withIds(write: Write, ids: ReadonlyMap<number, number>): Write {
  let isChanged = false
  const to = (id: number) => {
    const real = ids.get(id)
    if (real !== undefined) isChanged = true
    return real ?? id
  }
  const operations = write.operations.map(one => mapIds(one, to))
  const effects = write.effects.map(one => mapIds(one, to))
  return isChanged ? { ...write, operations, effects } : write
}

/** A later update of the same item starts from what this write has made of it. */
function rebased(write: Write, done: Write, items: ReadonlyMap<string, Item>): Write {
  const [update] = write.operations
  if (!update || write.problem || write.operations.length > 1) return write
  if (update.op !== 'update' && update.op !== 'update_list') return write
  const item = items.get(keyOf(typeOf(update), update.id))
  if (!item) return write
  const written = writtenBy(done.operations)
  const names = Object.keys(fieldsOf(update.changes)).filter(name => !written || written.has(name))
  return names.length === 0 ? write : { ...write, base: { ...write.base, ...valuesIn(item, names) } }
}

/** The fields that operations have written; undefined if it may be any. */
function writtenBy(operations: readonly SyncOperation[]): Set<string> | undefined {
  if (!operations.every(one => one.op === 'update' || one.op === 'update_list')) return undefined
  return new Set(operations.flatMap(({ changes }) => Object.keys(fieldsOf(changes))))
}
