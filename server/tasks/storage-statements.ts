import { quick, statement, unprepared } from '../db/database.ts'
import { answerBytesIn, keyBytesIn, taskBytesIn } from './bytes.ts'

// What an owner stores is counted on the owner's row, by each statement that changes it. `$1` is the owner in all of these.

/** Whether the owner's row, as it is now, says that something has to be done: see `Storage`. */
export const needsRoom = (limit: string) =>
  `owners.counted_revision <> owners.revision or owners.live_bytes + owners.trash_bytes + owners.key_bytes > ${limit}::bigint`

/** Rows that one statement removes. */
export const stepSize = 200

const counters = (table: string) => `${table}.live_bytes, ${table}.trash_bytes, ${table}.key_bytes`

/** Number of tasks, the three counters, and whether they can be relied on. */
export const usage = quick(
  'duly_usage',
  `select owners.task_count, ${counters('owners')}, owners.counted_revision = owners.revision
  from duly.owners where owners.id = $1`,
)

export const lockOwner = unprepared('select id from duly.owners where owners.id = $1 for update')

/** In a transaction that holds the owner's row: who writes tasks or answers waits for it before it commits. */
export const recount = unprepared(
  `update duly.owners set task_count = tasks.live_count, live_bytes = tasks.live, trash_bytes = tasks.trash,
    key_bytes = keys.bytes, counted_revision = owners.revision
  from (
    select count(*) filter (where deleted_at is null) as live_count,
      coalesce(sum(${taskBytesIn('tasks')}) filter (where deleted_at is null), 0) as live,
      coalesce(sum(${taskBytesIn('tasks')}) filter (where deleted_at is not null), 0) as trash
    from duly.tasks where tasks.user_id = $1
  ) as tasks, (
    select coalesce(sum(${keyBytesIn('keys')}), 0) as bytes from duly.idempotency_keys as keys where keys.user_id = $1
  ) as keys
  where owners.id = $1`,
)

/** The owner's row is to be counted again before it is relied on. */
export const distrust = unprepared('update duly.owners set counted_revision = -1 where owners.id = $1')

// Each removes the oldest rows, $2 bytes at least if there are that many, in one step. Gives how many rows it looked at, and the
// counters afterwards.

const upToEnough = 'oldest.before < $2::bigint'
const runningSum = (order: string) =>
  `sum(bytes) over (order by ${order} rows unbounded preceding) - bytes as before`
const lookedAt = '(select count(*) from oldest)'

/** For good, before their time. The condition of the second part keeps the planner from `tasks_trash`, which it would read as a whole. */
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
  update duly.owners set trash_bytes = owners.trash_bytes - freed.bytes
  from (select coalesce(sum(bytes), 0)::bigint as bytes from dropped) as freed
  where owners.id = $1 returning ${lookedAt}, ${counters('owners')}`,
)

/** The answers of keys that are $3 seconds old, without the keys. Those before `answers_from` have been dropped already. */
export const dropAnswers = statement(
  'duly_drop_answers',
  `with oldest as (
    select key, created_at, bytes, ${runningSum('created_at, key')} from (
      select keys.key, keys.created_at, ${answerBytesIn('keys')} as bytes from duly.idempotency_keys as keys
      where keys.user_id = $1 and keys.created_at > (select owners.answers_from from duly.owners where owners.id = $1)
        and keys.created_at <= now() - $3::integer * interval '1 second'
      order by keys.created_at limit ${stepSize}
    ) as answers
  ),
  dropped as (
    update duly.idempotency_keys as keys set headers = null, body = null from oldest
    where keys.user_id = $1 and keys.key = oldest.key and keys.created_at = oldest.created_at and keys.body <> ''
      and ${upToEnough}
    returning oldest.bytes
  )
  update duly.owners set key_bytes = owners.key_bytes - freed.bytes,
    answers_from = greatest(owners.answers_from, (select max(oldest.created_at) from oldest where ${upToEnough}))
  from (select coalesce(sum(bytes), 0)::bigint as bytes from dropped) as freed
  where owners.id = $1 returning ${lookedAt}, ${counters('owners')}`,
)

/** Keys and all. */
export const dropKeys = statement(
  'duly_drop_keys',
  `with oldest as (
    select key, ${runningSum('created_at, key')} from (
      select keys.key, keys.created_at, ${keyBytesIn('keys')} as bytes from duly.idempotency_keys as keys
      where keys.user_id = $1 order by keys.created_at limit ${stepSize}
    ) as known
  ),
  dropped as (
    delete from duly.idempotency_keys as keys where keys.user_id = $1
      and keys.key = any(array(select oldest.key from oldest where ${upToEnough}))
    returning ${keyBytesIn('keys')} as bytes
  )
  update duly.owners set key_bytes = owners.key_bytes - freed.bytes
  from (select coalesce(sum(bytes), 0)::bigint as bytes from dropped) as freed
  where owners.id = $1 returning ${lookedAt}, ${counters('owners')}`,
)
