import { quick, type Statement, statement } from '../db/database.ts'
import type { Position, SortOrder } from './list.ts'
import { holds } from './search-statements.ts'
import { columns } from './task-row.ts'

// The statements of lists in any order. Each order has an index that begins with the owner and its column; the condition on the
// position is there from the first page on, so that this index is the cheapest whatever the planner knows.

export interface ListStatement {
  readonly statement: Statement
  /** Before the first task. */
  readonly start: Position
}

/** One primary-key look-up. */
export const ownerState = quick('duly_state', 'select revision, epoch from duly.owners where id = $1')

const orders: Readonly<Record<SortOrder, Order>> = {
  created_at: { column: 'created_at', from: '-infinity' },
  '-created_at': { column: 'created_at', from: 'infinity', descending: true },
  updated_at: { column: 'updated_at', from: '-infinity' },
  '-updated_at': { column: 'updated_at', from: 'infinity', descending: true },
  title: { column: 'title_key', from: '' },
  // One character longer than any key, of the last character there is.
  '-title': { column: 'title_key', from: '\u{10ffff}'.repeat(65), descending: true },
}

interface Order {
  readonly column: 'created_at' | 'updated_at' | 'title_key'
  readonly from: string
  readonly descending?: boolean
}

/**
 * Lists of the rows for which `condition` holds, in every order, of all of them and of those that are completed or not;
 * `completed` is the parameter that says which. `matching` is looked at row by row, in order, until the page is full.
 */
function listStatements(name: string, condition: string, completed: '$5' | '$6', matching?: string) {
  const build = (sort: SortOrder, filtered: boolean): ListStatement => {
    const { column, from, descending = false } = orders[sort]
    const direction = descending ? 'desc' : 'asc'
    const key = column === 'title_key' ? '$2::text collate "C"' : '$2::text::timestamptz'
    const past = `(tasks.${column}, tasks.id) ${descending ? '<' : '>'} (${key}, $3::bigint)`
    const where = [condition, past, ...(filtered ? [`tasks.is_completed = ${completed}`] : [])].join(' and ')
    const inOrder = `from duly.tasks where ${where} order by tasks.${column} ${direction}, tasks.id ${direction}`
    // Apart, or the price of the look would outweigh what makes the index the cheapest.
    const rows = matching ? `from (select tasks.* ${inOrder} offset 0) as tasks where ${matching}` : inOrder
    // One row on the left, so that the join is a nested loop and keeps the order; and one even where there is no task.
    const text = `select owners.revision, owners.epoch, found.* from (select 1) as always
      left join duly.owners on owners.id = $1
      left join lateral (
        select ${column === 'title_key' ? 'tasks.title_key' : 'null::text'}, ${columns('tasks')} ${rows} limit $4
      ) as found on true`
    const id = descending ? Number.MAX_SAFE_INTEGER : 0
    const suffix = `${column}_${direction}${filtered ? '_filtered' : ''}`
    return { statement: statement(`${name}_${suffix}`, text), start: { key: from, id } }
  }
  const both = (filtered: boolean) =>
    Object.fromEntries(Object.keys(orders).map(sort => [sort, build(sort as SortOrder, filtered)]))
  const [all, some] = [both(false), both(true)]
  return (sort: SortOrder, filtered: boolean) => (filtered ? some : all)[sort] as ListStatement
}

const live = 'tasks.user_id = $1 and tasks.deleted_at is null'

/** $2 and $3: the position after which the page begins; $4 limit, $5 whether completed, where that is asked. */
export const listStatement = listStatements('duly_list', live, '$5')

/** As `listStatement`, of the tasks whose ids are $5; $6 whether completed. Found by primary key, as `one` in statements.ts. */
export const listOfIds = listStatements(
  'duly_list_ids',
  `tasks.user_id = $1 and tasks.id = any($5::bigint[]) and coalesce(tasks.deleted_at, 'infinity') = 'infinity'`,
  '$6',
)

/**
 * As `listStatement`, of the tasks in which the folded text $5 is found; $6 whether completed. A sub-select, since an
 * `exists` may be turned into a join with all of the owner's texts.
 */
export const listOfMatches = listStatements(
  'duly_list_matches',
  live,
  '$6',
  `(select ${holds('$5')} from duly.search where search.user_id = $1 and search.id = tasks.id)`,
)
