import { AppError, brokenRules } from '../../errors.ts'
import { type ListChange, maxLists, type NewList } from '../list-fields.ts'
import { byPosition, positionBetween, positionsBetween } from '../position.ts'
import type { Change } from './change.ts'
import { sweepList } from './list-sweeps.ts'
import { type ListRow, reserveIds } from './rows.ts'

// Operations on lists. An owner has few, so all of them are read.

/** @throws AppError `too_many_lists` */
export async function createList(change: Change, given: NewList): Promise<ListRow> {
  await change.loadLists()
  checkCount(change)
  const [id] = (await reserveIds(change.db, 'list', 1)) as [number]
  const made: ListRow = {
    id,
    name: given.name,
    color: given.color ?? null,
    is_archived: given.is_archived ?? false,
    position: change.append(),
    created_at: change.at,
    updated_at: change.at,
    revision: change.revision,
    deleted_at: null,
  }
  change.lists.set(id, { before: undefined, now: made, isWhole: true })
  return made
}

export async function updateList(change: Change, id: number, values: ListChange): Promise<ListRow> {
  await change.loadLists()
  change.getList(id)
  return change.setList(id, values)
}

/**
 * Moves a list to the trash with its tasks, or after moving its tasks to another list.
 * @param to the list that gets the tasks; null is the inbox
 */
export async function removeList(change: Change, id: number, to?: number | null): Promise<ListRow> {
  await change.loadLists()
  change.getList(id)
  if (to !== undefined && to !== null && (to === id || !change.findList(to)))
    throw brokenRules([{ field: 'move_tasks_to', message: `There is no other list with the id ${to}.` }])
  if (to === undefined) await removeTasksOf(change, id)
  else {
    for (const { now: task } of change.tasks.values()) {
      if (task.list_id !== id || task.deleted_at !== null) continue
      const position = task.parent_id === null ? { position: change.append() } : {}
      change.setTask(task.id, { list_id: to, ...position })
    }
    change.sweeps.push({ kind: 'move', list: id, to })
  }
  return change.setList(id, { deleted_at: change.at })
}

/** Moves the tasks of a list that moves to the trash there. */
export const removeTasksOf = (change: Change, list: number): Promise<void> =>
  sweepList(change, { kind: 'trash', list, deletedAt: change.at })

/**
 * Restores a list, with the tasks that were deleted with it, as the last list.
 * @throws AppError `list_not_found`, `too_many_lists`
 */
export async function restoreList(change: Change, id: number): Promise<ListRow> {
  await change.loadLists()
  const list = change.lists.get(id)?.now
  if (!list) throw new AppError('list_not_found', 'There is no such list.')
  if (list.deleted_at === null) return list
  checkCount(change)
  await restoreTasksOf(change, list)
  return change.setList(id, { deleted_at: null, position: change.append() })
}

/** Restores the tasks that were deleted with a list in the trash. */
export async function restoreTasksOf(change: Change, { id, deleted_at: deletedAt }: ListRow): Promise<void> {
  if (deletedAt === null) return
  await sweepList(change, { kind: 'restore', list: id, deletedAt })
}

/**
 * Moves a list before or after another one. `before: null` is the end (the default), `after: null`
 * the start.
 */
export async function moveList(
  change: Change,
  id: number,
  { before, after }: { readonly before?: number | null; readonly after?: number | null },
): Promise<ListRow> {
  await change.loadLists()
  const list = change.getList(id)
  if (before !== undefined && after !== undefined)
    throw brokenRules([{ field: 'after', message: 'Send "before" or "after", not both.' }])
  const others = inOrder(change).filter(other => other.id !== id)
  const placeOf = (field: 'before' | 'after', other: number) => {
    const place = others.findIndex(one => one.id === other)
    if (place < 0) throw brokenRules([{ field, message: `There is no other list with the id ${other}.` }])
    return place
  }
  const place =
    typeof before === 'number'
      ? placeOf('before', before)
      : typeof after === 'number'
        ? placeOf('after', after) + 1
        : after === null
          ? 0
          : others.length
  if (inOrder(change).findIndex(one => one.id === id) === place) return list
  if (place === others.length) return change.setList(id, { position: change.append() })
  const [low, high] = [others[place - 1]?.position ?? null, others[place]?.position ?? null]
  const position = positionBetween(low, high)
  if (position !== undefined) return change.setList(id, { position })
  // There is no room for another position. Lists are few, so all get new ones.
  const order = others.toSpliced(place, 0, list)
  const positions = positionsBetween(null, change.end, order.length) ?? []
  for (const [n, one] of order.entries()) {
    const tracked = change.lists.get(one.id)
    if (tracked && tracked.before === tracked.now) tracked.isRebalanced = one.id !== id
    change.setList(one.id, { position: positions[n] ?? one.position })
  }
  return change.getList(id)
}

function inOrder(change: Change): ListRow[] {
  return [...change.lists.values()]
    .flatMap(({ now }) => (now.deleted_at === null ? [now] : []))
    .sort(byPosition)
}

function checkCount(change: Change): void {
  const count = [...change.lists.values()].filter(({ now }) => now.deleted_at === null).length
  if (count >= maxLists)
    throw new AppError('too_many_lists', `You have ${maxLists} lists, the maximum. Delete one first.`)
}
