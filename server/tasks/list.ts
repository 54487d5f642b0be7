import type { Session, Value } from '../db/database.ts'
import { listStatement, ownerState } from './list-statements.ts'
import type { Task } from './task.ts'
import { viewOf } from './task-row.ts'

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

export interface ListPage {
  /** Of the moment of the tasks or an older one: never ahead of them. */
  readonly state: OwnerState
  readonly tasks: readonly Task[]
  /** Where the next page begins; null where there is none. */
  readonly next: Position | null
}

export async function readState(db: Session, owner: string): Promise<OwnerState> {
  const [row] = await db.query(ownerState, [owner])
  return stateOf(row?.[0], row?.[1])
}

export function readList(db: Session, owner: string, query: ListQuery): Promise<ListPage> {
  return readPage(db, owner, query, listStatement, [])
}

/** A page by one of the families of list statements; `values` are what its statements have beyond those of each list. */
export async function readPage(
  db: Session,
  owner: string,
  query: ListQuery,
  statementOf: typeof listStatement,
  values: readonly Value[],
): Promise<ListPage> {
  const { statement, start } = statementOf(query.sort, query.isCompleted !== undefined)
  const { key, id } = query.after ?? start
  const filter = query.isCompleted === undefined ? [] : [query.isCompleted]
  const rows = await db.query(statement, [owner, key, id, query.limit + 1, ...values, ...filter])
  // An owner without tasks still comes as a row.
  const found = rows.filter(row => row[3] !== null)
  const tasks = found.slice(0, query.limit).map(row => viewOf(row, 3))
  const last = found.length > query.limit ? found[query.limit - 1] : undefined
  const next = last ? positionOf(query.sort, viewOf(last, 3), last[2]) : null
  return { state: stateOf(rows[0]?.[0], rows[0]?.[1]), tasks, next }
}

export function stateOf(revision: string | null | undefined, epoch: string | null | undefined): OwnerState {
  return { revision: Number(revision ?? 0), epoch: epoch ?? '0' }
}

function positionOf(sort: SortOrder, task: Task, titleKey: string | null | undefined): Position {
  if (sort.endsWith('created_at')) return { key: task.createdAt, id: task.id }
  if (sort.endsWith('updated_at')) return { key: task.updatedAt, id: task.id }
  return { key: titleKey ?? '', id: task.id }
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
