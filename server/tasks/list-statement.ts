import { quick, statement } from '../db/database.ts'
import { type BuiltStatement, Parameters, prepared, Shapes } from '../db/shapes.ts'
import { tasks } from './fields.ts'
import { conditionsOf, hasArchived } from './list-filters.ts'
import { type Order, orderOf, placeIn } from './list-order.ts'
import type { ListQuery, Position } from './list-query.ts'
import type { Source } from './list-source.ts'

// A list statement is composed from named parts: an order, and a condition for each filter that the
// query uses. Its text depends on which parts are used, never on their values.

/** One primary-key look-up. */
export const ownerState = quick('duly_state', 'select revision, epoch from duly.owners where id = $1')

/** Tasks that a page in the order of an index passes over at most, of archived lists. */
export const mostPassed = 1000

function past(order: Order, place: Position, isDown: boolean, parameters: Parameters): string {
  const [key, id] = placeIn(order, place, parameters)
  return `(${order.key}, tasks.id) ${isDown ? '<' : '>'} (${key}, ${id})`
}

const live = 'tasks.user_id = $1 and tasks.deleted_at is null'

// A page is a row for each task, which begins with the owner's revision and epoch, whether the page
// may lack tasks, and, where texts are the order, the key. An owner without tasks still gives one
// row. That row on the left keeps the join a nested loop, which keeps the order.
const page = (lacks: string, key: string, tasksOfPage: string) =>
  `select owners.revision, owners.epoch, ${lacks} as lacks, found.*
    from (select 1) as always
    left join duly.owners on owners.id = $1
    left join lateral (select ${key} as list_key, ${tasks.columns('tasks')} from ${tasksOfPage}) as found on true`

/**
 * A page of an owner who has no more tasks and bytes than `most`. One who has more gives no tasks,
 * and the page lacks them.
 */
export function smallListStatement(
  owner: string,
  query: ListQuery,
  most: { readonly tasks: number; readonly bytes: number },
): BuiltStatement {
  const parameters = new Parameters(owner)
  const order = orderOf(query.sort)
  const { key, isDescending } = order
  const way = isDescending ? 'desc' : 'asc'
  // Also on the first page, so that all pages have one text.
  const passed = past(order, query.after ?? order.start, isDescending, parameters)
  const filters = conditionsOf(query, parameters)
  const limit = parameters.add(query.limit + 1, 'bigint')
  const isLarge = `(owners.task_count > ${most.tasks} or owners.live_bytes > ${most.bytes})`
  const text = page(
    isLarge,
    order.type === 'text' ? key : 'null::text',
    `(select tasks.* from duly.tasks where ${live} and not ${isLarge}
        order by tasks.created_at desc, tasks.id desc limit ${most.tasks}) as tasks
      where ${[passed, ...filters].join(' and ')} order by ${key} ${way}, tasks.id ${way} limit ${limit}`,
  )
  return { statement: prepared(shapes, text), values: parameters.values }
}

/**
 * A page in the order of an index that has exactly the tasks of the query. It passes over at most
 * `mostPassed` tasks of archived lists: a page that is not full may lack some if the owner has such
 * lists.
 */
export function indexedListStatement(owner: string, query: ListQuery, source: Source): BuiltStatement {
  const parameters = new Parameters(owner)
  const order = orderOf(query.sort)
  const { key, isDescending } = order
  const way = isDescending ? 'desc' : 'asc'
  const conditions = [
    live,
    ...source.conditions(query, parameters),
    past(order, query.after ?? order.start, isDescending, parameters),
  ].join(' and ')
  const sorted = `order by ${key} ${way}, tasks.id ${way}`
  const listKey = order.type === 'text' ? key : 'null::text'
  const archived = query.hidesArchived ? conditionsOf({ hidesArchived: true }, parameters) : []
  const limit = parameters.add(query.limit + 1, 'bigint')
  const text =
    archived.length === 0
      ? page('false', listKey, `duly.tasks where ${conditions} ${sorted} limit ${limit}`)
      : page(
          hasArchived,
          listKey,
          `(select tasks.* from duly.tasks where ${conditions} ${sorted} limit ${mostPassed} + ${limit}) as tasks
            where ${archived.join(' and ')} limit ${limit}`,
        )
  return { statement: prepared(shapes, text), values: parameters.values }
}

/** What a turn of a scan looks at. */
export interface TurnPlace {
  /** In the order of the source. */
  readonly from: Position
  readonly isDown: boolean
  /** In the order of the query: tasks from here on are of no use. */
  readonly before: Position
  /** How many tasks, at most. */
  readonly rows: number
}

/**
 * Looks at the next tasks of a source. First comes the place of the last of them in the order of
 * the source, as a time or as a text, and its id, unless the source has ended; if they are counted,
 * how many of them the filters choose, and how many of these are completed; then those that the
 * query asks for, the first ones in its order: the key as a time or as a text, and the id. The
 * first column says which of the three a row is.
 */
export function turnStatement(
  owner: string,
  query: ListQuery,
  source: Source,
  { from, isDown, before, rows: most }: TurnPlace,
  counts: boolean,
): BuiltStatement {
  const parameters = new Parameters(owner)
  const [order, asked] = [orderOf(source.sort), orderOf(query.sort)]
  const [way, direction] = [isDown, asked.isDescending].map(descends => (descends ? 'desc' : 'asc'))
  const conditions = [live, ...source.conditions(query, parameters), past(order, from, isDown, parameters)]
  const [after, until] = [query.after ?? asked.start, before].map(place =>
    placeIn(asked, place, parameters).join(', '),
  )
  const [passes, precedes] = asked.isDescending ? ['<', '>'] : ['>', '<']
  const filters = conditionsOf(query, parameters)
  const limit = parameters.add(query.limit + 1, 'bigint')
  const rows = rowsOf(query, parameters.add(most, 'bigint'))
  const either = (name: string, isText: boolean) => (isText ? `null::timestamptz, ${name}` : `${name}, null`)
  const count = `union all (select 1::bigint, null, null, count(*), count(*) filter (where part.is_completed) from part where part.matches)`
  // One pass over the tasks: the place and the keys are computed once for each.
  const text = `with part as materialized (
      select tasks.id, ${order.key} as place, ${asked.key} as key, tasks.is_completed, ${filters.join(' and ') || 'true'} as matches
      from duly.tasks where ${conditions.join(' and ')}
      order by ${order.key} ${way}, tasks.id ${way} limit ${rows}
    )
    (select 0::bigint as kind, ${either('part.place', order.type === 'text')}, part.id, null::bigint from part offset ${rows} - 1 limit 1)
    ${counts ? count : ''}
    union all (select 2::bigint, ${either('part.key', asked.type === 'text')}, part.id, null from part
      where part.matches and (part.key, part.id) ${passes} (${after}) and (part.key, part.id) ${precedes} (${until})
      order by part.key ${direction}, part.id ${direction} limit ${limit})`
  return { statement: prepared(shapes, text), values: parameters.values }
}

/** Of a turn: about 2 ms of PostgreSQL, three times as long embedded. */
export const turnRows = 2000

/**
 * A search reads texts: about half a megabyte of them, if the tasks are like the owner's others.
 */
const rowsOf = ({ search }: ListQuery, most: string) =>
  search === undefined
    ? most
    : `coalesce((select greatest(20, least(${most}, 524288 * owners.task_count::bigint / greatest(owners.live_bytes, 1)))
        from duly.owners where owners.id = $1), 20)`

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
