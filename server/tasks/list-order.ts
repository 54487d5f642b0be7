import type { Parameters } from '../db/shapes.ts'
import type { Position, SortOrder } from './list-query.ts'

// The orders of lists: the SQL of the key that each compares.

export interface Order {
  readonly key: string
  readonly type: 'text' | 'timestamptz'
  readonly isDescending: boolean
  /** Before the first task, and after the last. */
  readonly start: Position
  readonly end: Position
}

interface Key {
  readonly key: string
  /** The key in descending order, where tasks without a value come last in both. */
  readonly none?: string
  readonly type: Order['type']
  readonly first: string
  readonly last: string
}

// One character more than any key of a title, of the last code point.
const lastText = '\u{10ffff}'.repeat(65)
const text = (key: string, none = key): Key => ({ key, none, type: 'text', first: '', last: lastText })
const time = (key: string): Key => ({ key, type: 'timestamptz', first: '-infinity', last: 'infinity' })
/** A text that a task may not have. */
const optional = (sql: string) => text(`coalesce(${sql}, '~')`, `coalesce(${sql}, '')`)
const rank = (none: string) =>
  `(case tasks.priority when 'low' then '1' when 'medium' then '2' when 'high' then '3' else '${none}' end) collate "C"`

const keys = {
  created_at: time('tasks.created_at'),
  updated_at: time('tasks.updated_at'),
  title: text('left(tasks.title_key, 64)'),
  due: optional('tasks.due_key'),
  deadline: optional('tasks.deadline'),
  // A text, since a time that is infinite could not be read.
  completed_at: optional(
    `to_char(tasks.completed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') collate "C"`,
  ),
  priority: text(rank('4'), rank('0')),
  position: text('tasks.position'),
} satisfies Record<string, Key>

/** How `sort` orders tasks. */
export function orderOf(sort: SortOrder): Order {
  const isDescending = sort.startsWith('-')
  const name = (isDescending ? sort.slice(1) : sort) as keyof typeof keys
  const { key, none = key, type, first, last }: Key = keys[name]
  const [lowest, highest] = [
    { key: first, id: 0 },
    { key: last, id: Number.MAX_SAFE_INTEGER },
  ]
  return isDescending
    ? { key: none, type, isDescending, start: highest, end: lowest }
    : { key, type, isDescending, start: lowest, end: highest }
}

/** The SQL of the key and the id of a place in an order. */
export function placeIn(
  { type }: Pick<Order, 'type'>,
  { key, id }: Position,
  parameters: Parameters,
): readonly [key: string, id: string] {
  const value = parameters.add(key, 'text')
  return [`${value}${type === 'text' ? ' collate "C"' : `::${type}`}`, parameters.add(id, 'bigint')]
}
