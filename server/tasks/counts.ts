import { type Database, type Reader, type Session, statement, type Turn } from '../db/database.ts'
import { FairReads } from '../db/fair-reads.ts'
import { type BuiltStatement, Parameters, prepared, Shapes } from '../db/shapes.ts'
import { type Clock, daysFromToday, passedAt } from './days.ts'
import { conditionsOf } from './list-filters.ts'
import { orderOf, placeIn } from './list-order.ts'
import type { ListFilters, Position } from './list-query.ts'
import { byPosition } from './position.ts'

// Counts the open tasks of an owner by list and by due date, and what is in the trash, in turns, in
// indexes of open and of deleted tasks.

export interface Counts {
  /** Open tasks of the inbox. */
  readonly inbox: number
  /** Open tasks of each list, in the order of the lists. */
  readonly lists: readonly { readonly id: number; readonly openTasks: number }[]
  /** Open tasks outside of archived lists. */
  readonly overdue: number
  readonly today: number
  readonly nextDays: number
  /** Tasks and lists in the trash. */
  readonly trash: number
}

const { key, type, start } = orderOf('due')
const shapes = new Shapes('duly_counts')

/** The place before the first open task. */
export const beforeOpenTasks: Position = start

/**
 * Counts the next `rows` open tasks by list; the inbox is null. Columns: the list, the place of the
 * last task, the number of tasks, and of those that match each filter.
 */
export function openTasksTurn(
  owner: string,
  from: Position,
  rows: number,
  filters: readonly ListFilters[] = [],
): BuiltStatement {
  const parameters = new Parameters(owner)
  const place = placeIn({ type }, from, parameters).join(', ')
  const matching = filters.map(filter => `coalesce(${conditionsOf(filter, parameters).join(' and ')}, false)`)
  const columns = [`${key} as place`, ...matching.map((condition, n) => `${condition} as is_${n}`)]
  const counted = ['count(*)', ...matching.map((_, n) => `count(*) filter (where part.is_${n})`)]
  const text = `with part as materialized (
      select tasks.list_id, tasks.id, ${columns.join(', ')}
      from duly.tasks
      where tasks.user_id = $1 and tasks.deleted_at is null and not tasks.is_completed and (${key}, tasks.id) > (${place})
      order by ${key}, tasks.id limit ${parameters.add(rows, 'bigint')}
    ), last as (select part.place, part.id from part order by part.place desc, part.id desc limit 1)
    select part.list_id, last.place, last.id, ${counted.join(', ')}
    from part cross join last group by part.list_id, last.place, last.id`
  return { statement: prepared(shapes, text), values: parameters.values }
}

/** The next lists by id, including those in the trash. */
const nextLists = statement(
  'duly_counts_lists',
  `select lists.id, lists.is_archived, lists.position, lists.deleted_at is null from duly.lists
  where lists.user_id = $1 and lists.id > $2::bigint order by lists.id limit $3::bigint`,
)
/** The number of the next `$4` tasks in the trash, and the place of the last one. */
const nextTrash = statement(
  'duly_counts_trash',
  `with part as materialized (
    select tasks.deleted_at, tasks.id from duly.tasks
    where tasks.user_id = $1 and tasks.deleted_at is not null and (tasks.deleted_at, tasks.id) > ($2::timestamptz, $3::bigint)
    order by tasks.deleted_at, tasks.id limit $4::bigint
  )
  select (select count(*) from part), part.deleted_at, part.id from part order by part.deleted_at desc, part.id desc limit 1`,
)

interface CountedList {
  readonly id: number
  readonly isArchived: boolean
  readonly position: string
}

/** The live lists in their order, and how many are in the trash. */
async function readLists(owner: string, turn: Turn, rows: number) {
  const live: CountedList[] = []
  let trash = 0
  let after = 0
  for (let isMore = true; isMore; ) {
    const found = await turn(session => session.query(nextLists, [owner, after, rows]))
    for (const [id, isArchived, position, isLive] of found) {
      after = Number(id)
      if (isLive === 't') live.push({ id: after, isArchived: isArchived === 't', position: position ?? '' })
      else trash += 1
    }
    isMore = found.length === rows
  }
  live.sort(byPosition)
  return { live, trash }
}

async function countTrash(owner: string, turn: Turn, rows: number): Promise<number> {
  let count = 0
  let place: readonly [string, number] = ['-infinity', 0]
  for (let isMore = true; isMore; ) {
    const [[seen, at, id] = []] = await turn(session => session.query(nextTrash, [owner, ...place, rows]))
    count += Number(seen ?? 0)
    place = [at ?? '', Number(id)]
    isMore = Number(seen) === rows
  }
  return count
}

/** @param clock decides which days are today and the next seven */
export async function countsOf(db: Database, owner: string, clock: Clock, reader: Reader): Promise<Counts> {
  const counts = new Map<number, { open: number; overdue: number; today: number; nextDays: number }>()
  const filters = [
    { overdue: passedAt(clock) },
    { dueIn: [daysFromToday(clock, 1)] },
    { dueIn: [daysFromToday(clock, 7)] },
  ]
  /** @returns whether there may be more */
  const count = async (session: Session, rows: number) => {
    let seen = 0
    const { statement, values } = openTasksTurn(owner, from, rows, filters)
    for (const [list, place, id, open, overdue, today, nextDays] of await session.query(statement, values)) {
      const known = counts.get(Number(list ?? 0)) ?? { open: 0, overdue: 0, today: 0, nextDays: 0 }
      seen += Number(open)
      from = { key: place ?? '', id: Number(id) }
      counts.set(Number(list ?? 0), {
        open: known.open + Number(open),
        overdue: known.overdue + Number(overdue),
        today: known.today + Number(today),
        nextDays: known.nextDays + Number(nextDays),
      })
    }
    return seen === rows
  }
  let from = beforeOpenTasks
  return (db.reads ?? new FairReads(db, db, 1)).scan(
    owner,
    async (turn, rows) => {
      const lists = await readLists(owner, turn, rows)
      const trash = lists.trash + (await countTrash(owner, turn, rows))
      for (let isMore = true; isMore; ) {
        isMore = await turn(session => count(session, rows))
      }
      const archived = new Set(lists.live.filter(({ isArchived }) => isArchived).map(({ id }) => id))
      const sum = (name: 'overdue' | 'today' | 'nextDays') =>
        [...counts].reduce((total, [id, of]) => total + (archived.has(id) ? 0 : of[name]), 0)
      return {
        inbox: counts.get(0)?.open ?? 0,
        lists: lists.live.map(({ id }) => ({ id, openTasks: counts.get(id)?.open ?? 0 })),
        overdue: sum('overdue'),
        today: sum('today'),
        nextDays: sum('nextDays'),
        trash,
      }
    },
    reader,
  )
}
