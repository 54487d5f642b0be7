import type { DataRow } from '../db/data-row.ts'
import type { Session } from '../db/database.ts'
import { listStatement, ownerState } from './list-statement.ts'
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
  /** Titles are ordered by the first 64 characters of the folded title; equal keys by id, in the same direction. */
  readonly sort: SortOrder
  readonly isCompleted?: boolean
  /** The title or the description contains each word of it. */
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

/** Reads one page, in one statement with the owner's state. */
export async function readList(
  db: Session,
  owner: string,
  query: ListQuery,
  into: TakeTasks,
): Promise<ListEnd> {
  const { statement, values } = listStatement(owner, query)
  let state = stateOf(null, null)
  let count = 0
  let last: Position | null = null
  await db.read(statement, values, row => {
    // An owner who has never written has neither.
    if (count === 0 && !row.isNull(0)) state = { revision: row.integer(0), epoch: String(row.integer(1)) }
    // An owner without tasks still comes as a row.
    if (row.isNull(taskFrom)) return
    count += 1
    if (count <= query.limit) into.add(row, taskFrom)
    if (count === query.limit) last = positionOf(query.sort, row)
  })
  return { state, next: count > query.limit ? last : null }
}

/** The first column of the task: before it come the owner's revision and epoch, and the key of the title. */
const taskFrom = 3

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
