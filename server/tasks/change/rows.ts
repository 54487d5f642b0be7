import type { DataRow } from '../../db/data-row.ts'
import { type Session, statement, type TakeRow } from '../../db/database.ts'
import { timeOf } from '../../fields/field.ts'
import { type Task, tasks } from '../fields.ts'
import { type List, lists } from '../list-fields.ts'

// Reads the rows of a change, in a transaction that has locked the owner's row. `$1` is the owner.

/** A task that may be in the trash. */
export type TaskRow = Task & { readonly deleted_at: string | null }
export type ListRow = List & { readonly deleted_at: string | null }

/** Maximum number of items in one change. */
export const maxItems = 10_000
/**
 * Maximum number of tasks that a change reads because of their lists, and of tasks in a step: 30 ms
 * of the embedded database. See steps.ts.
 */
export const stepSize = 500

/** SQL: the next tasks of the trash after a place. The limit keeps the planner at their index. */
export const trashAfter = (deletedAt: string, id: string, limit: string | number) =>
  `select tasks.* from duly.tasks where tasks.user_id = $1 and tasks.deleted_at is not null
      and (tasks.deleted_at, tasks.id) > (${deletedAt}::text::timestamptz, ${id}::bigint)
    order by tasks.deleted_at, tasks.id limit ${limit}`

const listColumns = `${lists.columns('lists')}, lists.deleted_at`
const taskColumns = `${tasks.columns('tasks')}, tasks.deleted_at`
/** The description can be long, so it is read only for the tasks that are changed. */
const leanColumns = (isWhole: string) =>
  taskColumns.replace('tasks.description,', `case when ${isWhole} then tasks.description end as description,`)

const allLists = statement(
  'duly_change_lists',
  `select ${listColumns} from duly.lists where lists.user_id = $1`,
)

/**
 * The tasks $2 and $3 (with their descriptions if $4), the ancestors of both, and the descendants
 * of $3.
 * `offset 0` makes every join a nested loop: a generic plan expects thousands of ids, and would
 * read all tasks of the owner. `+ 0` lowers the estimated number of children to one: each execution
 * clears a hash table of the estimated size, which took most of the time even for forty children.
 * `is_given` is found once, because looking for each task among thousands of ids takes longer than
 * all the rest.
 */
const family = statement(
  'duly_change_family',
  `with recursive up (id, parent_id, is_given) as (
    select tasks.id, tasks.parent_id, true from duly.tasks where tasks.user_id = $1 and tasks.id = any($2::bigint[] || $3::bigint[])
    union
    select parent.id, parent.parent_id, false from up cross join lateral (
      select tasks.id, tasks.parent_id from duly.tasks where tasks.user_id = $1 and tasks.id = up.parent_id offset 0
    ) as parent
  ),
  down (id) as (
    select tasks.id from duly.tasks where tasks.user_id = $1 and tasks.id = any($3::bigint[])
    union
    select child.id from down cross join lateral (
      select tasks.id from duly.tasks where tasks.user_id = $1 and tasks.parent_id = down.id
        and tasks.id = tasks.id + 0 and tasks.parent_id = tasks.parent_id + 0 offset 0
    ) as child
  )
  select ${leanColumns('$4::boolean and wanted.is_given')}
  from (
    select id, bool_or(is_given) as is_given from (select id, is_given from up union all select id, false from down) as found
    group by id limit ${maxItems + 1000}
  ) as wanted
  cross join lateral (
    select tasks.* from duly.tasks where tasks.user_id = $1 and tasks.id = wanted.id offset 0
  ) as tasks`,
)

/** $2 the key of a tag. */
const tagged = statement(
  'duly_change_tagged',
  `select ${leanColumns('false')} from duly.tasks
  where tasks.user_id = $1 and tasks.deleted_at is null and tasks.tag_keys @> array[$2]::text[] limit ${maxItems + 1}`,
)

/** $1 how many ids to reserve. */
const nextTaskIds = statement(
  'duly_next_task_ids',
  `select nextval('duly.tasks_id_seq') from generate_series(1, $1::integer)`,
)
const nextListIds = statement(
  'duly_next_list_ids',
  `select nextval('duly.lists_id_seq') from generate_series(1, $1::integer)`,
)

