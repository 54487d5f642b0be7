import type { DataRow } from '../db/data-row.ts'
import type { Parameters } from '../db/shapes.ts'
import { timeOf } from '../fields/field.ts'
import type { Position, SortOrder } from './list-query.ts'

// The orders of lists, with the SQL of their sort keys.

export interface Order {
  readonly key: string
  readonly type: 'text' | 'timestamptz'
  readonly isDescending: boolean
  /** Positions before the first task and after the last. */
  readonly start: Position
  readonly end: Position
}

interface Key {
  readonly key: string
  /** The key for descending order: tasks without a value come last in both directions. */
  readonly none: string
  readonly type: Order['type']
  readonly first: string
  readonly last: string
}

// After every key of a title: longer, and of the highest code point.
const lastText = '\u{10ffff}'.repeat(65)
const text = (key: string, none = key): Key => ({ key, none, type: 'text', first: '', last: lastText })
const time = (key: string, none = key): Key => ({
  key,
  none,
  type: 'timestamptz',
  first: '-infinity',
  last: 'infinity',
})
/** A text that can be null. */
const optional = (sql: string) => text(`coalesce(${sql}, '~')`, `coalesce(${sql}, '')`)
const rank = (none: string) =>
  `(case tasks.priority when 'low' then '1' when 'medium' then '2' when 'high' then '3' else '${none}' end) collate "C"`

const keys = {
  created_at: time('tasks.created_at'),
  updated_at: time('tasks.updated_at'),
  // Most titles have at most 64 bytes. Counting characters costs more than the rest of a scan.
  title: text(
    'case when octet_length(tasks.title_key) <= 64 then tasks.title_key else left(tasks.title_key, 64) end',
  ),
  due: optional('tasks.due_key'),
  deadline: optional('tasks.deadline'),
  // Not infinity, which `timeOf` cannot read.
  completed_at: time(
    `coalesce(tasks.completed_at, '2999-12-31 23:59:59.999999+00'::timestamptz)`,
    `coalesce(tasks.completed_at, '1000-01-01 00:00:00+00'::timestamptz)`,
  ),
  priority: text(rank('4'), rank('0')),
  position: text('tasks.position'),
} satisfies Record<string, Key>

/** How `sort` orders tasks. */
export function orderOf(sort: SortOrder): Order {
  const isDescending = sort.startsWith('-')
  const name = (isDescending ? sort.slice(1) : sort) as keyof typeof keys
  const { key, none, type, first, last }: Key = keys[name]
  const [lowest, highest] = [
    { key: first, id: 0 },
    { key: last, id: Number.MAX_SAFE_INTEGER },
  ]
  return isDescending
    ? { key: none, type, isDescending, start: highest, end: lowest }
    : { key, type, isDescending, start: lowest, end: highest }
}

/** The positions before the first task and after the last, in either direction of an order. */
export const endsOf = ({ isDescending, start, end }: Order, isDown: boolean) =>
  isDown === isDescending ? ([start, end] as const) : ([end, start] as const)

/** SQL: the key and the id of a position in an order. */
export function placeIn(
  { type }: Pick<Order, 'type'>,
  { key, id }: Position,
  parameters: Parameters,
): readonly [key: string, id: string] {
  const value = parameters.add(key, type)
  return [type === 'text' ? `${value} collate "C"` : value, parameters.add(id, 'bigint')]
}

/** Reads a position in an order from the columns of its key and its id. */
export const positionIn = (
  { type }: Pick<Order, 'type'>,
  row: DataRow,
  key: number,
  id: number,
): Position => ({ key: type === 'text' ? (row.text(key) ?? '') : timeOf(row, key), id: row.integer(id) })
