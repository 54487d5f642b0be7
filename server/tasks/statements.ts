import { quick, statement, write } from '../db/database.ts'
import { taskBytes, taskBytesIn, textBytesIn } from './bytes.ts'
import { needsRoom } from './storage-statements.ts'
import { columnCount, columns } from './task-row.ts'

// The statements on one task, and on lists as they were created. `$1` is the owner in each of them, on every table it touches.
//
// A write is one statement: it locks the task, raises the owner's revision, and stamps the task with it. The lock comes
// first: an owner raised before it were known that the task is there would leave a gap when two deletes race. The
// time is never before that of the owner's last write, so that times and revisions of one owner run the same way, also where
// statements waited for each other or the clock was set back.
//
// It also counts what the owner stores, and each row ends with whether that needs attention (storage.ts).

const task = columns('tasks')
const live = 'tasks.user_id = $1 and tasks.deleted_at is null'
// Says the same as `deleted_at is null` in words that the planner cannot match with the index of lists: without fresh
// statistics (the embedded database has none) it would take that one for a single task, and read the owner's whole list.
const one = `tasks.user_id = $1 and tasks.id = $2 and coalesce(tasks.deleted_at, 'infinity') = 'infinity'`
const newestFirst = 'order by tasks.created_at desc, tasks.id desc'
const lockedTask = (more = '') => `select tasks.*${more} from duly.tasks where ${one} for update`
const raised = (limit: string) =>
  `returning owners.revision, owners.written_at as at, ${needsRoom(limit)} as needs_room`
/** One revision more. `counted_revision` goes along, so that it stays behind once a writer did not count. */
const bump = 'revision = owners.revision + 1, counted_revision = owners.counted_revision + 1'
/** @param found what has to be there, after `from` or `where` */
const raise = (limit: string, more: string, found: string) =>
  `update duly.owners set ${bump}, written_at = greatest(owners.written_at, statement_timestamp())${more} ${found} ${raised(limit)}`

/** $2 limit, $3 offset. A row of the owner's number of tasks alone, if there is an owner; then one for each task, with null there. */
export const page = statement(
  'duly_page',
  `select task_count${', null'.repeat(columnCount)} from duly.owners where owners.id = $1
  union all
  (select null, ${task} from duly.tasks where ${live} ${newestFirst} limit $2 offset $3)`,
)

/** $2 and $3: creation time and id of the last task of the batch before; $4 limit, $5 offset. */
export const batch = statement(
  'duly_batch',
  `select ${task} from duly.tasks
  where ${live} and (tasks.created_at, tasks.id) < ($2::text::timestamptz, $3::bigint) ${newestFirst} limit $4 offset $5`,
)

/** $2 and $3 as for `batch`: creation time and id of the task after the next $4. */
export const skip = statement(
  'duly_skip',
  `select tasks.created_at, tasks.id from duly.tasks
  where ${live} and (tasks.created_at, tasks.id) < ($2::text::timestamptz, $3::bigint) ${newestFirst} limit 1 offset $4`,
)

export const get = quick('duly_get', `select ${task} from duly.tasks where ${one}`)

const newText = {
  user_id: '$1::text',
  title: '$2::text',
  title_key: '$5::text',
  description: '$3::text',
  description_key: '$6::text',
}

/**
 * $2 title, $3 description, $4 whether it is completed; $5 the folded title, $6 the folded description; $7 tasks, $8 bytes of live
 * tasks and $9 bytes of all at most. The owner need not exist. The limits are compared once the owner's row is locked, so that no
 * two find the same last place.
 */
export const create = write(
  'duly_create',
  `with owner as (
    insert into duly.owners (id, revision, counted_revision, task_count, written_at, live_bytes)
    values ($1, 1, 1, 1, statement_timestamp(), ${taskBytes(column => newText[column])})
    on conflict (id) do update set ${bump}, task_count = owners.task_count + 1,
      written_at = greatest(owners.written_at, excluded.written_at), live_bytes = owners.live_bytes + excluded.live_bytes
    where owners.task_count < $7::bigint and owners.live_bytes + excluded.live_bytes <= $8::bigint ${raised('$9')}
  ),
  made as (
    insert into duly.tasks
      (user_id, title, title_key, description, description_key, is_completed, completed_at, created_at, updated_at, revision)
    select $1, $2, $5, $3, $6, $4::boolean, case when $4::boolean then at end, at, at, revision from owner
    returning ${task}
  )
  select made.*, owner.needs_room from made, owner`,
)

