import { ownerWrite, type Session, type Statement, statement } from '../db/database.ts'
import { keyBytesIn, taskBytesIn } from './bytes.ts'

// Permanently removes expired rows, in small steps. Owners with expired rows are looked up across
// owners; the rows are removed owner by owner.

const batchSize = 1000

/** $1 days, $2 limit. */
const expired = (table: 'tasks' | 'lists') =>
  statement(
    `duly_expired_${table}`,
    `select ${table}.user_id, ${table}.id from duly.${table}
    where ${table}.deleted_at < now() - make_interval(days => $1::integer) order by ${table}.deleted_at limit $2`,
  )
const [expiredTasks, expiredLists] = [expired('tasks'), expired('lists')]

/** $2 ids, $3 days. */
const removeTasks = statement(
  'duly_remove_trash',
  `with swept as (
    delete from duly.tasks where tasks.user_id = $1 and tasks.id = any($2::bigint[])
      and tasks.deleted_at < now() - make_interval(days => $3::integer)
    returning ${taskBytesIn('tasks')} as bytes
  )
  update duly.owners set trash_bytes = owners.trash_bytes - freed.bytes
  from (select coalesce(sum(bytes), 0)::bigint as bytes from swept) as freed where owners.id = $1`,
)

/** $2 ids, $3 days. */
const removeLists = statement(
  'duly_remove_lists',
  `delete from duly.lists where lists.user_id = $1 and lists.id = any($2::bigint[])
    and lists.deleted_at < now() - make_interval(days => $3::integer)`,
)

/** Removes tasks and lists that were deleted more than `days` days ago. @returns how many */
export async function sweepTrash(db: Session, days: number): Promise<number> {
  return (
    (await sweep(db, days, expiredTasks, removeTasks)) + (await sweep(db, days, expiredLists, removeLists))
  )
}

/**
 * Removes rows that are older than `days`, in small steps.
 * @param expired finds owners and ids: $1 days, $2 limit
 * @param remove removes rows of one owner: $2 ids, $3 days
 * @returns how many rows were found
 */
export async function sweep(
  db: Session,
  days: number,
  expired: Statement,
  remove: Statement,
): Promise<number> {
  let swept = 0
  for (;;) {
    const rows = await db.query(expired, [days, batchSize])
    const byOwner = new Map<string, string[]>()
    for (const [owner, id] of rows as [string, string][]) {
      const ids = byOwner.get(owner)
      if (ids) ids.push(id)
      else byOwner.set(owner, [id])
    }
    for (const [owner, ids] of byOwner) await db.query(remove, [owner, ids, days])
    swept += rows.length
    if (rows.length < batchSize) return swept
  }
}

const cutoff = 'now() - make_interval(days => $2::integer)'

/** Owners whose log or keys may have expired rows. $1 days, $2 limit. */
const ownersWithHistory = statement(
  'duly_history_owners',
  `select owners.id from duly.owners where owners.history_from < now() - make_interval(days => $1::integer)
  order by owners.history_from limit $2`,
)

/** Removes the oldest expired changes of one owner. $2 days. Returns how many. */
const removeChanges = statement(
  'duly_history_changes',
  `with swept as (
    delete from duly.changes where changes.user_id = $1 and changes.revision <= (
      select max(oldest.revision) from (
        select changes.revision, changes.at from duly.changes where changes.user_id = $1
        order by changes.revision, changes.item_type, changes.item_id limit ${batchSize}
      ) as oldest where oldest.at < ${cutoff}
    )
    returning changes.bytes
  )
  update duly.owners set log_bytes = owners.log_bytes - freed.bytes
  from (select coalesce(sum(bytes), 0)::bigint as bytes from swept) as freed where owners.id = $1
  returning (select count(*) from swept)`,
)

/** $2 days. */
const removeKeys = statement(
  'duly_history_keys',
  `with swept as (
    delete from duly.keys where keys.user_id = $1 and keys.key = any(array(
      select keys.key from duly.keys where keys.user_id = $1 and keys.at < ${cutoff} order by keys.at limit ${batchSize}
    ))
    returning ${keyBytesIn('keys')} as bytes
  )
  update duly.owners set key_bytes = owners.key_bytes - freed.bytes
  from (select coalesce(sum(bytes), 0)::bigint as bytes from swept) as freed where owners.id = $1
  returning (select count(*) from swept)`,
)

/** Stores the time of the oldest remaining row. Without rows, the next write sets it. */
const noteOldest = ownerWrite(
  'duly_history_from',
  `update duly.owners set history_from = coalesce(least(
      (select changes.at from duly.changes where changes.user_id = $1 order by changes.revision limit 1),
      (select keys.at from duly.keys where keys.user_id = $1 order by keys.at limit 1)
    ), 'infinity') where owners.id = $1`,
)

/**
 * Removes changes and idempotency keys that are more than `days` days old.
 * @returns how many
 */
export async function pruneHistory(db: Session, days: number): Promise<number> {
  let pruned = 0
  for (;;) {
    const owners = await db.query(ownersWithHistory, [days, batchSize])
    for (const [owner = ''] of owners) {
      for (const remove of [removeChanges, removeKeys])
        for (let count = batchSize; count >= batchSize; pruned += count) {
          const [row] = await db.query(remove, [owner, days])
          count = Number(row?.[0] ?? 0)
        }
      await db.query(noteOldest, [owner])
    }
    if (owners.length < batchSize) return pruned
  }
}
