import { statement } from '../../db/database.ts'
import { AppError } from '../../errors.ts'
import type { Fields } from '../../fields/field.ts'
import { actions, itemAt, itemTypes, loggedValue } from '../changes.ts'
import { tasks } from '../fields.ts'
import { isLive } from '../is-live.ts'
import { lists, maxLists } from '../list-fields.ts'
import { isSame } from '../rules.ts'
import { derivedAgain, derivedTimes, type When } from '../when.ts'
import type { Change } from './change.ts'
import { tooLarge } from './change.ts'
import { removeTasksOf, restoreTasksOf } from './list-operations.ts'
import { type ListRow, maxItems, type TaskRow } from './rows.ts'
import { maxLevels } from './task-operations.ts'

// Undo restores the values that a change has replaced, if the items still have the values that the
// change wrote. An undo is a change itself, so it can be undone.

/** An item because of which a change cannot be undone. */
export interface Conflict {
  readonly type: 'task' | 'list'
  readonly id: number
  /** Fields whose value is not the one that the change wrote. */
  readonly fields: readonly string[]
  readonly reason: string
  /** Its current state; undefined if it was removed permanently. */
  readonly item?: TaskRow | ListRow | undefined
}

export class UndoConflict extends AppError {
  readonly conflicts: readonly Conflict[]

  constructor(conflicts: readonly Conflict[]) {
    super('undo_conflict', 'The change cannot be undone: see "conflicts".')
    this.conflicts = conflicts
  }
}

interface Entry {
  readonly type: number
  readonly id: number
  readonly action: number
  /** Old and new value by field. */
  readonly fields: Readonly<Record<string, readonly [unknown, unknown]>>
}

/** $2 revision. */
const entriesAt = statement(
  'duly_undo_entries',
  `select changes.item_type, changes.item_id, changes.action, changes.fields::text from duly.changes
  where changes.user_id = $1 and changes.revision = $2::bigint order by changes.item_type desc, changes.item_id limit ${maxItems + 1}`,
)

type Row = TaskRow | ListRow
type Kind = Conflict['type']
type Values = Readonly<Record<string, unknown>>

/**
 * Undoes the change of a revision.
 * @returns the items that it touched
 * @throws AppError `change_not_found`, `undo_conflict`, `change_too_large`
 */
export async function undo(
  change: Change,
  revision: number,
  most: { readonly tasks: number },
): Promise<readonly { readonly type: Kind; readonly id: number }[]> {
  const entries = await readEntries(change, revision)
  await refuseStep(change, entries)
  await load(change, entries)
  const conflicts: Conflict[] = []
  for (const entry of entries) {
    const kind = kindOf(entry)
    const row = rowOf(change, kind, entry.id)
    const refuse = (reason: string, fields: readonly string[] = []) =>
      conflicts.push({ type: kind, id: entry.id, fields, reason, item: row })
    await revert(change, kind, entry, row, { revision, refuse })
  }
  const known = new Set(conflicts.map(keyOf))
  for (const entry of entries) {
    if (kindOf(entry) === 'list') await checkList(change, entry, conflicts)
    else if (isPlaced(entry)) {
      const found = checkPlace(change, entry.id).filter(conflict => !known.has(keyOf(conflict)))
      for (const conflict of found) known.add(keyOf(conflict))
      conflicts.push(...found)
    }
  }
  checkCounts(change, most, conflicts)
  if (conflicts.length > 0) throw new UndoConflict(conflicts)
  return entries.map(entry => ({ type: kindOf(entry), id: entry.id }))
}

async function readEntries(change: Change, revision: number): Promise<Entry[]> {
  const rows = await change.db.query(entriesAt, [change.owner.id, revision])
  change.rows += rows.length
  const entries = rows
    .map(([type, id, action, fields]) => ({
      type: Number(type),
      id: Number(id),
      action: Number(action),
      // Stored by a write statement in this form.
      fields: JSON.parse(fields ?? '{}') as Entry['fields'],
    }))
    .filter(({ type }) => type === itemTypes.task || type === itemTypes.list)
  if (entries.length === 0 || entries.some(({ action }) => action === actions.purged)) throw notFound()
  // The tasks of a list were moved to another one.
  if (entries.length > maxItems) throw tooLarge()
  return entries.filter(({ action }) => action !== actions.rebalanced)
}

const restorations: ReadonlySet<number> = new Set([actions.restored, actions.restoredInSteps])
const isInSteps = ({ action }: Entry) =>
  action === actions.deletedInSteps || action === actions.restoredInSteps

