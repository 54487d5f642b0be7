import { quick, type Statement, statement, unprepared, type Value } from '../db/database.ts'
import { wordsOf } from './fold.ts'
import type { ListQuery, Position, SortOrder } from './list.ts'
import { columns } from './task-row.ts'

// A list statement is composed from named parts: an order, and a condition for each filter that the query uses. Its text
// depends on which parts are used, never on their values.

/** One primary-key look-up. */
export const ownerState = quick('duly_state', 'select revision, epoch from duly.owners where id = $1')

export interface BuiltStatement {
  readonly statement: Statement
  readonly values: readonly Value[]
}

/** Adds a value to the statement and returns its placeholder. */
type Bind = (value: Value, type: string) => string

/** The condition of a filter, or `undefined` if the query does not use it. */
type Filter = (query: ListQuery, bind: Bind) => string | undefined

const filters: readonly Filter[] = [
  ({ isCompleted }, bind) =>
    isCompleted === undefined ? undefined : `tasks.is_completed = ${bind(isCompleted, 'boolean')}`,

  ({ search }, bind) =>
    search === undefined
      ? undefined
      : `${searchedText} like all (${bind(wordsOf(search).map(pattern), 'text[]')})`,
]

// Words contain no line feed, so a match lies within the title or within the description.
const searchedText = `(tasks.title_key || coalesce(E'\\n' || tasks.description_key, ''))`
const pattern = (word: string) => `%${word.replace(/[\\%_]/g, '\\$&')}%`

interface Order {
  readonly key: string
  readonly type: string
  readonly isDescending: boolean
  /** Whether `tasks_created_at` has this order. */
  readonly isIndexed: boolean
  /** Before the first task. */
  readonly start: Position
}

const keys = {
  created_at: { key: 'tasks.created_at', type: 'timestamptz', first: '-infinity', last: 'infinity' },
  updated_at: { key: 'tasks.updated_at', type: 'timestamptz', first: '-infinity', last: 'infinity' },
  // The last key has one character more than any other, of the last code point.
  title: { key: 'left(tasks.title_key, 64)', type: 'text', first: '', last: '\u{10ffff}'.repeat(65) },
}

/** How `sort` orders tasks. */
export function orderOf(sort: SortOrder): Order {
  const isDescending = sort.startsWith('-')
  const name = (isDescending ? sort.slice(1) : sort) as keyof typeof keys
  const { key, type, first, last } = keys[name]
  const start = isDescending ? { key: last, id: Number.MAX_SAFE_INTEGER } : { key: first, id: 0 }
  return { key, type, isDescending, isIndexed: name === 'created_at', start }
}

/**
 * One page: a row for each task, which begins with the owner's revision and epoch and, where titles are the order, the key of the
 * title. An owner without tasks still gives one row.
 */
export function listStatement(owner: string, query: ListQuery): BuiltStatement {
  const values: Value[] = [owner]
  const bind: Bind = (value, type) => `$${values.push(value)}::${type}`
  const { key, type, isDescending, isIndexed, start } = orderOf(query.sort)
  const after = query.after ?? start
  const position = `(${bind(after.key, 'text')}${type === 'text' ? ' collate "C"' : `::${type}`}, ${bind(after.id, 'bigint')})`
  const limit = bind(query.limit + 1, 'bigint')
  const conditions = [
    'tasks.user_id = $1',
    'tasks.deleted_at is null',
    // Also on the first page, so that both have one text.
    `(${key}, tasks.id) ${isDescending ? '<' : '>'} ${position}`,
    ...filters.map(filter => filter(query, bind)).filter(condition => condition !== undefined),
  ]
  const direction = isDescending ? 'desc' : 'asc'
  const shownKey = type === 'text' ? key : 'null::text'
  const from = `from duly.tasks where ${conditions.join(' and ')} order by ${key} ${direction}, tasks.id ${direction} limit ${limit}`
  // Without an index the ids are sorted first: whole rows would take many times the memory.
  const page = isIndexed
    ? `select ${shownKey} as title_key, ${columns('tasks')} ${from}`
    : `select ${shownKey} as title_key, ${columns('tasks')} from (select tasks.id as place_id, ${key} as place_key ${from}) as place
      cross join lateral (select * from duly.tasks where tasks.user_id = $1 and tasks.id = place.place_id offset 0) as tasks
      order by place_key ${direction}, place_id ${direction}`
  // The one row on the left keeps the join a nested loop, which keeps the order.
  const text = `select owners.revision, owners.epoch, found.* from (select 1) as always
    left join duly.owners on owners.id = $1
    left join lateral (${page}) as found on true`
  return { statement: prepared(text), values }
}

const mostPrepared = 256
const shapes = new Map<string, Statement>()

/** Each text is prepared under a name of its own, up to a number of texts that bounds the memory of a session. */
function prepared(text: string): Statement {
  const known = shapes.get(text)
  if (known) return known
  if (shapes.size >= mostPrepared) return unprepared(text)
  const made = statement(`duly_list_${shapes.size + 1}`, text)
  shapes.set(text, made)
  return made
}
