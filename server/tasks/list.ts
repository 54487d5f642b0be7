import type { Reader, Reads, Session } from '../db/database.ts'
import { isStorable } from '../fields/storable.ts'
import { BatchSize } from './batch-size.ts'
import { orderOf } from './list-order.ts'
import { type ListEnd, nobody, type OwnerState, type Page, readPage } from './list-page.ts'
import type { ListQuery, SortOrder } from './list-query.ts'
import { type Source, sourceInOrder } from './list-source.ts'
import { indexedListStatement, ownerState } from './list-statement.ts'
import type { TakeTasks } from './printed-tasks.ts'
import { scanList } from './scan.ts'

export async function readState(db: Session, owner: string): Promise<OwnerState> {
  const [row] = await db.query(ownerState, [owner])
  return row ? { revision: Number(row[0]), epoch: row[1] ?? '0' } : nobody
}

/** Reads one page from an index in its order, as far as that goes, and the rest by a scan. */
export async function readList(
  reads: Reads,
  owner: string,
  query: ListQuery,
  into: TakeTasks,
  reader: Reader,
): Promise<ListEnd> {
  const scan = (rest: ListQuery, take = into) =>
    reads.scan(owner, (turn, rows) => scanList(owner, rest, take, turn, rows), reader)
  const source = sourceInOrder(query)
  // A search reads long texts, so it runs in turns.
  if (!source || query.search !== undefined) return scan(query)
  const { state, next, count, last, stop } = await readIndexed(reads, owner, { query, source }, into, reader)
  if (!stop) return { state, next }
  const left = query.limit - count
  if (left > 0) return { state, next: (await scan({ ...query, limit: left, after: stop })).next }
  let hasMore = false
  const add = () => {
    hasMore = true
  }
  await scan({ ...query, limit: 1, after: stop }, { expect: () => {}, add })
  return { state, next: hasMore ? last : null }
}

/**
 * Reads one page from an index in its order, a long one in several statements. The returned state
 * is that of the first statement.
 * @returns also how many tasks were read, and from where to scan if some are missing
 */
async function readIndexed(
  reads: Reads,
  owner: string,
  { query, source }: { readonly query: ListQuery; readonly source: Source },
  into: TakeTasks,
  reader: Reader,
): Promise<ListEnd & Pick<Page, 'count' | 'last' | 'stop'>> {
  const size = new BatchSize()
  let first: Page | undefined
  let page: Page | undefined
  let last = query.after ?? null
  let count = 0
  for (let left = query.limit; left > 0; left = query.limit - count) {
    const part = { ...query, limit: Math.min(left, size.next), ...(last ? { after: last } : {}) }
    const read = (db: Session) => readPage(db, indexedListStatement(owner, part, source), part, into, size)
    page = await (first ? reads.moreOfList(owner, read, reader) : reads.list(owner, read, reader))
    first ??= page
    count += page.count
    last = page.last ?? last
    if (!page.hasMore) break
  }
  const next = page?.hasMore ? last : null
  return { state: first?.state ?? nobody, next, count, last, stop: page?.stop ?? null }
}

/**
 * Whether a page in this order can end at this position. Positions come from clients, and
 * PostgreSQL must be able to read the key as a time or a text.
 */
export function isPosition(sort: SortOrder, key: unknown, id: unknown): boolean {
  if (typeof key !== 'string' || !Number.isSafeInteger(id)) return false
  return orderOf(sort).type === 'text' ? isStorable(key) : isTime(key)
}

// Parsed, because 31 February has the form of a date. PostgreSQL has no year 0.
function isTime(key: string): boolean {
  if (!/^[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(key)) return false
  const time = new Date(key)
  return !Number.isNaN(time.getTime()) && time.toISOString().slice(0, 19) === key.slice(0, 19)
}
