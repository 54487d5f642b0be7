import { AppError, brokenRules } from '../../errors.ts'
import type { Field } from '../../fields/field.ts'
import { type NewTask, type TaskChange, tasks } from '../fields.ts'
import { changedFields, checkOrder } from '../rules.ts'
import { derivedTimes } from '../when.ts'
import type { Change } from './change.ts'
import { isIn, placeBeside, type Scope } from './places.ts'
import type { TaskRow } from './rows.ts'

// Operations on a task that also read its relatives. Each loads the tasks that the change lacks.

/** Maximum number of levels of tasks, including the top level. */
export const maxLevels = 8

/** Where to move a task. Absent values do not change. */
export interface Move {
  readonly list_id?: number | null
  readonly parent_id?: number | null
  /** The sibling that it precedes; null for the last place. */
  readonly before?: number | null
  /** The sibling that it follows; null for the first place. */
  readonly after?: number | null
}

/** @throws AppError `broken_rule` that names the reference */
export async function createTask(change: Change, given: NewTask): Promise<TaskRow> {
  checkOrder(given)
  const { list_id: list = null, parent_id: parent = null } = given
  const scope = list === null && parent === null ? inbox : await newScope(change, list, parent)
  // A batch has reserved them.
  const next = change.newTaskId()
  const row: TaskRow = {
    ...emptyTask,
    id: typeof next === 'number' ? next : await next,
    position: change.append(),
    created_at: change.at,
    updated_at: change.at,
    revision: change.revision,
  }
  const made = Object.assign(row, changedFields(row, given, change.at), scope)
  change.tasks.set(made.id, { before: undefined, now: made, isWhole: true })
  checkLevels(change, made)
  return made
}

const inbox: Scope = { list_id: null, parent_id: null }

async function newScope(change: Change, list: number | null, parent: number | null): Promise<Scope> {
  if (parent !== null) await change.load([parent])
  return scopeOf(change, {
    ...(list === null ? {} : { list_id: list }),
    ...(parent === null ? {} : { parent_id: parent }),
  })
}

/** With all fields: see "Objects" in docs/decisions/0029-code-for-v8.md. */
const emptyTask = Object.fromEntries([
  ...Object.entries<Field>(tasks.fields).map(([name, field]) => [
    name,
    field.kind === 'json' ? field.empty : (field.initial ?? null),
  ]),
  ['deleted_at', null],
  // `createTask` sets the fields that cannot be null.
]) as unknown as TaskRow

/**
 * Changes fields. With another list or parent, the task moves to the end there.
 * @param values with the whole metadata: see `wholeChange`
 */
export async function updateTask(
  change: Change,
  id: number,
  { list_id: list, parent_id: parent, ...values }: TaskChange,
): Promise<TaskRow> {
  const isMove = list !== undefined || parent !== undefined
  await change.load([id], isMove ? [id] : [])
  const task = change.getTask(id)
  change.setTask(id, changedFields(task, values, change.at))
  const moves = {
    ...(list === undefined || list === task.list_id ? {} : { list_id: list }),
    ...(parent === undefined || parent === task.parent_id ? {} : { parent_id: parent }),
  }
  if (Object.keys(moves).length > 0) await moveTask(change, id, moves)
  return change.getTask(id)
}

/** @throws AppError `broken_rule` that names the reference */
export async function moveTask(change: Change, id: number, move: Move): Promise<TaskRow> {
  await change.load(
    [move.parent_id, move.before, move.after].filter(other => typeof other === 'number'),
    [id],
  )
  const task = change.getTask(id)
  const scope = await scopeOf(change, move, task)
  const isInside = change.subtree(task).some(one => one.id === scope.parent_id)
  if (isInside) throw broken('parent_id', 'A task cannot become a descendant of itself.')
  const { before, after } = move
  if (before !== undefined && after !== undefined)
    throw broken('after', 'Send "before" or "after", not both.')
  const side = after === undefined ? 'before' : 'after'
  const siblingId = after ?? before ?? null
  const sibling = siblingId === null ? null : siblingOf(change, task, scope, side, siblingId)
  const position = await placeBeside(change, scope, task, side, sibling)
  const moved = change.setTask(id, { position, ...scope })
  const tracked = change.tasks.get(id)
  if (tracked) tracked.isRebalanced = false
  for (const { id: part } of change.subtree(moved)) change.setTask(part, { list_id: scope.list_id })
  checkLevels(change, moved)
  return moved
}