// `only` says which of the tasks that were found are changed.
const updating = (only: string) => `with old as (${lockedTask()}),
  new as (
    select given.*, ${textBytesIn('given')} - given.old_bytes as growth from (
      select coalesce($3::text, title) as title, coalesce($7::text, title_key) as title_key,
        case when $4::boolean then $5::text else description end as description,
        case when $4::boolean then $8::text else description_key end as description_key,
        coalesce($6::boolean, is_completed) as is_completed, ${textBytesIn('old')} as old_bytes
      from old
      where ${only} and (title, description, is_completed) is distinct from
        (coalesce($3, title), case when $4 then $5 else description end, coalesce($6, is_completed))
    ) as given
  ),
  owner as (
    ${raise(
      '$10',
      ', live_bytes = owners.live_bytes + new.growth',
      `from new where owners.id = $1 and (new.growth <= 0 or owners.live_bytes + new.growth <= $9::bigint)`,
    )}
  ),
  changed as (
    update duly.tasks set title = new.title, title_key = new.title_key, description = new.description,
      description_key = new.description_key, is_completed = new.is_completed,
      completed_at = case when new.is_completed then coalesce(tasks.completed_at, owner.at) end,
      updated_at = owner.at, revision = owner.revision
    from new, owner where tasks.user_id = $1 and tasks.id = $2
    returning ${task}, owner.needs_room
  )`

/**
 * $3 title or null, $4 whether $5 replaces the description, $6 whether it is completed or null; $7 the folded title or null, $8
 * the folded description; $9 bytes of live tasks and $10 bytes of all at most. A change that changes nothing is no change: the
 * task comes back as it is and no revision is spent. No row comes back if there is no room for a task that grows.
 * The last column says whether anything was written.
 */
export const update = write(
  'duly_update',
  `${updating('true')}
  select changed.*, true from changed
  union all
  select ${columns('old')}, false, false from old where not exists (select from new)`,
)

/** As `update`, where the task's revision is among $11; whether it was comes first. */
export const updateIf = write(
  'duly_update_if',
  `${updating('revision = any($11::bigint[])')}
  select true, changed.*, true from changed
  union all
  select old.revision = any($11), ${columns('old')}, false, false from old where not exists (select from new)`,
)

/** $3 bytes of all at most. */
export const toggle = write(
  'duly_toggle',
  `with old as (${lockedTask()}),
  owner as (
    ${raise('$3', '', 'where owners.id = $1 and exists (select from old)')}
  )
  update duly.tasks set is_completed = not tasks.is_completed,
    completed_at = case when tasks.is_completed then null else owner.at end,
    updated_at = owner.at, revision = owner.revision
  from owner where tasks.user_id = $1 and tasks.id = $2
  returning ${task}, owner.needs_room`,
)

const removing = (only: string) => `with old as (${lockedTask(`, ${taskBytesIn('tasks')} as bytes`)}),
  owner as (
    ${raise(
      '$3',
      `, task_count = owners.task_count - 1, live_bytes = owners.live_bytes - old.bytes,
      trash_bytes = owners.trash_bytes + old.bytes`,
      `from old where owners.id = $1 and ${only}`,
    )}
  ),
  removed as (
    update duly.tasks set deleted_at = owner.at, revision = owner.revision
    from owner where tasks.user_id = $1 and tasks.id = $2
    returning tasks.id, owner.needs_room
  )`

/** $3 bytes of all at most. The row stays as its own tombstone until the sweep, or until its room is needed. */
export const remove = write('duly_remove', `${removing('true')} select id, needs_room from removed`)

/** As `remove`, where the task's revision is among $4; whether it was comes first, then the task before it was removed. */
export const removeIf = write(
  'duly_remove_if',
  `${removing('old.revision = any($4::bigint[])')}
  select exists (select from removed), ${columns('old')}, coalesce((select needs_room from owner), false) from old`,
)

/** The one statement that looks across owners: which tombstones are older than $1 days; $2 at most. */
export const expired = statement(
  'duly_expired',
  `select tasks.user_id, tasks.id from duly.tasks
  where tasks.deleted_at < now() - make_interval(days => $1::integer) order by tasks.deleted_at limit $2`,
)

/** $2 ids, $3 days. */
export const sweep = statement(
  'duly_sweep',
  `with swept as (
    delete from duly.tasks where tasks.user_id = $1 and tasks.id = any($2::bigint[])
      and tasks.deleted_at < now() - make_interval(days => $3::integer)
    returning ${taskBytesIn('tasks')} as bytes
  )
  update duly.owners set trash_bytes = owners.trash_bytes - freed.bytes
  from (select coalesce(sum(bytes), 0)::bigint as bytes from swept) as freed where owners.id = $1`,
)
