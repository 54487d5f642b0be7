import { type Row, statement } from '../../db/database.ts'
import { changeBytes, taskBytesIn } from '../bytes.ts'
import { actions, itemTypes } from '../changes.ts'
import type { Change, Direct, SteppedSweep } from './change.ts'
import { stepSize } from './rows.ts'

// Permanent removal, with the values in the change log. `$1` is the owner.

const purge = (table: 'tasks' | 'lists', type: number, bytes: string) =>
  statement(
    `duly_purge_${table}`,
    `with gone as (
      delete from duly.${table} where ${table}.user_id = $1 and ${table}.id = any($2::bigint[])
        and coalesce(${table}.deleted_at, 'infinity') < 'infinity'
      returning ${table}.id, ${table}.revision, ${bytes} as bytes
    ),
    logged as (
      insert into duly.changes (user_id, revision, item_type, item_id, action, fields, before, actor, at, bytes)
      select $1, $3::bigint, ${type}, gone.id, ${actions.purged}, null, gone.revision, $4, $5::text::timestamptz, ${changeBytes()} from gone
      returning bytes
    )
    select gone.id, gone.revision, gone.bytes, (select coalesce(sum(bytes), 0) from logged) from gone`,
  )

/** SQL: the entry of an item, with the bytes that its values take. */
const entryOf = (revision: string, id: string) =>
  `select changes.revision, changes.before, case when changes.fields is not null then changes.bytes - ${changeBytes()} end as less
    from duly.changes where changes.user_id = $1 and changes.revision = ${revision} and changes.item_type = $4::smallint
      and changes.item_id = ${id} offset 0`

/**
 * $2 ids, $3 their last revisions, $4 type. Returns the freed bytes of the log and of answers.
 * `offset 0` makes every join a nested loop: otherwise all entries of the owner can be read for
 * each item.
 */
const erase = statement(
  'duly_purge_history',
  `with recursive walk (id, revision, before, less) as (
    select gone.id, gone.revision, entry.before, entry.less from unnest($2::bigint[], $3::bigint[]) as gone (id, revision)
    cross join lateral (${entryOf('gone.revision', 'gone.id')}) as entry
    union all
    select walk.id, entry.revision, entry.before, entry.less from walk
    cross join lateral (${entryOf('walk.before', 'walk.id')}) as entry
  ),
  logged as materialized (select walk.revision, walk.id, walk.less from walk where walk.less is not null),
  erased as (
    update duly.changes set fields = null, bytes = ${changeBytes()} from logged
    where changes.user_id = $1 and changes.revision = logged.revision and changes.item_type = $4::smallint
      and changes.item_id = logged.id and changes.revision = any(array(select logged.revision from logged))
  ),
  forgotten as (
    update duly.keys set answer = null where keys.user_id = $1 and keys.answer is not null
      and keys.revision = any(array(select walk.revision from walk))
    returning keys.key
  )
  select coalesce((select sum(less) from logged), 0),
    coalesce((select sum(octet_length(keys.answer)) from duly.keys join forgotten on keys.user_id = $1 and keys.key = forgotten.key), 0)`,
)

const kinds = {
  task: { type: itemTypes.task, purge: purge('tasks', itemTypes.task, taskBytesIn('tasks')) },
  list: { type: itemTypes.list, purge: purge('lists', itemTypes.list, '0') },
} as const

/** $2 list, $3 the task before the first. */
export const nextOfList = statement(
  'duly_trash_of_list',
  `select tasks.id from duly.tasks where tasks.user_id = $1 and tasks.id > $3::bigint and tasks.list_id = $2::bigint
    and coalesce(tasks.deleted_at, 'infinity') < 'infinity' order by tasks.id limit ${stepSize}`,
)

// $2 when the last ones were deleted. A plain comparison would suit an index across owners.
export const nextTrashed = statement(
  'duly_trash_next_tasks',
  `select tasks.id from duly.tasks where tasks.user_id = $1 and tasks.deleted_at is not null
    and coalesce(tasks.deleted_at, 'infinity') <= $2::text::timestamptz
  order by tasks.deleted_at, tasks.id limit ${stepSize}`,
)
const nextLists = statement(
  'duly_trash_next_lists',
  `select lists.id from duly.lists where lists.user_id = $1
    and coalesce(lists.deleted_at, 'infinity') <= $2::text::timestamptz limit ${stepSize}`,
)

/** Removes those of the items that are in the trash. @returns how many were removed */
async function purgeItems(change: Change, kind: keyof typeof kinds, ids: readonly number[]): Promise<number> {
  if (ids.length === 0) return 0
  const { db, owner, revision, at, actor } = change
  const { type, purge: remove } = kinds[kind]
  const rows = await db.query(remove, [owner.id, ids, revision, actor, at])
  if (rows.length === 0) return 0
  const numbers = (column: number) => rows.map(row => Number(row[column]))
  const [[less = 0, answers = 0] = []] = (
    await db.query(erase, [owner.id, numbers(0), numbers(1), type])
  ).map(row => row.map(Number))
  const done: Direct = change.direct ?? { tasks: 0, live: 0, trash: 0, log: 0, keys: 0 }
  done.trash -= numbers(2).reduce((sum, bytes) => sum + bytes, 0)
  done.log += Number(rows[0]?.[3]) - less
  done.keys -= answers
  change.direct = done
  return rows.length
}

/** Removes a task from the trash, with its descendants. @returns whether it was in the trash */
export async function purgeTask(change: Change, id: number): Promise<boolean> {
  await change.load([], [id])
  const task = change.tasks.get(id)?.now
  if (!task || task.deleted_at === null) return false
  const gone = [task]
  for (const one of gone) gone.push(...change.childrenOf(one.id).filter(child => child.deleted_at !== null))
  return (
    (await purgeItems(
      change,
      'task',
      gone.map(one => one.id),
    )) > 0
  )
}

/**
 * Removes a list from the trash, with its tasks there; in steps if they are many.
 * @returns whether it was in the trash
 */
export async function purgeList(change: Change, id: number): Promise<boolean> {
  if ((await purgeItems(change, 'list', [id])) === 0) return false
  await begin(change, { kind: 'purge', list: id, deletedAt: change.at })
  return true
}

/** Empties the trash, in steps if it has many items. */
export const emptyTrash = (change: Change): Promise<void> =>
  begin(change, { kind: 'empty', list: 0, deletedAt: change.at })

async function begin(change: Change, sweep: SteppedSweep): Promise<void> {
  if ((await purgeNext(change, sweep, 0)) !== undefined) change.sweeps.push(sweep)
}

/**
 * Does one step.
 * @param after the last task of the list that the step before has removed
 * @returns that of this step; undefined if no more items follow
 */
export async function purgeNext(
  change: Change,
  { kind, list, deletedAt }: SteppedSweep,
  after: number,
): Promise<number | undefined> {
  const { db, owner } = change
  const idsOf = (rows: readonly Row[]) => rows.map(([id]) => Number(id))
  const tasks = idsOf(
    await (kind === 'purge'
      ? db.query(nextOfList, [owner.id, list, after])
      : db.query(nextTrashed, [owner.id, deletedAt])),
  )
  await purgeItems(change, 'task', tasks)
  if (tasks.length === stepSize) return tasks.at(-1)
  if (kind === 'purge') return undefined
  const lists = idsOf(await db.query(nextLists, [owner.id, deletedAt]))
  await purgeItems(change, 'list', lists)
  return lists.length === stepSize ? 0 : undefined
}