/** A step cannot be undone alone: the undo of the list's change undoes all of its steps. */
async function refuseStep(change: Change, entries: readonly Entry[]): Promise<void> {
  const step = entries.find(entry => kindOf(entry) === 'task' && isInSteps(entry))
  if (!step) return
  await change.load([step.id])
  const item = change.tasks.get(step.id)?.now
  const done = step.action === actions.deletedInSteps ? 'deleted' : 'restored'
  const reason = `It was ${done} with its list. Undo the change of the list.`
  throw new UndoConflict([{ type: 'task', id: step.id, fields: [], reason, item }])
}

export function notFound(): AppError {
  return new AppError('change_not_found', 'There is no such change, or it is too old to be undone.')
}

async function load(change: Change, entries: readonly Entry[]): Promise<void> {
  await change.loadLists()
  const touched = entries.filter(({ type }) => type === itemTypes.task)
  const idsOf = (some: readonly Entry[]) => some.map(({ id }) => id)
  // The former and the current parents of the tasks.
  const parents = touched.flatMap(({ fields }) => (fields.parent_id ?? []).map(Number).filter(Boolean))
  const others = touched.filter(entry => !isPlaced(entry))
  await change.load([...parents, ...idsOf(others)], idsOf(touched.filter(isPlaced)))
}

const fieldActions: ReadonlySet<number> = new Set([
  actions.updated,
  actions.moved,
  actions.completed,
  actions.reopened,
])

/** Whether its undo can leave a task without its parent, or apart from its children. */
const isPlaced = ({ action, fields }: Entry): boolean =>
  !fieldActions.has(action) || 'list_id' in fields || 'parent_id' in fields

const keyOf = ({ type, id }: Pick<Conflict, 'type' | 'id'>) => `${type} ${id}`

const kindOf = ({ type }: Entry): Kind => (type === itemTypes.task ? 'task' : 'list')
const rowOf = (change: Change, kind: Kind, id: number): Row | undefined =>
  (kind === 'task' ? change.tasks : change.lists).get(id)?.now

function set(change: Change, kind: Kind, id: number, values: Partial<Row>): void {
  if (kind === 'task') change.setTask(id, values)
  else change.setList(id, values)
}

async function revert(
  change: Change,
  kind: Kind,
  entry: Entry,
  row: Row | undefined,
  { revision, refuse }: { revision: number; refuse: (reason: string, fields?: string[]) => void },
): Promise<void> {
  const { id, action } = entry
  const isTrashed = row !== undefined && row.deleted_at !== null
  switch (action) {
    case actions.discarded:
      return
    case actions.created: {
      if (!row || isTrashed) return
      const changed = await changedSince(change, kind, row, revision)
      if (changed.length > 0) refuse('It has changed since.', changed)
      set(change, kind, id, { deleted_at: change.at })
      return
    }
    case actions.restored:
    case actions.restoredInSteps:
      if (!row) return refuse('It was removed permanently.')
      // Only the deletion or restoration of a list is undone in steps.
      if (!isTrashed && isInSteps(entry)) await removeTasksOf(change, id)
      if (!isTrashed) set(change, kind, id, { deleted_at: change.at })
      return revertFields(change, kind, entry, row, refuse)
    case actions.deleted:
    case actions.deletedInSteps:
      if (!row) return refuse('It was removed permanently.')
      if (isTrashed && isInSteps(entry)) await restoreTasksOf(change, row as ListRow)
      if (isTrashed)
        set(change, kind, id, { deleted_at: null, ...(kind === 'task' ? derivedTimes(row as TaskRow) : {}) })
      return revertFields(change, kind, entry, row, refuse)
    default:
      if (!row) return refuse('It was removed permanently.')
      if (isTrashed && Object.keys(entry.fields).every(name => followers.has(name))) return
      if (isTrashed) return refuse('It is in the trash.')
      return revertFields(change, kind, entry, row, refuse)
  }
}

/** A logged value, with the instant of the current time zone data. */
const today = (name: string, value: unknown): unknown =>
  name === 'start' || name === 'due' ? (derivedAgain(value as When | null) ?? value) : value

/** Fields that follow others, so they cause no conflict. */
const followers = new Set(['position', 'completed_at', 'spellings'])

function revertFields(
  change: Change,
  kind: Kind,
  { id, action, fields }: Entry,
  row: Row,
  refuse: (reason: string, fields?: string[]) => void,
): void {
  const table: Fields = kind === 'task' ? tasks.fields : lists.fields
  const now = row as unknown as Values
  const values: Record<string, unknown> = {}
  const changed: string[] = []
  for (const [name, logged] of Object.entries(fields)) {
    const [old, written] = logged.map(value => today(name, loggedValue(name, value, table)))
    // The position of an item in the trash has no meaning.
    const isIdle = name === 'position' && row.deleted_at !== null && restorations.has(action)
    if (isIdle || isSame(now[name], old)) continue
    const holds = isSame(now[name], written)
    if (holds || (name === 'position' && ('list_id' in values || 'parent_id' in values))) values[name] = old
    else if (!followers.has(name)) changed.push(name)
  }
  if (changed.length > 0) refuse('It has changed since.', changed)
  // From the log, so each name is a field and each value was stored in it.
  else set(change, kind, id, values as Partial<Row>)
}

