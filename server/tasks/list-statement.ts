import { quick, statement } from '../db/database.ts'
import { type BuiltStatement, Parameters, prepared, Shapes } from '../db/shapes.ts'
import { sqlTypes } from '../fields/field.ts'
import { tasks } from './fields.ts'
import { wordsOf } from './fold.ts'
import type { ListQuery, Position, SortOrder } from './list-query.ts'

// A list statement is composed from named parts: an order, and a condition for each filter that the
// query uses. Its text depends on which parts are used, never on their values.

/** One primary-key look-up. */
export const ownerState = quick('duly_state', 'select revision, epoch from duly.owners where id = $1')

/** The condition of a filter, or `undefined` if the query does not use it. */
type Filter = (query: ListQuery, parameters: Parameters) => string | undefined

const filters: readonly Filter[] = [
  ...tasks.filters.map(
    (name): Filter =>
      ({ filters = {} }, parameters) => {
        const value = filters[name]
        if (value === undefined) return undefined
        return `tasks.${name} = ${parameters.add(value, sqlTypes[tasks.fields[name].kind])}`
      },
  ),

  ({ search }, parameters) =>
    search === undefined
      ? undefined
      : `${searchedText} like all (${parameters.add(wordsOf(search).map(pattern), 'text[]')})`,

  ({ tags }, parameters) => tags && `tasks.tag_keys @> ${parameters.add(tags, 'text[]')}`,

  ({ category }, parameters) =>
    category === undefined
      ? undefined
      : `tasks.metadata ->> 'category' = ${parameters.add(category, 'text')}`,

  ({ priorityWord: word }, parameters) =>
    word === undefined
      ? undefined
      : word === null
        ? `tasks.priority is null and tasks.spellings ->> 'priority' is null`
        : `tasks.priority is null and lower(tasks.spellings ->> 'priority') = lower(${parameters.add(word, 'text')})`,
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

const lastText = '\u{10ffff}'.repeat(65)
const rank = (none: string) =>
  `(case tasks.priority when 'low' then '1' when 'medium' then '2' when 'high' then '3' else '${none}' end) collate "C"`

/** A key of which a task may have none. */
const textKey = (sql: string): Key => ({
  key: `coalesce(${sql}, '~')`,
  none: `coalesce(${sql}, '')`,
  type: 'text',
  first: '',
  last: lastText,
})

const keys = {
  created_at: { key: 'tasks.created_at', type: 'timestamptz', first: '-infinity', last: 'infinity' },
  updated_at: { key: 'tasks.updated_at', type: 'timestamptz', first: '-infinity', last: 'infinity' },
  // The last key has one character more than any other, of the last code point.
  title: { key: 'left(tasks.title_key, 64)', type: 'text', first: '', last: lastText },
  due: textKey('tasks.due_key'),
  deadline: textKey('tasks.deadline'),
  // A text, since a time that is infinite could not be read.
  completed_at: textKey(
    `to_char(tasks.completed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') collate "C"`,
  ),
  priority: { key: rank('4'), none: rank('0'), type: 'text', first: '', last: lastText },
} satisfies Record<string, Key>

interface Key {
  readonly key: string
  /** The key in descending order, where tasks without a value come last in both. */
  readonly none?: string
  readonly type: 'text' | 'timestamptz'
  readonly first: string
  readonly last: string
}

/** How `sort` orders tasks. */
export function orderOf(sort: SortOrder): Order {
  const isDescending = sort.startsWith('-')
  const name = (isDescending ? sort.slice(1) : sort) as keyof typeof keys
  const { key, none = key, type, first, last }: Key = keys[name]
  const start = isDescending ? { key: last, id: Number.MAX_SAFE_INTEGER } : { key: first, id: 0 }
  return { key: isDescending ? none : key, type, isDescending, isIndexed: name === 'created_at', start }
}

/** What the statements of one query have in common. */
function partsOf(owner: string, query: ListQuery) {
  const parameters = new Parameters(owner)
  const bind = parameters.add.bind(parameters)
  const { key, type, isDescending, start } = orderOf(query.sort)
  const { key: afterKey, id: afterId } = query.after ?? start
  const afterText = `${bind(afterKey, 'text')}${type === 'text' ? ' collate "C"' : `::${type}`}`
  const direction = isDescending ? 'desc' : 'asc'
  return {
    values: parameters.values,
    bind,
    key,
    isText: type === 'text',
    // Also on the first page, so that all pages have one text.
    past: `(${key}, tasks.id) ${isDescending ? '<' : '>'} (${afterText}, ${bind(afterId, 'bigint')})`,
    filters: filters.map(filter => filter(query, parameters)).filter(condition => condition !== undefined),
    direction,
    limit: bind(query.limit + 1, 'bigint'),
  }
}

const live = 'tasks.user_id = $1 and tasks.deleted_at is null'

/**
 * One page: a row for each task, which begins with the owner's revision and epoch, whether the
 * owner has more tasks or bytes than `most`, and, where titles are the order, the key of the title.
 * An owner without tasks still gives one row. An owner who has more gives no tasks. Without `most`
 * the order must have an index.
 */
export function listStatement(
  owner: string,
  query: ListQuery,
  most?: { readonly tasks: number; readonly bytes: number },
): BuiltStatement {
  const { values, key, isText, past, filters, direction, limit } = partsOf(owner, query)
  const isLarge = most && `(owners.task_count > ${most.tasks} or owners.live_bytes > ${most.bytes})`
  const source = most
    ? `(select tasks.* from duly.tasks where ${live} and not ${isLarge}
        order by tasks.created_at desc, tasks.id desc limit ${most.tasks}) as tasks`
    : 'duly.tasks'
  const conditions = [...(most ? [] : [live]), past, ...filters]
  // The one row on the left keeps the join a nested loop, which keeps the order.
  const text = `select owners.revision, owners.epoch, ${isLarge ?? 'false'} as is_large, found.*
    from (select 1) as always
    left join duly.owners on owners.id = $1
    left join lateral (
      select ${isText ? key : 'null::text'} as title_key, ${tasks.columns('tasks')} from ${source} where ${conditions.join(' and ')}
      order by ${key} ${direction}, tasks.id ${direction} limit ${limit}
    ) as found on true`
  return { statement: prepared(shapes, text), values }
}

/**
 * Looks at the next `rows` tasks by creation, after `from`. First comes how many those were, with
 * the id and creation of the last one, how many the query asks for, and how many of these are
 * completed; then null, id, the key as a time or as a text, and the bytes of the texts, of those
 * that the query asks for: the first ones in its order.
 */
export function turnStatement(
  owner: string,
  query: ListQuery,
  from: Position,
  isDescending: boolean,
  rows: number,
): BuiltStatement {
  const { values, bind, key, isText, past, filters, direction, limit } = partsOf(owner, query)
  const [way, back, beyond] = isDescending ? ['desc', 'asc', '<'] : ['asc', 'desc', '>']
  const place = `(${bind(from.key, 'text')}::timestamptz, ${bind(from.id, 'bigint')})`
  const text = `with part as materialized (
      select tasks.id, tasks.created_at, tasks.is_completed, ${key} as key, octet_length(tasks.title) + coalesce(octet_length(tasks.description), 0) as bytes,
        (${[past, ...filters].join(' and ')}) as matches
      from duly.tasks where ${live} and (tasks.created_at, tasks.id) ${beyond} ${place}
      order by tasks.created_at ${way}, tasks.id ${way} limit ${bind(rows, 'bigint')}
    )
    (select count(*) over () as count, part.id, part.created_at as at, null::text as title_key, 0::bigint as bytes,
        count(*) filter (where part.matches) over () as matching,
        count(*) filter (where part.matches and part.is_completed) over () as completed
      from part order by part.created_at ${back}, part.id ${back} limit 1)
    union all
    (select null, part.id, ${isText ? 'null, part.key' : 'part.key, null'}, part.bytes::bigint, null, null
      from part where part.matches order by part.key ${direction}, part.id ${direction} limit ${limit})`
  return { statement: prepared(shapes, text), values }
}

/** $2 ids. The live tasks among them, in this order. */
export const tasksOfIds = statement(
  'duly_list_ids',
  `select ${tasks.columns('tasks')} from unnest($2::bigint[]) with ordinality as place (id, at)
  cross join lateral (
    select * from duly.tasks where tasks.user_id = $1 and tasks.id = place.id
      and coalesce(tasks.deleted_at, 'infinity') = 'infinity' offset 0
  ) as tasks order by place.at`,
)

const shapes = new Shapes('duly_list')
