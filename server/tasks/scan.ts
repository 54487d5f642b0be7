import type { Turn } from '../db/database.ts'
import { timeOf } from '../fields/field.ts'
import { mostBytes, mostRows, TurnSize } from './batch-size.ts'
import { orderOf } from './list-order.ts'
import { type ListEnd, readPage } from './list-page.ts'
import type { ListQuery, Position } from './list-query.ts'
import { isInOrder, sourceOf } from './list-source.ts'
import { smallListStatement, tasksOfIds, turnStatement } from './list-statement.ts'
import type { TakeTasks } from './printed-tasks.ts'

/** Owners with more tasks or bytes are scanned in turns. */
const mostAtOnce = { tasks: 500, bytes: 512 * 1024 }

/**
 * A page in an order without an index, or of tasks that a filter chooses. The tasks of a large
 * owner are looked at in turns, in the order of an index; each is met once, so a task that nobody
 * changes meanwhile is neither skipped nor shown twice. The state is read first, so it is never
 * newer than the tasks.
 */
export async function scanList(
  owner: string,
  query: ListQuery,
  into: TakeTasks,
  turn: Turn,
): Promise<ListEnd> {
  const {
    state,
    lacks,
    hasMore,
    last: end,
  } = await turn(db => readPage(db, smallListStatement(owner, query, mostAtOnce), query, into))
  if (!lacks) return { state, next: hasMore ? end : null }
  const { found } = await find(owner, query, turn)
  const page = found.slice(0, query.limit)
  await take(owner, page, into, turn)
  const last = page.at(-1)
  return { state, next: last && found.length > query.limit ? { key: last.key, id: last.id } : null }
}

interface Found extends Position {
  /** The key as PostgreSQL compares it: texts by code point, and times, which all have one form. */
  readonly sortKey: Buffer
  /** Of its texts. */
  readonly bytes: number
}

/** What a query finds. */
export interface Selection {
  /** The first tasks in the query's order after its position, one more than its limit. */
  readonly found: readonly Found[]
  /** All that were seen. */
  readonly count: number
  readonly completed: number
}

/** @param looksAtAll whether all are counted, also once the page is full */
export async function find(
  owner: string,
  query: ListQuery,
  turn: Turn,
  looksAtAll = false,
): Promise<Selection> {
  const { isDescending, start } = orderOf(query.sort)
  const size = new TurnSize()
  const wanted = query.limit + 1
  const source = sourceOf(query)
  const order = orderOf(source.sort)
  // In the order of the source, the scan begins at the position and ends once the page is full.
  const isSorted = isInOrder(source, query)
  const isDown = isSorted ? isDescending : order.isDescending
  let from = isSorted ? (query.after ?? start) : order.start
  const found: Found[] = []
  /** How many of them are in order. */
  let sorted = 0
  let count = 0
  let completed = 0
  for (;;) {
    const rows = size.next
    let seen = 0
    await turn(async db => {
      const begun = performance.now()
      const { statement, values } = turnStatement(owner, query, source, from, isDown, rows)
      await db.read(statement, values, row => {
        const id = row.integer(1)
        if (row.isNull(0)) {
          const key = row.text(3) ?? timeOf(row, 2)
          found.push({ key, sortKey: Buffer.from(key), id, bytes: row.integer(4) })
        } else {
          seen = row.integer(0)
          count += row.integer(5)
          completed += row.integer(6)
          from = { key: row.text(3) ?? timeOf(row, 2), id }
        }
      })
      size.add(performance.now() - begun)
    })
    const isEnd = seen < rows
    // Sorted once there are twice as many: whatever the number of turns, a task is compared a few
    // times.
    if (isSorted) sorted = found.length
    else if (isEnd || found.length > 2 * sorted + 1000) {
      found.sort((a, b) => (isDescending ? compare(b, a) : compare(a, b)))
      sorted = found.length
    }
    if (sorted > wanted) {
      found.splice(wanted)
      sorted = wanted
    }
    const isFull = isSorted && found.length === wanted && !looksAtAll
    if (isEnd || isFull) return { found, count, completed }
  }
}

async function take(owner: string, page: readonly Found[], into: TakeTasks, turn: Turn): Promise<void> {
  for (const ids of idBatches(page))
    await turn(db => db.read(tasksOfIds, [owner, ids], row => into.add(row, 0)))
}

/** The ids of tasks, so many at a time as one statement reads. */
export function* idBatches(page: readonly Found[]): Generator<readonly number[], void, undefined> {
  for (let at = 0; at < page.length; ) {
    const ids: number[] = []
    for (let bytes = 0; at < page.length && bytes < mostBytes && ids.length < mostRows; at += 1) {
      const task = page[at] as Found
      ids.push(task.id)
      bytes += task.bytes
    }
    yield ids
  }
}

const compare = (a: Found, b: Found) => Buffer.compare(a.sortKey, b.sortKey) || a.id - b.id
