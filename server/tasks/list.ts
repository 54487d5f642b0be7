import type { DataRow } from '../db/data-row.ts'
import type { Reader, Reads, Session } from '../db/database.ts'
import type { BuiltStatement } from '../db/shapes.ts'
import { timeOf } from '../fields/field.ts'
import { isStorable } from '../fields/storable.ts'
import { BatchSize } from './batch-size.ts'
import { tasks } from './fields.ts'
import type { ListQuery, Position, SortOrder } from './list-query.ts'
import { listStatement, orderOf, ownerState } from './list-statement.ts'
import type { TakeTasks } from './printed-tasks.ts'

/**
 * The owner's revision, and the epoch that tells this owner from a former one of the same id; 0 and
 * '0' for one never seen.
 */
export interface OwnerState {
  readonly revision: number
  readonly epoch: string
}

/** What there is to say of a page beside its tasks. */
export interface ListEnd {
  /** Of the moment of the tasks or an older one: never ahead of them. */
  readonly state: OwnerState
  /** Where the next page begins; null where there is none. */
  readonly next: Position | null
}

export async function readState(db: Session, owner: string): Promise<OwnerState> {
  const [row] = await db.query(ownerState, [owner])
  return row ? { revision: Number(row[0]), epoch: row[1] ?? '0' } : nobody
}

/** Whether a page is read from the index of its order. Otherwise it takes a scan. */
export function isIndexed({
  sort,
  limit: _limit,
  after: _after,
  filters = {},
  ...others
}: ListQuery): boolean {
  const isFiltered = Object.keys(filters).length > 0 || Object.keys(others).length > 0
  return orderOf(sort).isIndexed && !isFiltered
}

/**
 * Reads one page from the index of its order. Long pages take several statements. The state is that
 * of the first one.
 */
export async function readIndexed(
  reads: Reads,
  owner: string,
  query: ListQuery,
  into: TakeTasks,
  reader: Reader,
): Promise<ListEnd> {
  const size = new BatchSize()
  let first: Page | undefined
  let page: Page | undefined
  for (let left = query.limit; left > 0; left -= page.count) {
    const after = page?.last ?? query.after
    const part = { ...query, limit: Math.min(left, size.next), ...(after ? { after } : {}) }
    const read = (db: Session) => readPage(db, listStatement(owner, part), part, into, size)
    page = await (first ? reads.moreOfList(owner, read, reader) : reads.list(owner, read, reader))
    first ??= page
    if (!page.hasMore) break
  }
  return { state: first?.state ?? nobody, next: page?.hasMore ? page.last : null }
}

export interface Page {
  readonly state: OwnerState
  /** Whether the owner has so many tasks that a scan is needed. */
  readonly isLarge: boolean
  readonly count: number
  readonly hasMore: boolean
  /** Where the page ended. */
  readonly last: Position | null
}

export async function readPage(
  db: Session,
  { statement, values }: BuiltStatement,
  query: ListQuery,
  into: TakeTasks,
  size?: BatchSize,
): Promise<Page> {
  let state = nobody
  let isLarge = false
  let count = 0
  let last: Position | null = null
  await db.read(statement, values, row => {
    if (count === 0) {
      // An owner who has never written has neither.
      if (!row.isNull(0)) state = { revision: row.integer(0), epoch: String(row.integer(1)) }
      isLarge = !row.isNull(2) && row.flag(2)
    }
    // An owner without tasks still comes as a row.
    if (row.isNull(taskFrom)) return
    count += 1
    if (count > query.limit) return
    into.add(row, taskFrom)
    size?.add(row.length)
    if (count === query.limit) last = positionOf(query.sort, row)
  })
  return { state, isLarge, count: Math.min(count, query.limit), hasMore: count > query.limit, last }
}

/**
 * The first column of the task. Before it come the owner's revision and epoch, whether a scan is
 * needed, and the key of the title.
 */
const taskFrom = 4

const nobody: OwnerState = { revision: 0, epoch: '0' }

function positionOf(sort: SortOrder, row: DataRow): Position {
  const id = row.integer(taskFrom + tasks.placeOf('id'))
  if (orderOf(sort).type === 'text') return { key: row.text(taskFrom - 1) ?? '', id }
  return {
    key: timeOf(row, taskFrom + tasks.placeOf(sort.endsWith('created_at') ? 'created_at' : 'updated_at')),
    id,
  }
}

/**
 * Whether a page of this order can have ended here: positions come back from clients, and what
 * PostgreSQL could not read as a time or as a text must not reach it.
 */
export function isPosition(sort: SortOrder, key: unknown, id: unknown): boolean {
  if (typeof key !== 'string' || !Number.isSafeInteger(id)) return false
  return orderOf(sort).type === 'text' ? isStorable(key) : isTime(key)
}

// Read back, since a day such as 31 February has the form of one; and PostgreSQL knows no year 0.
function isTime(key: string): boolean {
  if (!/^[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(key)) return false
  const time = new Date(key)
  return !Number.isNaN(time.getTime()) && time.toISOString().slice(0, 19) === key.slice(0, 19)
}
