import { quick, statement } from '../db/database.ts'
import { tasks } from './fields.ts'
import { isLive } from './is-live.ts'

// Statements that read one task, and lists in order of creation. `$1` is the owner.

const columns = tasks.columns('tasks')
const live = 'tasks.user_id = $1 and tasks.deleted_at is null'
const one = `tasks.user_id = $1 and tasks.id = $2 and ${isLive}`
const newestFirst = 'order by tasks.created_at desc, tasks.id desc'

/**
 * $2 limit, $3 offset. The first row has only the owner's number of tasks; there is none without an
 * owner. Then follow the tasks, with null in its place.
 */
export const page = statement(
  'duly_page',
  `select task_count${', null'.repeat(tasks.names.length)} from duly.owners where owners.id = $1
  union all
  (select null, ${columns} from duly.tasks where ${live} ${newestFirst} limit $2 offset $3)`,
)

/** $2 and $3 creation time and id of the previous task, $4 limit, $5 offset. */
export const batch = statement(
  'duly_batch',
  `select ${columns} from duly.tasks
  where ${live} and (tasks.created_at, tasks.id) < ($2::timestamptz, $3::bigint) ${newestFirst} limit $4 offset $5`,
)

/** Creation time and id of the task that follows the next $4. $2 and $3 as in `batch`. */
export const skip = statement(
  'duly_skip',
  `select tasks.created_at, tasks.id from duly.tasks
  where ${live} and (tasks.created_at, tasks.id) < ($2::timestamptz, $3::bigint) ${newestFirst} limit 1 offset $4`,
)

export const findList = quick(
  'duly_find_list',
  'select lists.id from duly.lists where lists.user_id = $1 and lists.id = $2 and lists.deleted_at is null',
)

export const get = quick('duly_get', `select ${columns} from duly.tasks where ${one}`)
