import { quick, statement } from '../db/database.ts'
import { type BuiltStatement, Parameters, prepared, Shapes } from '../db/shapes.ts'
import { tasks } from './fields.ts'
import { isLive } from './is-live.ts'
import { conditionsOf } from './list-filters.ts'
import { endsOf, type Order, orderOf, placeIn } from './list-order.ts'
import type { ListQuery, Position } from './list-query.ts'
import { restOf, type Source } from './list-source.ts'

// A list statement is composed of an order and a condition for each filter of the query. Its text
// depends on which filters are used, never on their values.

/** One primary-key look-up. */
export const ownerState = quick('duly_state', 'select revision, epoch from duly.owners where id = $1')

/** Maximum number of tasks without a match that a page in the order of an index skips. */
const maxPassed = 1000

function past(order: Order, place: Position, isDown: boolean, parameters: Parameters): string {
  const [key, id] = placeIn(order, place, parameters)
  return `(${order.key}, tasks.id) ${isDown ? '<' : '>'} (${key}, ${id})`
}

const live = 'tasks.user_id = $1 and tasks.deleted_at is null'

// A page has a row for each task. It begins with the owner's revision and epoch, `lacks` (see
// `Page`) and the sort key. `always` returns one row without tasks too, and makes the join a nested
// loop, which keeps the order.
const page = (lacks: string, key: string, tasksOfPage: string) =>
  `select owners.revision, owners.epoch, ${lacks} as lacks, found.list_key, ${tasks.columns('found')}
    from (select 1) as always
    left join duly.owners on owners.id = $1
    left join lateral (select ${key} as list_key, tasks.* from ${tasksOfPage}) as found on true`

/**
 * A page of an owner with at most so many tasks and bytes. For larger owners it returns no tasks,
 * and `lacks` is true.
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
  // On the first page too, so that all pages have the same text.
  const passed = past(order, query.after ?? order.start, isDescending, parameters)
  const filters = conditionsOf(query, parameters)
  const limit = parameters.add(query.limit + 1, 'bigint')
  const isLarge = `(owners.task_count > ${most.tasks} or owners.live_bytes > ${most.bytes})`
  const text = page(
    isLarge,
    key,
    `(select tasks.* from duly.tasks where ${live} and not ${isLarge}
        order by tasks.created_at desc, tasks.id desc limit ${most.tasks}) as tasks
      where ${[passed, ...filters].join(' and ')} order by ${key} ${way}, tasks.id ${way} limit ${limit}`,
  )
  return { statement: prepared(shapes, text), values: parameters.values }
}

/**
 * A page in the order of an index. It skips at most `maxPassed` tasks that do not match. If the
 * page is not full by then, its last row is the last task that was examined, with `lacks`.
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
  const rest = conditionsOf(restOf(source, query), parameters)
  const limit = parameters.add(query.limit + 1, 'bigint')
  const from = `from duly.tasks where ${conditions} ${sorted}`
  const text =
    rest.length === 0
      ? page('false', key, `(select tasks.* ${from} limit ${limit}) as tasks`)
      : page(
          'found.is_end',
          key,
          // The second part runs only if the first one does not fill the page.
          `(
            (select false as is_end, tasks.* from (select tasks.* ${from} limit ${maxPassed} + ${limit}) as tasks
              where ${rest.join(' and ')} limit ${limit})
            union all (select true, tasks.* ${from} offset ${maxPassed} + ${limit} - 1 limit 1)
            limit ${limit}
          ) as tasks`,
        )
  return { statement: prepared(shapes, text), values: parameters.values }
}

/** What a turn of a scan examines. */
interface TurnPlace {
  /** The place before the first task, in the order of the source. */
  readonly from: Position
  readonly isDown: boolean
  /** In the order of the query: tasks from here on are not on the page. */
  readonly before: Position
  /** Maximum number of tasks. */
  readonly rows: number
}

/**
 * Examines the next tasks of a source, and returns the first matches in the order of the query.
 * Columns of each row: key and id of the last examined task in the order of the source (null at the
 * end of the source); key and id of a match (null if there is none); with `counts`, the number of
 * matches and of completed matches.
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
  const [ahead, behind] = isDown ? ['<', '>'] : ['>', '<']
  const [, lastOfAll] = endsOf(order, isDown)
  const [fromKey, fromId] = placeIn(order, from, parameters)
  const [endKey, endId] = placeIn(order, lastOfAll, parameters)
  const [after, until] = [query.after ?? asked.start, before].map(place => placeIn(asked, place, parameters))
  const [passes, precedes] = asked.isDescending ? ['<', '>'] : ['>', '<']
  const next = [
    live,
    ...source.conditions(query, parameters),
    `(${order.key}, tasks.id) ${ahead} (${fromKey}, ${fromId})`,
  ].join(' and ')
  const matches = [
    next,
    `(${order.key}, tasks.id) ${behind}= (coalesce(stop.place, ${endKey}), coalesce(stop.id, ${endId}))`,
    ...conditionsOf(query, parameters),
    // Once there is a full page, this removes most tasks early.
    ...(counts ? [] : [`${asked.key} ${precedes}= ${until?.[0]}`]),
  ].join(' and ')
  const limit = parameters.add(query.limit + 1, 'bigint')
  const rows = rowsOf(query, parameters.add(most, 'bigint'))
  const count = 'count(*) over () as count, count(*) filter (where tasks.is_completed) over () as completed'
  // Where the turn ends is found first, most often in the index alone: storing the tasks of the
  // turn to read them twice costs as much as fetching them. `offset 0` computes a key once.
  const text = `select stop.place, stop.id, found.*
    from (select 1) as always
    left join lateral (
      select ${order.key} as place, tasks.id from duly.tasks where ${next}
      order by ${order.key} ${way}, tasks.id ${way} offset ${rows} - 1 limit 1
    ) as stop on true
    left join lateral (
      select part.key, part.id${counts ? ', part.count, part.completed' : ''} from (
        select ${asked.key} as key, tasks.id${counts ? `, ${count}` : ''} from duly.tasks where ${matches} offset 0
      ) as part
      where (part.key, part.id) ${passes} (${after?.join()}) and (part.key, part.id) ${precedes} (${until?.join()})
      order by part.key ${direction}, part.id ${direction} limit ${limit}
    ) as found on true`
  return { statement: prepared(shapes, text), values: parameters.values }
}

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
      and ${isLive} offset 0
  ) as tasks order by place.at`,
)

const shapes = new Shapes('duly_list')
