import type { DataRow } from '../db/data-row.ts'
import type { Session } from '../db/database.ts'
import type { BuiltStatement } from '../db/shapes.ts'
import type { BatchSize } from './batch-size.ts'
import { tasks } from './fields.ts'
import { orderOf, positionIn } from './list-order.ts'
import type { ListQuery, Position, SortOrder } from './list-query.ts'
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

export interface Page {
  readonly state: OwnerState
  /** Whether it may lack tasks, so that a scan is needed. */
  readonly lacks: boolean
  readonly count: number
  readonly hasMore: boolean
  /** Its last task, if it is full. */
  readonly last: Position | null
  /** The last task that was looked at, if the page lacks those behind it. */
  readonly stop: Position | null
}

export async function readPage(
  db: Session,
  { statement, values }: BuiltStatement,
  query: ListQuery,
  into: TakeTasks,
  size?: BatchSize,
): Promise<Page> {
  let state = nobody
  let lacks = false
  let count = 0
  let last: Position | null = null
  let stop: Position | null = null
  await db.read(statement, values, row => {
    // An owner who has never written has neither.
    if (count === 0 && !row.isNull(0)) state = { revision: row.integer(0), epoch: String(row.integer(1)) }
    lacks = !row.isNull(2) && row.flag(2)
    // An owner without tasks still comes as a row.
    if (row.isNull(taskFrom)) return
    if (lacks) {
      stop = positionOf(query.sort, row)
      return
    }
    count += 1
    if (count > query.limit) return
    into.add(row, taskFrom)
    size?.add(row.length)
    if (count === query.limit) last = positionOf(query.sort, row)
  })
  return { state, lacks, count: Math.min(count, query.limit), hasMore: count > query.limit, last, stop }
}

/**
 * The first column of the task. Before it come the owner's revision and epoch, whether the page may
 * lack tasks, and the key of the order.
 */
const taskFrom = 4

export const nobody: OwnerState = { revision: 0, epoch: '0' }

const positionOf = (sort: SortOrder, row: DataRow): Position =>
  positionIn(orderOf(sort), row, taskFrom - 1, taskFrom + tasks.placeOf('id'))