/** The fields whose values differ from those with which the item was created. */
async function changedSince(change: Change, kind: Kind, row: Row, revision: number): Promise<string[]> {
  if (row.revision === revision) return []
  const table = kind === 'task' ? tasks : lists
  const of = { type: itemTypes[kind], fields: table.fields }
  const then = (await itemAt(change.db, change.owner.id, row, revision, { kind: of })) as Values | undefined
  const now = row as unknown as Values
  return table.writable.filter(name => !followers.has(name) && !isSame(then?.[name], now[name]))
}

/** A list that moves to the trash must not leave live tasks. */
async function checkList(change: Change, entry: Entry, conflicts: Conflict[]): Promise<void> {
  const { id } = entry
  // All of its tasks are swept.
  if (entry.action === actions.restoredInSteps) return
  const { before, now } = change.lists.get(id) ?? {}
  if (!now || now.deleted_at === null || before?.deleted_at !== null) return
  const read = [...change.tasks.values()]
  const isLeft = read.some(({ now: task }) => task.list_id === id && task.deleted_at === null)
  const others = [change.owner.id, id, read.flatMap(({ before: task }) => task?.id ?? [])]
  if (isLeft || (await change.db.query(otherTasks, others)).length > 0)
    conflicts.push({ type: 'list', id, fields: [], reason: 'It contains other tasks.', item: now })
}

/** The live tasks of the list $2 without the tasks $3. */
const otherTasks = statement(
  'duly_undo_list_tasks',
  `select tasks.id from duly.tasks where tasks.user_id = $1 and tasks.list_id = $2::bigint
    and ${isLive} and tasks.id <> all($3::bigint[]) limit 1`,
)

/** Conflicts if the task, its parent, its children or its list do not fit together. */
function checkPlace(change: Change, id: number): Conflict[] {
  const conflicts: Conflict[] = []
  const add = (kind: Kind, item: Row, reason: string, fields: readonly string[]) =>
    conflicts.push({ type: kind, id: item.id, fields, reason, item })
  const task = change.tasks.get(id)?.now
  if (!task) return conflicts
  if (task.deleted_at !== null) {
    const left = change.childrenOf(id).filter(child => child.deleted_at === null)
    for (const child of left) add('task', child, 'It would be left without its parent.', ['parent_id'])
    return conflicts
  }
  for (const child of change.childrenOf(id))
    if (child.deleted_at === null && child.list_id !== task.list_id)
      add('task', child, 'It would be in another list than its parent.', ['list_id'])
  if (task.list_id !== null && !change.findList(task.list_id))
    add('task', task, 'Its list does not exist.', ['list_id'])
  if (task.parent_id === null) return conflicts
  const parent = change.findTask(task.parent_id)
  if (!parent) add('task', task, 'Its parent does not exist.', ['parent_id'])
  else if (parent.list_id !== task.list_id) add('task', task, 'Its parent is in another list.', ['list_id'])
  else if (change.depthOf(task) > 50)
    add('task', task, 'It would become a descendant of itself.', ['parent_id'])
  else if (change.depthOf(task) - 1 + change.heightOf(task) > maxLevels)
    add('task', task, `Tasks can have ${maxLevels} levels at most.`, ['parent_id'])
  return conflicts
}

function checkCounts(change: Change, most: { readonly tasks: number }, conflicts: Conflict[]): void {
  const live = (row: Row | undefined) => (row && row.deleted_at === null ? 1 : 0)
  const all = [...change.tasks.values()]
  const more = all.reduce((sum, { before, now }) => sum + live(now) - live(before), 0)
  const count = [...change.lists.values()].reduce((sum, { now }) => sum + live(now), 0)
  const restored = all.find(({ before, now }) => live(now) > live(before))?.now
  if (restored && more > 0 && change.owner.taskCount + more > most.tasks)
    conflicts.push({
      ...{ type: 'task', id: restored.id, fields: [], item: restored },
      reason: `There can be ${most.tasks} tasks at most.`,
    })
  const list = [...change.lists.values()].find(({ before, now }) => live(now) > live(before))?.now
  if (list && count > maxLists)
    conflicts.push({
      ...{ type: 'list', id: list.id, fields: [], item: list },
      reason: `There can be ${maxLists} lists at most.`,
    })
}
