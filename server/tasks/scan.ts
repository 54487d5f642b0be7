import type { Turn } from '../db/database.ts'
import { BatchSize, TurnSize } from './batch-size.ts'
import { type ListEnd, type ListQuery, type Position, readPage } from './list.ts'
import { listStatement, orderOf, tasksOfIds, turnStatement } from './list-statement.ts'
import { type TakeTasks, timeOf } from './task-row.ts'

/** Owners with more tasks are scanned in turns. With texts to be searched, a task takes longer. */
const mostAtOnce = { search: 100, others: 500 }

/**
 * A page in an order without an index, or of tasks that a filter chooses. The tasks of a large owner are looked at in turns, by
 * creation; each is met once, so a task that nobody changes meanwhile is neither skipped nor shown twice. The state is read first, so it
 * is never newer than the tasks.
 */
export async function scanList(
  owner: string,
  query: ListQuery,
  into: TakeTasks,
  turn: Turn,
): Promise<ListEnd> {
  const most = query.search === undefined ? mostAtOnce.others : mostAtOnce.search
  const { state, isLarge, hasMore, last } = await turn(db =>
    readPage(db, listStatement(owner, query, most), query, into),
  )
  if (!isLarge) return { state, next: hasMore ? last : null }
  const found = await find(owner, query, turn)
  const page = found.slice(0, query.limit)
  await take(owner, page, into, turn)
  return { state, next: found.length > query.limit ? (page.at(-1) ?? null) : null }
}

/** The first tasks in the query's order after its position, one more than its limit. */
async function find(owner: string, query: ListQuery, turn: Turn): Promise<Position[]> {
  const { isDescending, isIndexed, start } = orderOf(query.sort)
  const size = new TurnSize()
  const wanted = query.limit + 1
  const byCreation = orderOf('-created_at')
  // In order of creation, the scan begins at the position and ends once the page is full.
  const isDown = isIndexed ? isDescending : byCreation.isDescending
  let from = isIndexed ? (query.after ?? start) : byCreation.start
  let found: Position[] = []
  for (;;) {
    const rows = size.next
    let seen = 0
    await turn(async db => {
      const begun = performance.now()
      const { statement, values } = turnStatement(owner, query, from, isDown, rows)
      await db.read(statement, values, row => {
        const id = row.integer(1)
        if (row.isNull(0)) found.push({ key: row.text(3) ?? timeOf(row, 2), id })
        else {
          seen = row.integer(0)
          from = { key: timeOf(row, 2), id }
        }
      })
      size.add(performance.now() - begun)
    })
    if (!isIndexed) found.sort((a, b) => (isDescending ? compare(b, a) : compare(a, b)))
    found = found.slice(0, wanted)
    if (seen < rows || (isIndexed && found.length === wanted)) return found
  }
}

async function take(owner: string, page: readonly Position[], into: TakeTasks, turn: Turn): Promise<void> {
  const size = new BatchSize()
  for (let at = 0; at < page.length; ) {
    const ids = page.slice(at, at + size.next).map(({ id }) => id)
    at += ids.length
    await turn(db =>
      db.read(tasksOfIds, [owner, ids], row => {
        into.add(row, 0)
        size.add(row.length)
      }),
    )
  }
}

/** As PostgreSQL compares them: texts by code point, and times, which all have one form. */
function compare(a: Position, b: Position): number {
  return Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)) || a.id - b.id
}
