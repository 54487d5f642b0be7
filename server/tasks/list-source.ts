import type { Parameters } from '../db/shapes.ts'
import { keysAround, lastKeyPassed } from './days.ts'
import type { ListFilters, ListQuery, SortOrder } from './list-query.ts'

/** An index that contains all tasks of a query, and possibly others. */
export interface Source {
  readonly index: 'tasks_created_at' | 'tasks_due' | 'tasks_open' | 'tasks_completed' | 'tasks_children'
  /** The order of the index. */
  readonly sort: SortOrder
  /** The filters that every task in the index matches. */
  readonly filters: readonly string[]
  /** Conditions from which the planner finds the index, in addition to those of live tasks. */
  conditions(query: ListQuery, parameters: Parameters): readonly string[]
}

const byCreation: Source = {
  index: 'tasks_created_at',
  sort: '-created_at',
  filters: [],
  conditions: () => [],
}

/** All open tasks. Those that are due in a period are close together. */
const byDue: Source = {
  index: 'tasks_due',
  sort: 'due',
  filters: ['is_completed'],
  conditions: ({ dueIn = [], overdue }, parameters) => {
    const key = `coalesce(tasks.due_key, '~')`
    const periods = dueIn.map(keysAround)
    return [
      'not tasks.is_completed',
      ...periods.map(
        ([first, last]) =>
          `${key} between ${parameters.add(first, 'text')} and ${parameters.add(last, 'text')}`,
      ),
      ...(overdue ? [`${key} <= ${parameters.add(lastKeyPassed(overdue), 'text')}`] : []),
    ]
  },
}

/** The top level of a list. */
const ofList = (index: 'tasks_open' | 'tasks_completed'): Source => ({
  index,
  sort: 'position',
  filters: ['is_completed', 'list', 'parent'],
  conditions: ({ list }, parameters) => [
    index === 'tasks_open' ? 'not tasks.is_completed' : 'tasks.is_completed',
    'tasks.parent_id is null',
    `coalesce(tasks.list_id, 0) = ${parameters.add(list ?? 0, 'bigint')}`,
  ],
})
const openOfList = ofList('tasks_open')
const completedOfList = ofList('tasks_completed')

const ofParent: Source = {
  index: 'tasks_children',
  sort: 'position',
  filters: ['parent'],
  conditions: ({ parent }, parameters) => [`tasks.parent_id = ${parameters.add(parent ?? 0, 'bigint')}`],
}

/** The index for a query: the one in its order, or else the one with the fewest tasks. */
export function sourceOf(query: ListQuery): Source {
  const { filters = {}, list, parent, sort, overdue } = query
  if (parent) return ofParent
  const { is_completed: isCompleted } = filters
  const isOpen = isCompleted === false || (overdue !== undefined && isCompleted === undefined)
  if (isOpen && sort === 'due') return byDue
  const isOfList = list !== undefined && parent === null
  if (isOfList && isOpen) return openOfList
  if (isOfList && isCompleted) return completedOfList
  return isOpen ? byDue : byCreation
}

/** Whether the index has the order of the query. */
export function isInOrder({ sort }: Source, query: ListQuery): boolean {
  const [own, other] = [sort, query.sort].map(name => name.replace('-', ''))
  // In reverse, tasks without a due date would come first.
  return own === other && query.sort !== '-due'
}

/** The index in the order of a query, if its first tasks probably match. */
export function sourceInOrder(query: ListQuery): Source | undefined {
  const source = sourceOf(query)
  if (isInOrder(source, query)) return source
  // Many of the newest tasks are open.
  return source === byDue && isInOrder(byCreation, query) ? byCreation : undefined
}

/** The filters that not every task in the index matches. */
export function restOf({ filters: known }: Source, query: ListQuery): ListFilters {
  const { sort: _sort, limit: _limit, after: _after, filters = {}, ...others } = query
  const unknown = (values: object) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !known.includes(name)))
  return { filters: unknown(filters), ...unknown(others) }
}
