import type { DataRow } from '../db/data-row.ts'
import type { Session, Value } from '../db/database.ts'
import { listStatement, ownerState } from './list-statements.ts'
import { startSortingIn } from './sort-in.ts'
import { placeOf, type TakeTasks, timeOf } from './task-row.ts'

export const sortOrders = [
  'created_at',
  '-created_at',
  'updated_at',
  '-updated_at',
  'title',
  '-title',
] as const
export type SortOrder = (typeof sortOrders)[number]

/** Where a page ended: the sort key of its last task, as text, and its id. One from outside is first seen by `isPosition`. */
export interface Position {
  readonly key: string
  readonly id: number
}

export interface ListQuery {
  /** Titles are ordered by the first 64 characters of what `fold` makes of them; equals by id, the same way. */
  readonly sort: SortOrder
  readonly isCompleted?: boolean
  /** What the title or the description holds, in any case. Never empty. */
  readonly search?: string
  readonly limit: number
  readonly after?: Position
}

/** The owner's revision, and the epoch that tells this owner from a former one of the same id; 0 and '0' for one never seen. */
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
  return stateOf(row?.[0], row?.[1])
}

export function readList(db: Session, owner: string, query: ListQuery, into: TakeTasks): Promise<ListEnd> {
  return readPage(db, owner, query, into, listStatement, [])
}

/** A page by one of the families of list statements; `values` are what its statements have beyond those of each list. */
export async function readPage(
  db: Session,
  owner: string,
  query: ListQuery,
  into: TakeTasks,
  statementOf: typeof listStatement,
  values: readonly Value[],
): Promise<ListEnd> {
  const { statement, start } = statementOf(query.sort, query.isCompleted !== undefined)
  const { key, id } = query.after ?? start
  const filter = query.isCompleted === undefined ? [] : [query.isCompleted]
  let state = stateOf(null, null)
  let count = 0
  let last: Position | null = null
  let manyAreUnsorted = false
  await db.read(statement, [owner, key, id, query.limit + 1, ...values, ...filter], row => {
    if (count === 0) {
      state = { revision: row.integer(0), epoch: String(row.integer(1)) }
      manyAreUnsorted = !row.isNull(2) && row.flag(2)
    }
    // An owner without tasks still comes as a row.
    if (row.isNull(taskFrom)) return
    count += 1
    if (count <= query.limit) into.add(row, taskFrom)
    if (count === query.limit) last = positionOf(query.sort, row)
  })
  if (manyAreUnsorted) startSortingIn(db, owner)
  return { state, next: count > query.limit ? last : null }
}

/**
 * Before the task: the owner's revision and epoch, whether many tasks are unsorted, and the title's key where titles are the order.
 */
const taskFrom = 4

export function stateOf(revision: string | null | undefined, epoch: string | null | undefined): OwnerState {
  return { revision: Number(revision ?? 0), epoch: epoch ?? '0' }
}

function positionOf(sort: SortOrder, row: DataRow): Position {
  const id = row.integer(taskFrom + placeOf('id'))
  if (sort.endsWith('title')) return { key: row.text(taskFrom - 1) ?? '', id }
  return {
    key: timeOf(row, taskFrom + placeOf(sort.endsWith('created_at') ? 'created_at' : 'updated_at')),
    id,
  }
}

/**
 * Whether a page of this order can have ended here: positions come back from clients, and what PostgreSQL could not read as a
 * time or as a text must not reach it.
 */
export function isPosition(sort: SortOrder, key: unknown, id: unknown): boolean {
  if (typeof key !== 'string' || !Number.isSafeInteger(id)) return false
  return sort.endsWith('title') ? key.isWellFormed() && !key.includes('\0') : isTime(key)
}

// Read back, since a day such as 31 February has the form of one; and PostgreSQL knows no year 0.
function isTime(key: string): boolean {
  if (!/^[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(key)) return false
  const time = new Date(key)
  return !Number.isNaN(time.getTime()) && time.toISOString().slice(0, 19) === key.slice(0, 19)
}
