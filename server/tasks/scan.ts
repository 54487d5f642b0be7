import type { Turn } from '../db/database.ts'
import { BatchSize } from './batch-size.ts'
import { endsOf, orderOf, positionIn } from './list-order.ts'
import { type ListEnd, readPage } from './list-page.ts'
import type { ListQuery, Position } from './list-query.ts'
import { isInOrder, sourceOf } from './list-source.ts'
import { smallListStatement, tasksOfIds, turnStatement } from './list-statement.ts'
import type { TakeTasks } from './printed-tasks.ts'

/** Owners with more tasks or bytes are scanned in turns. */
const maxAtOnce = { tasks: 500, bytes: 512 * 1024 }

/**
 * Reads a page in an order without an index, or with filters. The tasks of a large owner are
 * examined in turns, in the order of an index, each once: a task that does not change meanwhile is
 * neither skipped nor repeated. The state is read first, so it is never newer than the tasks.
 */
export async function scanList(
  owner: string,
  query: ListQuery,
  into: TakeTasks,
  turn: Turn,
  turnRows: number,
): Promise<ListEnd> {
  const {
    state,
    lacks,
    hasMore,
    last: end,
  } = await turn(db => readPage(db, smallListStatement(owner, query, maxAtOnce), query, into))
  if (!lacks) return { state, next: hasMore ? end : null }
  const { found } = await find(owner, query, turn, turnRows)
  const page = found.slice(0, query.limit)
  into.expect(page.length)
  for await (const _more of readTasks(owner, page, into, turn));
  const last = page.at(-1)
  return { state, next: last && found.length > query.limit ? { key: last.key, id: last.id } : null }
}

interface Found extends Position {
  /** Compares as in PostgreSQL: texts by code point, and times, which all have the same form. */
  readonly sortKey: Buffer
}

/** The matches of a query. */
interface Selection {
  /** The first matches after the query's position, in its order: at most `limit` + 1. */
  readonly found: readonly Found[]
  /** The number of all matches, if they were counted. */
  readonly count: number
  readonly completed: number
}

/**
 * Finds the tasks of a page in turns.
 * @param turnRows maximum number of tasks that a turn examines
 * @param looksAtAll whether to examine and count all tasks, even if the page is full
 */
export async function find(
  owner: string,
  query: ListQuery,
  turn: Turn,
  turnRows: number,
  looksAtAll = false,
): Promise<Selection> {
  const asked = orderOf(query.sort)
  const { isDescending, start, end } = asked
  const wanted = query.limit + 1
  const source = sourceOf(query)
  const order = orderOf(source.sort)
  // In the order of the source, the scan begins at the position and ends when the page is full.
  const isSorted = isInOrder(source, query)
  // Otherwise in the same direction: tasks that changed late were often created late.
  let from: Position | undefined = isSorted ? (query.after ?? start) : endsOf(order, isDescending)[0]
  let before = end
  // A scan in the order of the source often ends early.
  let rows = isSorted && !looksAtAll ? 2 * wanted : turnRows
  const found: Found[] = []
  /** The number of sorted elements at the start of `found`. */
  let sorted = 0
  let count = 0
  let completed = 0
  while (from) {
    const next = { from, isDown: isDescending, before, rows: Math.min(rows, turnRows) }
    const { statement, values } = turnStatement(owner, query, source, next, looksAtAll)
    from = undefined
    rows *= 4
    let isFirst = true
    await turn(db =>
      db.read(statement, values, row => {
        if (isFirst && !row.isNull(1)) from = positionIn(order, row, 0, 1)
        if (row.isNull(3)) return
        if (isFirst && looksAtAll) {
          count += row.integer(4)
          completed += row.integer(5)
        }
        isFirst = false
        const place = positionIn(asked, row, 2, 3)
        found.push({ ...place, sortKey: Buffer.from(place.key) })
      }),
    )
    if (!isSorted) {
      // Sorted only when its length has doubled, so each task is sorted only a few times.
      if (from && found.length < 2 * sorted + wanted) continue
      found.sort((a, b) => (isDescending ? compare(b, a) : compare(a, b)))
    }
    sorted = found.length
    if (sorted < wanted) continue
    found.splice(wanted)
    sorted = wanted
    if (looksAtAll) continue
    if (isSorted) break
    before = found[wanted - 1] ?? end
  }
  return { found, count, completed }
}

/**
 * Reads the tasks of a page, in statements of limited size.
 * @param read runs a statement when it is the owner's turn
 * @returns a generator that yields, after each statement, whether more follow
 */
export async function* readTasks(
  owner: string,
  page: readonly Pick<Position, 'id'>[],
  into: TakeTasks,
  read: Turn,
): AsyncGenerator<boolean, void, undefined> {
  const size = new BatchSize()
  for (let at = 0; at < page.length; ) {
    const ids = page.slice(at, at + size.next).map(({ id }) => id)
    await read(db =>
      db.read(tasksOfIds, [owner, ids], row => {
        into.add(row, 0)
        size.add(row.length)
      }),
    )
    at += ids.length
    yield at < page.length
  }
}

const compare = (a: Found, b: Found) => Buffer.compare(a.sortKey, b.sortKey) || a.id - b.id