const deletedIn = (row: DataRow, column: number) => (row.isNull(column) ? null : timeOf(row, column))
// Not a spread: see docs/decisions/0029-code-for-v8.md.
const taskIn = (row: DataRow): TaskRow =>
  Object.assign(tasks.read(row), { deleted_at: deletedIn(row, tasks.names.length) })
const listIn = (row: DataRow): ListRow =>
  Object.assign(lists.read(row), { deleted_at: deletedIn(row, lists.names.length) })

async function collect<T>(read: (take: TakeRow) => Promise<unknown>, of: (row: DataRow) => T): Promise<T[]> {
  const found: T[] = []
  await read(row => void found.push(of(row)))
  return found
}

export const readLists = (db: Session, owner: string) =>
  collect(take => db.read(allLists, [owner], take), listIn)

export const readFamily = (
  db: Session,
  owner: string,
  ids: readonly number[],
  withDescendants: readonly number[],
) => collect(take => db.read(family, [owner, ids, withDescendants, true], take), taskIn)

export const readTagged = (db: Session, owner: string, key: string) =>
  collect(take => db.read(tagged, [owner, key], take), taskIn)

/** Tasks and their ancestors, without descriptions. */
export const readLean = (db: Session, owner: string, ids: readonly number[]) =>
  collect(take => db.read(family, [owner, ids, [], false], take), taskIn)

export async function reserveIds(db: Session, what: 'task' | 'list', count: number): Promise<number[]> {
  const rows = await db.query(what === 'task' ? nextTaskIds : nextListIds, [count])
  return rows.map(([id]) => Number(id))
}

/** The siblings on one side of a place, nearest first. */
interface SiblingQuery {
  /** 0 is the inbox. Ignored if there is a parent. */
  readonly list: number
  /** 0 is the top level. */
  readonly parent: number
  readonly direction: 'before' | 'after'
  /** Null: the end (`before`) or the start (`after`). */
  readonly from: { readonly position: string; readonly id: number } | null
  readonly limit: number
  /** Tasks to leave out. */
  readonly except: readonly number[]
}

const siblingColumns = leanColumns('false')

/** $2 list or parent, $3 and $4 position and id, $5 limit, $6 ids to leave out. */
function siblingStatement(isTop: boolean, direction: 'before' | 'after') {
  const [order, beyond] = direction === 'before' ? ['desc', '<'] : ['asc', '>']
  const part = (condition: string) =>
    `(select tasks.* from duly.tasks where tasks.user_id = $1 and tasks.deleted_at is null and ${condition}
      and (tasks.position, tasks.id) ${beyond} ($3::text collate "C", $4::bigint) and tasks.id <> all($6::bigint[])
      order by tasks.position ${order}, tasks.id ${order} limit $5::bigint)`
  const top = 'coalesce(tasks.list_id, 0) = $2::bigint and tasks.parent_id is null'
  const source = isTop
    ? `${part(`${top} and not tasks.is_completed`)} union all ${part(`${top} and tasks.is_completed`)}`
    : part('tasks.parent_id = $2::bigint')
  return statement(
    `duly_siblings_${isTop ? 'top' : 'children'}_${direction}`,
    `select ${siblingColumns} from (${source}) as tasks order by tasks.position ${order}, tasks.id ${order} limit $5::bigint`,
  )
}

const siblingStatements = {
  top: { before: siblingStatement(true, 'before'), after: siblingStatement(true, 'after') },
  children: { before: siblingStatement(false, 'before'), after: siblingStatement(false, 'after') },
}

export function readSiblings(db: Session, owner: string, query: SiblingQuery): Promise<TaskRow[]> {
  const { list, parent, direction, from, limit, except } = query
  const end =
    direction === 'before' ? { position: '~', id: Number.MAX_SAFE_INTEGER } : { position: '', id: 0 }
  const { position, id } = from ?? end
  const found = siblingStatements[parent === 0 ? 'top' : 'children'][direction]
  return collect(
    take => db.read(found, [owner, parent === 0 ? list : parent, position, id, limit, except], take),
    taskIn,
  )
}