function siblingOf(
  change: Change,
  task: TaskRow,
  scope: Scope,
  field: 'before' | 'after',
  id: number,
): TaskRow {
  const sibling = change.findTask(id)
  if (sibling && id !== task.id && isIn(scope, sibling)) return sibling
  throw broken(field, `There is no other task with the id ${id} in this place.`)
}

/** Moves a task and its descendants to the trash. */
export async function removeTask(change: Change, id: number): Promise<TaskRow> {
  await change.load([], [id])
  const removed = change.subtree(change.getTask(id))
  for (const task of removed) change.setTask(task.id, { deleted_at: change.at })
  return change.tasks.get(id)?.now as TaskRow
}

/**
 * Restores a task, with the descendants that were deleted with it. It becomes the last child of its
 * parent, or else the last task of its list, or else of the inbox.
 * @throws AppError `task_not_found`
 */
export async function restoreTask(change: Change, id: number): Promise<TaskRow> {
  await Promise.all([change.loadLists(), change.load([], [id])])
  const tracked = change.tasks.get(id)
  const task = tracked?.now
  if (!task) throw new AppError('task_not_found', 'There is no such task.')
  if (task.deleted_at === null) return task
  const restored = [task]
  for (const one of restored)
    restored.push(
      ...change.childrenOf(one.id).filter(child => {
        const part = change.tasks.get(child.id)
        return part && change.isDeletedWith(tracked, part)
      }),
    )
  const scope = homeOf(change, task, restored)
  for (const one of restored)
    change.setTask(one.id, { deleted_at: null, list_id: scope.list_id, ...derivedTimes(one) })
  return change.setTask(id, { position: change.append(), ...scope })
}

function homeOf(change: Change, task: TaskRow, restored: readonly TaskRow[]): Scope {
  const parent = task.parent_id === null ? undefined : change.findTask(task.parent_id)
  const height = heightAmong(task, restored)
  if (parent && change.depthOf(parent) + height <= maxLevels)
    return { list_id: parent.list_id, parent_id: parent.id }
  const list = task.list_id === null ? undefined : change.findList(task.list_id)
  return { list_id: list?.id ?? null, parent_id: null }
}

/** @param among the task and descendants of it, parents first */
function heightAmong(task: TaskRow, among: readonly TaskRow[]): number {
  const levels = new Map([[task.id, 1]])
  for (const { id, parent_id: parent } of among) {
    const level = parent === null ? undefined : levels.get(parent)
    if (level !== undefined) levels.set(id, level + 1)
  }
  return Math.max(...levels.values())
}

/** The siblings that a list and a parent select. Absent values are those of `now`. */
async function scopeOf(
  change: Change,
  { list_id: list, parent_id: parent }: Pick<Move, 'list_id' | 'parent_id'>,
  now?: Scope,
): Promise<Scope> {
  if (list !== undefined && list !== null) {
    await change.loadLists()
    if (!change.findList(list)) throw broken('list_id', `There is no list with the id ${list}.`)
  }
  const isOtherList = list !== undefined && list !== now?.list_id
  const parentId = parent !== undefined ? parent : isOtherList ? null : (now?.parent_id ?? null)
  if (parentId === null)
    return { list_id: list !== undefined ? list : (now?.list_id ?? null), parent_id: null }
  const above = change.findTask(parentId)
  if (!above) throw broken('parent_id', `There is no task with the id ${parentId}.`)
  if (list !== undefined && list !== above.list_id)
    throw broken('list_id', 'A task is in the list of its parent. Send only "parent_id".')
  return { list_id: above.list_id, parent_id: parentId }
}

function checkLevels(change: Change, task: TaskRow): void {
  if (task.parent_id === null) return
  if (change.depthOf(task) - 1 + change.heightOf(task) > maxLevels)
    throw broken('parent_id', `Tasks can have ${maxLevels} levels at most.`)
}

const broken = (field: string, message: string) => brokenRules([{ field, message }])
