import { quick, statement, unprepared } from '../db/database.ts'
import { keyBytesIn, taskBytesIn } from './bytes.ts'

// What an owner stores is counted on the owner's row, by each statement that changes it. `$1` is
// the owner in all of these.

const total = 'owners.live_bytes + owners.trash_bytes + owners.log_bytes + owners.key_bytes'

/** Whether the owner's row, as it is now, needs attention: see `Storage`. */
export const needsReclaim = (limit: string) =>
  `(owners.counted_revision <> owners.revision or ${total} > ${limit})`

/** Rows that one statement removes. */
export const stepSize = 200

const counters = 'owners.live_bytes, owners.trash_bytes, owners.log_bytes, owners.key_bytes'

/** Number of tasks, the four counters, and whether they can be relied on. */
export const usage = quick(
  'duly_usage',
  `select owners.task_count, ${counters}, owners.counted_revision = owners.revision
  from duly.owners where owners.id = $1`,
)

export const lockOwner = unprepared('select id from duly.owners where owners.id = $1 for no key update')

/** In a transaction that holds the owner's row: a write waits for it. */
export const recount = unprepared(
  `update duly.owners set task_count = tasks.live_count, live_bytes = tasks.live, trash_bytes = tasks.trash,
    log_bytes = log.bytes, key_bytes = keys.bytes, counted_revision = owners.revision
  from (
    select count(*) filter (where deleted_at is null) as live_count,
      coalesce(sum(${taskBytesIn('tasks')}) filter (where deleted_at is null), 0) as live,
      coalesce(sum(${taskBytesIn('tasks')}) filter (where deleted_at is not null), 0) as trash
    from duly.tasks where tasks.user_id = $1
  ) as tasks, (
    select coalesce(sum(changes.bytes), 0) as bytes from duly.changes where changes.user_id = $1
  ) as log, (
    select coalesce(sum(${keyBytesIn('keys')}), 0) as bytes from duly.keys where keys.user_id = $1
  ) as keys
  where owners.id = $1`,
)

/** The owner's row is to be counted again before it is relied on. */
export const distrust = unprepared('update duly.owners set counted_revision = -1 where owners.id = $1')

// Each removes the oldest rows, $2 bytes at least if there are that many, in one step. Returns how
// many rows it looked at, and the counters afterwards.

const upToEnough = 'oldest.before < $2::bigint'
const runningSum = (order: string) =>
  `sum(bytes) over (order by ${order} rows unbounded preceding) - bytes as before`
const returned = `returning (select count(*) from oldest), ${counters}`
const freed = '(select coalesce(sum(bytes), 0)::bigint as bytes from dropped) as freed'

/**
 * For good, before their time. The condition of the second part keeps the planner from
 * `tasks_trash`, which it would read as a whole.
 */
export const dropTrash = statement(
  'duly_drop_trash',
  `with oldest as (
    select id, ${runningSum('deleted_at, id')} from (
      select tasks.id, tasks.deleted_at, ${taskBytesIn('tasks')} as bytes from duly.tasks
      where tasks.user_id = $1 and tasks.deleted_at is not null order by tasks.deleted_at, tasks.id limit ${stepSize}
    ) as trash
  ),
  dropped as (
    delete from duly.tasks where tasks.user_id = $1 and coalesce(tasks.deleted_at, 'infinity') < 'infinity'
      and tasks.id = any(array(select oldest.id from oldest where ${upToEnough}))
    returning ${taskBytesIn('tasks')} as bytes
  )
  update duly.owners set trash_bytes = owners.trash_bytes - freed.bytes from ${freed}
  where owners.id = $1 ${returned}`,
)

/** Changes that are $3 seconds old, as a whole. */
export const dropChanges = statement(
  'duly_drop_changes',
  `with oldest as (
    select revision, ${runningSum('revision, item_type, item_id')} from (
      select changes.revision, changes.item_type, changes.item_id, changes.bytes, changes.at from duly.changes
      where changes.user_id = $1 order by changes.revision, changes.item_type, changes.item_id limit ${stepSize}
    ) as log where log.at <= statement_timestamp() - $3::integer * interval '1 second'
  ),
  dropped as (
    delete from duly.changes where changes.user_id = $1
      and changes.revision <= (select max(oldest.revision) from oldest where ${upToEnough})
    returning changes.bytes
  )
  update duly.owners set log_bytes = owners.log_bytes - freed.bytes from ${freed}
  where owners.id = $1 ${returned}`,
)

/** Keys, of which the log may have more. $3 whether those of imported lines are among them. */
export const dropKeys = statement(
  'duly_drop_keys',
  `with oldest as (
    select key, ${runningSum('at, key')} from (
      select keys.key, keys.at, ${keyBytesIn('keys')} as bytes, keys.fingerprint = keys.key as is_line
      from duly.keys where keys.user_id = $1 order by keys.at limit ${stepSize}
    ) as known where $3::boolean or not known.is_line
  ),
  dropped as (
    delete from duly.keys where keys.user_id = $1
      and keys.key = any(array(select oldest.key from oldest where ${upToEnough}))
    returning ${keyBytesIn('keys')} as bytes
  )
  update duly.owners set key_bytes = owners.key_bytes - freed.bytes from ${freed}
  where owners.id = $1 ${returned}`,
)
