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

/** What the statements of one query have in common. */
function partsOf(owner: string, query: ListQuery) {
  const parameters = new Parameters(owner)
  const order = orderOf(query.sort)
  const { key, id } = query.after ?? order.start
  return {
    parameters,
    key: order.key,
    isText: order.type === 'text',
    // Also on the first page, so that all pages have one text.
    past: past(order, { key, id }, order.isDescending, parameters),
    filters: conditionsOf(query, parameters),
    direction: order.isDescending ? 'desc' : 'asc',
    limit: parameters.add(query.limit + 1, 'bigint'),
  }
}

function past(order: Order, { key, id }: Position, isDown: boolean, parameters: Parameters): string {
  const place = placeIn(order, parameters.add(key, 'text'), parameters.add(id, 'bigint'))
  return `(${order.key}, tasks.id) ${isDown ? '<' : '>'} ${place}`
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
  const { parameters, key, isText, past, filters, direction, limit } = partsOf(owner, query)
  const isLarge = `(owners.task_count > ${most.tasks} or owners.live_bytes > ${most.bytes})`
  const text = page(
    isLarge,
    isText ? key : 'null::text',
    `(select tasks.* from duly.tasks where ${live} and not ${isLarge}
        order by tasks.created_at desc, tasks.id desc limit ${most.tasks}) as tasks
      where ${[past, ...filters].join(' and ')} order by ${key} ${direction}, tasks.id ${direction} limit ${limit}`,
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

/**
 * Looks at the next `rows` tasks of a source, after `from` in its order. First comes how many those
 * were, with the id of the last one and its place as a time or as a text, how many the query asks
 * for, and how many of these are completed; then null, id, the key as a time or as a text, and the
 * bytes of the texts, of those that the query asks for: the first ones in its order.
 */
export function turnStatement(
  owner: string,
  query: ListQuery,
  source: Source,
  from: Position,
  isDown: boolean,
  rows: number,
): BuiltStatement {
  const { parameters, key, isText, past: pastPage, filters, direction, limit } = partsOf(owner, query)
  const order = orderOf(source.sort)
  const [way, back] = isDown ? ['desc', 'asc'] : ['asc', 'desc']
  const conditions = [
    live,
    ...source.conditions(query, parameters),
    past(order, from, isDown, parameters),
  ].join(' and ')
  const either = (name: string, isText: boolean) => (isText ? `null::timestamptz, ${name}` : `${name}, null`)
  const text = `with part as materialized (
      select tasks.id, ${order.key} as place, tasks.is_completed, ${key} as key, octet_length(tasks.title) + coalesce(octet_length(tasks.description), 0) as bytes,
        (${[pastPage, ...filters].join(' and ')}) as matches
      from duly.tasks where ${conditions}
      order by ${order.key} ${way}, tasks.id ${way} limit ${parameters.add(rows, 'bigint')}
    )
    (select count(*) over () as count, part.id, ${either('part.place', order.type === 'text')}, 0::bigint as bytes,
        count(*) filter (where part.matches) over () as matching,
        count(*) filter (where part.matches and part.is_completed) over () as completed
      from part order by part.place ${back}, part.id ${back} limit 1)
    union all
    (select null, part.id, ${either('part.key', isText)}, part.bytes::bigint, null, null
      from part where part.matches order by part.key ${direction}, part.id ${direction} limit ${limit})`
  return { statement: prepared(shapes, text), values: parameters.values }
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
