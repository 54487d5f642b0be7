import { quick, type Statement, statement } from '../db/database.ts'
import type { Position, SortOrder } from './list.ts'
import { holds } from './search-statements.ts'
import { sortedEachTime, unsorted } from './sort-in.ts'
import { columns } from './task-row.ts'

// The statements of lists in any order. A task that has not changed since it was sorted in (sort-in.ts) is found in an index of the
// order; the others, some hundred at most once somebody reads the list, are sorted for each page, which is merged from both. The
// condition on the position is there from the first page on, so that the index is the cheapest.

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

const live = 'tasks.user_id = $1 and tasks.deleted_at is null'
// By a sub-select, so that the planner never knows the limit, also where it knows the values: it expects a tenth of the rows then, and
// reads in order of an index. Where it knew, it would trust what it believes of the owner, and sort the whole list.
const limited = 'limit (select $4::bigint)'
const unlimited = 'limit (select null::bigint)'
const tooMany = `owners.task_count > ${sortedEachTime} and (select count(*) > ${sortedEachTime} from (
  select from duly.tasks where ${unsorted} order by tasks.id limit (select ${sortedEachTime + 1})) as found)`
const allUnsorted = `(select tasks.* from duly.tasks where ${unsorted} order by tasks.id ${unlimited}) as tasks`

/** In all of them, $2 and $3 are the position after which the page begins, and $4 is the limit. */
interface Family {
  readonly name: string
  /** Which tasks, where not all that are live: found by primary key. */
  readonly only?: string
  /** Whether the tasks are completed, in the lists that ask for that. */
  readonly completed: '$5' | '$6'
  /** Is looked at row by row, in order, until the page is full. */
  readonly matching?: string
}

/** Whether a page has two parts. A task's creation never changes, and ids that are known are looked up. */
const isMerged = ({ only }: Family, { column }: Order, filtered: boolean) =>
  !only && (column !== 'created_at' || filtered)

/** The tasks of a page, their title's key first where titles are the order. */
function tasksOfPage(family: Family, order: Order, filtered: boolean): string {
  const { only, completed, matching } = family
  const { column, descending } = order
  const found = `${column === 'title_key' ? 'tasks.title_key' : 'null::text as title_key'}, ${columns('tasks')}`
  const [direction, beyond] = descending ? ['desc', '<'] : ['asc', '>']
  const key = column === 'title_key' ? '$2::text collate "C"' : '$2::text::timestamptz'
  const by = (name: string) => `order by tasks.${name} ${direction}, tasks.id ${direction}`
  const part = (rows: string, which: readonly string[], name: string, completion: string) => {
    const past = `(tasks.${name}, tasks.id) ${beyond} (${key}, $3::bigint)`
    const filter = filtered ? [`tasks.${completion} = ${completed}`] : []
    const page = `${rows} where ${[...which, past, ...filter].join(' and ')} ${by(name)}`
    if (!matching) return `select ${found} from ${page} ${limited}`
    // Ids alone are put in order, and each task is looked up: descriptions may be long, and most are not asked for.
    const one = 'select tasks.* from duly.tasks where tasks.user_id = $1 and tasks.id = place.id offset 0'
    return `select ${found} from (select tasks.id from ${page} ${unlimited}) as place
      cross join lateral (${one}) as tasks where ${matching} ${limited}`
  }
  if (!isMerged(family, order, filtered)) return part('duly.tasks', [only ?? live], column, 'is_completed')
  // By creation, the state that is asked for is one that the unsorted do not have.
  const [sorted, isSortedIn] =
    column === 'created_at' ? [column, []] : [`sorted_${column}`, [`tasks.sorted_${column} is not null`]]
  const parts = [
    part(allUnsorted, [], column, 'is_completed'),
    part('duly.tasks', [live, ...isSortedIn], sorted, 'sorted_is_completed'),
  ]
  return `select * from (${parts.map(text => `(${text})`).join(' union all ')}) as tasks ${by(column)} ${limited}`
}

/** Lists in every order, of all tasks and of those that are completed or not. */
function listStatements(family: Family) {
  const build = (sort: SortOrder, filtered: boolean): ListStatement => {
    const order = orders[sort]
    // One row on the left, so that the join is a nested loop and keeps the order; and one even where there is no task.
    const text = `select owners.revision, owners.epoch, ${isMerged(family, order, filtered) ? tooMany : 'false'}, found.* from (select 1) as always
      left join duly.owners on owners.id = $1
      left join lateral (${tasksOfPage(family, order, filtered)}) as found on true`
    const id = order.descending ? Number.MAX_SAFE_INTEGER : 0
    const suffix = `${order.column}_${order.descending ? 'desc' : 'asc'}${filtered ? '_filtered' : ''}`
    return { statement: statement(`${family.name}_${suffix}`, text), start: { key: order.from, id } }
  }
  const both = (filtered: boolean) =>
    Object.fromEntries(Object.keys(orders).map(sort => [sort, build(sort as SortOrder, filtered)]))
  const [all, some] = [both(false), both(true)]
  return (sort: SortOrder, filtered: boolean) => (filtered ? some : all)[sort] as ListStatement
}

/** $5 whether completed, where that is asked. */
export const listStatement = listStatements({ name: 'duly_list', completed: '$5' })

/** Of the tasks whose ids are $5; $6 whether completed. Found by primary key, as `one` in statements.ts. */
export const listOfIds = listStatements({
  name: 'duly_list_ids',
  only: `tasks.user_id = $1 and tasks.id = any($5::bigint[]) and coalesce(tasks.deleted_at, 'infinity') = 'infinity'`,
  completed: '$6',
})

/**
 * Of the tasks in which the folded text $5 is found; $6 whether completed. A sub-select, since an `exists` may be turned into a
 * join with all of the owner's texts.
 */
export const listOfMatches = listStatements({
  name: 'duly_list_matches',
  completed: '$6',
  matching: `(select ${holds('$5')} from duly.search where search.user_id = $1 and search.id = tasks.id)`,
})
