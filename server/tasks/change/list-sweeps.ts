import { statement } from '../../db/database.ts'
import { inTurns } from '../in-turns.ts'
import { isLive } from '../is-live.ts'
import { derivedTimes } from '../when.ts'
import type { Change, SteppedSweep } from './change.ts'
import { readLean, stepSize, trashAfter } from './rows.ts'

// Deletes or restores the tasks of a list: all of them if they are few, otherwise the next ones.

/**
 * Tasks with an instant that are restored together. Deriving one takes 0.1 to 0.4 ms, and the
 * embedded database serves nobody else meanwhile.
 */
const timedAtOnce = 100

/** $2 list, $3 limit, $4 the task before the first. */
export const nextLive = statement(
  'duly_list_live',
  `select tasks.id, true, false from duly.tasks where tasks.user_id = $1 and tasks.id > $4::bigint
    and tasks.list_id = $2::bigint and ${isLive} order by tasks.id limit $3::bigint`,
)

/**
 * Like `nextLive`; $5 when the tasks were deleted. Also returns those of other lists, whether a
 * task is of this one, and whether it has an instant. That keeps each statement short.
 */
export const nextDeleted = statement(
  'duly_list_deleted',
  `select tasks.id, coalesce(tasks.list_id = $2::bigint, false), tasks.start_at is not null or tasks.due_at is not null
  from (${trashAfter('$5', '$4', '$3::bigint')}) as tasks
  where tasks.deleted_at = $5::text::timestamptz order by tasks.id`,
)

/** Sweeps a list. If that takes more than a step, the steps follow the change. */
export async function sweepList(change: Change, sweep: SteppedSweep): Promise<void> {
  // The opposite, whose steps have not begun.
  const opposite = change.sweeps.findIndex(
    ({ kind, list }) => (kind === 'trash' || kind === 'restore') && list === sweep.list,
  )
  if (opposite >= 0) change.sweeps.splice(opposite, 1)
  const { ids, more } = await nextOf(change, sweep, 0, change.room)
  if (more !== undefined) change.sweeps.push(sweep)
  else {
    await read(change, sweep, ids)
    change.room -= ids.length
  }
  await apply(change, sweep)
}

/**
 * Does one step.
 * @param after the last task that the step before has looked at
 * @returns the one of this step; undefined if no more follow
 */
export async function sweepNext(
  change: Change,
  sweep: SteppedSweep,
  after: number,
): Promise<number | undefined> {
  const { ids, more } = await nextOf(change, sweep, after, stepSize)
  await read(change, sweep, ids)
  await apply(change, sweep)
  return more
}

/** @returns `more`: the task after which more follow, if any do */
async function nextOf(
  change: Change,
  { kind, list, deletedAt }: SteppedSweep,
  after: number,
  limit: number,
): Promise<{ readonly ids: number[]; readonly more: number | undefined }> {
  const { db, owner } = change
  const values = [owner.id, list, limit + 1, after]
  const rows = await (kind === 'trash'
    ? db.query(nextLive, values)
    : db.query(nextDeleted, [...values, deletedAt]))
  change.rows += rows.length
  const timed = rows.flatMap(([, , isTimed], n) => (isTimed === 't' ? [n] : []))
  const looked = rows.slice(0, Math.min(limit, timed[timedAtOnce] ?? limit))
  const ids = looked.flatMap(([id, isOwn]) => (isOwn === 't' ? [Number(id)] : []))
  return { ids, more: rows.length > looked.length ? Number(looked.at(-1)?.[0] ?? 0) : undefined }
}

/** Restored tasks are read with their ancestors, without which they must not be restored. */
async function read(change: Change, { kind }: SteppedSweep, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return
  const own = new Set(ids)
  for (const row of await readLean(change.db, change.owner.id, ids))
    if (kind === 'restore' || own.has(row.id)) change.track(row, false)
}

/** Changes the tasks that were read. */
async function apply(change: Change, { kind, list, deletedAt }: SteppedSweep): Promise<void> {
  const own = [...change.tasks.values()].map(({ now }) => now).filter(task => task.list_id === list)
  if (kind === 'trash') {
    for (const task of own) if (task.deleted_at === null) change.setTask(task.id, { deleted_at: deletedAt })
    return
  }
  const restored = own.filter(task => task.deleted_at === deletedAt)
  for (const { id } of restored) change.setTask(id, { deleted_at: null })
  for await (const task of inTurns(restored.filter(({ start, due }) => start?.at ?? due?.at)))
    change.setTask(task.id, derivedTimes(task))
  for (const { id, parent_id: parent } of restored) {
    if (parent === null || change.findTask(parent)?.list_id === list) continue
    // The parent was moved or removed since.
    change.setTask(id, { parent_id: null, position: change.append() })
  }
}
