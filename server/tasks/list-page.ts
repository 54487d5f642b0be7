import type { DataRow } from '../db/data-row.ts'
import type { Session } from '../db/database.ts'
import type { BuiltStatement } from '../db/shapes.ts'
import type { BatchSize } from './batch-size.ts'
import { tasks } from './fields.ts'
import { orderOf, positionIn } from './list-order.ts'
import type { ListQuery, Position, SortOrder } from './list-query.ts'
import type { TakeTasks } from './printed-tasks.ts'

/**
 * The owner's revision and epoch. The epoch distinguishes the owner from an earlier, removed one
 * with the same id. 0 and '0' for an owner without data.
 */
export interface OwnerState {
  readonly revision: number
  readonly epoch: string
}

/** What a page returns in addition to its tasks. */
export interface ListEnd {
  /** Never newer than the tasks. */
  readonly state: OwnerState
  /** Where the next page begins; null on the last page. */
  readonly next: Position | null
}

export interface Page {
  readonly state: OwnerState
  /** Whether tasks may be missing, so that a scan is needed. */
  readonly lacks: boolean
  readonly count: number
  readonly hasMore: boolean
  /** Its last task, if it is full. */
  readonly last: Position | null
  /** If `lacks`: the last task that was examined. Tasks after it are missing. */
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
    // Null for an owner without data.
    if (count === 0 && !row.isNull(0)) state = { revision: row.integer(0), epoch: String(row.integer(1)) }
    lacks = !row.isNull(2) && row.flag(2)
    // One row without a task comes if there are none.
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
 * The first column of the task. The columns before it are the owner's revision and epoch, `lacks`,
 * and the sort key.
 */
const taskFrom = 4

export const nobody: OwnerState = { revision: 0, epoch: '0' }

const positionOf = (sort: SortOrder, row: DataRow): Position =>
  positionIn(orderOf(sort), row, taskFrom - 1, taskFrom + tasks.placeOf('id'))
