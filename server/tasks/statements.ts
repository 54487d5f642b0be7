import { quick, statement, write } from '../db/database.ts'
import { columnCount, columns } from './task-row.ts'

// The statements on one task, and on lists as they were created. `$1` is the owner in each of them, on every table it touches.
//
// A write is one statement: it locks the task, raises the owner's revision, and stamps the task with it. The lock comes
// first: an owner raised before it were known that the task is there would leave a gap when two deletes race. The
// time is never before that of the owner's last write, so that times and revisions of one owner run the same way, also where
// statements waited for each other or the clock was set back.

const task = columns('tasks')
const live = 'tasks.user_id = $1 and tasks.deleted_at is null'
// Says the same as `deleted_at is null` in words that the planner cannot match with the index of lists: without fresh
// statistics (the embedded database has none) it would take that one for a single task, and read the owner's whole list.
const one = `tasks.user_id = $1 and tasks.id = $2 and coalesce(tasks.deleted_at, 'infinity') = 'infinity'`
const newestFirst = 'order by tasks.created_at desc, tasks.id desc'
const lockedTask = `select * from duly.tasks where ${one} for update`
const raised = 'returning revision, written_at as at'
const raiseIf = (found: string, more = '') =>
  `update duly.owners set revision = owners.revision + 1, written_at = greatest(owners.written_at, statement_timestamp())${more}
    where owners.id = $1 and exists (${found}) ${raised}`

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

export const get = quick('duly_get', `select ${task} from duly.tasks where ${one}`)

/**
 * $2 title, $3 description, $4 whether it is completed; $5 the folded title, $6 the folded description; $7 tasks at most. The
 * owner need not exist. The count is compared once the owner's row is locked, so that no two find the same last place.
 */
export const create = write(
  'duly_create',
  `with owner as (
    insert into duly.owners (id, revision, task_count, written_at) values ($1, 1, 1, statement_timestamp())
    on conflict (id) do update set revision = owners.revision + 1, task_count = owners.task_count + 1,
      written_at = greatest(owners.written_at, excluded.written_at)
    where owners.task_count < $7::bigint ${raised}
  ),
  made as (
    insert into duly.tasks
      (user_id, title, title_key, description, description_key, is_completed, completed_at, created_at, updated_at, revision)
    select $1, $2, $5, $3, $6, $4::boolean, case when $4::boolean then at end, at, at, revision from owner
    returning ${task}
  )
  select * from made`,
)

// `only` says which of the tasks that were found are changed.
const updating = (only: string) => `with old as (${lockedTask}),
  new as (
    select coalesce($3::text, title) as title, coalesce($7::text, title_key) as title_key,
      case when $4::boolean then $5::text else description end as description,
      case when $4::boolean then $8::text else description_key end as description_key,
      coalesce($6::boolean, is_completed) as is_completed
    from old
    where ${only} and (title, description, is_completed) is distinct from
      (coalesce($3, title), case when $4 then $5 else description end, coalesce($6, is_completed))
  ),
  owner as (
    ${raiseIf('select from new')}
  ),
  changed as (
    update duly.tasks set title = new.title, title_key = new.title_key, description = new.description,
      description_key = new.description_key, is_completed = new.is_completed,
      completed_at = case when new.is_completed then coalesce(tasks.completed_at, owner.at) end,
      updated_at = owner.at, revision = owner.revision
    from new, owner where tasks.user_id = $1 and tasks.id = $2
    returning ${task}
  )`

/**
 * $3 title or null, $4 whether $5 replaces the description, $6 whether it is completed or null; $7 the folded title or null, $8
 * the folded description. A change that changes nothing is no change: the task comes back as it is and no revision is spent.
 */
export const update = write(
  'duly_update',
  `${updating('true')}
  select * from changed
  union all
  select ${columns('old')} from old where not exists (select from new)`,
)

/** As `update`, where the task's revision is among $9; whether it was comes first. */
export const updateIf = write(
  'duly_update_if',
  `${updating('revision = any($9::bigint[])')}
  select true, * from changed
  union all
  select old.revision = any($9), ${columns('old')} from old where not exists (select from new)`,
)

export const toggle = write(
  'duly_toggle',
  `with old as (${lockedTask}),
  owner as (
    ${raiseIf('select from old')}
  )
  update duly.tasks set is_completed = not tasks.is_completed,
    completed_at = case when tasks.is_completed then null else owner.at end,
    updated_at = owner.at, revision = owner.revision
  from owner where tasks.user_id = $1 and tasks.id = $2
  returning ${task}`,
)

const removing = (only: string) => `with old as (${lockedTask}),
  owner as (
    ${raiseIf(`select from old where ${only}`, ', task_count = owners.task_count - 1')}
  ),
  removed as (
    update duly.tasks set deleted_at = owner.at, revision = owner.revision
    from owner where tasks.user_id = $1 and tasks.id = $2
    returning tasks.id
  )`

/** The row stays as its own tombstone until the sweep. */
export const remove = write('duly_remove', `${removing('true')} select id from removed`)

/** As `remove`, where the task's revision is among $3; whether it was comes first, then the task before it was removed. */
export const removeIf = write(
  'duly_remove_if',
  `${removing('revision = any($3::bigint[])')} select exists (select from removed), ${columns('old')} from old`,
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
  `delete from duly.tasks where tasks.user_id = $1 and tasks.id = any($2::bigint[])
    and tasks.deleted_at < now() - make_interval(days => $3::integer)`,
)
