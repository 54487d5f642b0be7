import { statement } from '../../db/database.ts'
import { changeBytes, taskBytesIn } from '../bytes.ts'
import { actions, itemTypes } from '../changes.ts'
import type { Change, Direct } from './change.ts'

// Permanent removal, with the values in the change log. `$1` is the owner.

const batchSize = 2000

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

/** $2 ids, $3 their last revisions, $4 type. Returns the freed bytes of the log and of answers. */
const erase = statement(
  'duly_purge_history',
  `with recursive walk (id, revision, before) as (
    select gone.id, gone.revision, changes.before from unnest($2::bigint[], $3::bigint[]) as gone (id, revision)
    join duly.changes on changes.user_id = $1 and changes.revision = gone.revision
      and changes.item_type = $4::smallint and changes.item_id = gone.id
    union all
    select walk.id, changes.revision, changes.before from walk join duly.changes on changes.user_id = $1
      and changes.revision = walk.before and changes.item_type = $4::smallint and changes.item_id = walk.id
  ),
  logged as materialized (
    select changes.revision, changes.item_id, changes.bytes - ${changeBytes()} as less from walk
    join duly.changes on changes.user_id = $1 and changes.revision = walk.revision
      and changes.item_type = $4::smallint and changes.item_id = walk.id
    where changes.fields is not null
  ),
  erased as (
    update duly.changes set fields = null, bytes = ${changeBytes()} from logged
    where changes.user_id = $1 and changes.revision = logged.revision and changes.item_type = $4::smallint
      and changes.item_id = logged.item_id
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
  task: {
    type: itemTypes.task,
    purge: purge('tasks', itemTypes.task, taskBytesIn('tasks')),
    next: statement(
      'duly_trash_next_tasks',
      `select tasks.id from duly.tasks where tasks.user_id = $1 and tasks.deleted_at is not null
      order by tasks.deleted_at, tasks.id limit ${batchSize}`,
    ),
  },
  list: {
    type: itemTypes.list,
    purge: purge('lists', itemTypes.list, '0'),
    next: statement(
      'duly_trash_next_lists',
      `select lists.id from duly.lists where lists.user_id = $1 and lists.deleted_at is not null limit ${batchSize}`,
    ),
  },
} as const

const ofList = statement(
  'duly_trash_of_list',
  `select tasks.id from duly.tasks where tasks.user_id = $1 and tasks.deleted_at is not null and tasks.list_id = $2::bigint limit ${batchSize}`,
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

/** Removes a list from the trash, with its tasks there. @returns whether it was in the trash */
export async function purgeList(change: Change, id: number): Promise<boolean> {
  if ((await purgeItems(change, 'list', [id])) === 0) return false
  for (;;) {
    const rows = await change.db.query(ofList, [change.owner.id, id])
    await purgeItems(
      change,
      'task',
      rows.map(([task]) => Number(task)),
    )
    if (rows.length < batchSize) return true
  }
}

/** Empties the trash. @returns how many items were removed */
export async function emptyTrash(change: Change): Promise<number> {
  let count = 0
  for (const kind of ['task', 'list'] as const) {
    for (;;) {
      const rows = await change.db.query(kinds[kind].next, [change.owner.id])
      count += await purgeItems(
        change,
        kind,
        rows.map(([id]) => Number(id)),
      )
      if (rows.length < batchSize) break
    }
  }
  return count
}
