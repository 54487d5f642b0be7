import { setImmediate } from 'node:timers/promises'
import { type Session, statement } from '../../db/database.ts'
import { leastTaskBytes, taskBytesIn } from '../bytes.ts'
import { type Quota, storageFull, tooManyTasks } from '../storage.ts'
import type { Change } from './change.ts'
import { trashAfter } from './rows.ts'

// Whether the limits allow what the steps of a change will restore. To count it takes 5 ms per
// 1,000 tasks of the embedded database, so this is done only near a limit, and in turns.

/** What an owner has, without the tasks that the steps will restore. */
interface Usage {
  readonly tasks: number
  readonly live: number
  readonly trash: number
  /** Whether `live` and `trash` can be relied on. */
  readonly isCounted: boolean
}

export interface Size {
  readonly tasks: number
  readonly bytes: number
}

/** Ends a transaction that has to know the size first. */
export class Uncounted extends Error {
  readonly sweeps: Change['sweeps']

  constructor(sweeps: Change['sweeps']) {
    super('the tasks to restore are not counted')
    this.sweeps = sweeps
  }
}

/**
 * @param size of what the steps will restore, if it was counted. It can only have become smaller.
 * @throws AppError `too_many_tasks`, `storage_full`; `Uncounted`
 */
export function checkRestored(change: Change, usage: Usage, quota: Quota, size: Size | undefined): void {
  if (!change.sweeps.some(({ kind }) => kind === 'restore')) return
  const { tasks, live, trash, isCounted } = usage
  if (size) {
    if (tasks + size.tasks > quota.tasks) throw tooManyTasks(quota)
    if (live + size.bytes > quota.liveBytes) throw storageFull(quota)
    return
  }
  const most = tasks + Math.floor(trash / leastTaskBytes(change.owner.id))
  if (!isCounted || most > quota.tasks || live + trash > quota.liveBytes) throw new Uncounted(change.sweeps)
}

const rowsInTurn = 2000

/**
 * $2 when they were deleted, $3 list, $4 the task before the first. Returns number and bytes, the
 * last task, and how many tasks of any list it has looked at.
 */
export const nextSize = statement(
  'duly_list_deleted_size',
  `select count(*) filter (where tasks.list_id = $3::bigint), coalesce(sum(${taskBytesIn('tasks')}) filter (where tasks.list_id = $3::bigint), 0),
    max(tasks.id), count(*)
  from (${trashAfter('$2', '$4', rowsInTurn)}) as tasks
  where tasks.deleted_at = $2::text::timestamptz`,
)

export async function sizeOf(db: Session, owner: string, { sweeps }: Uncounted): Promise<Size> {
  const size = { tasks: 0, bytes: 0 }
  for (const sweep of sweeps) {
    if (sweep.kind !== 'restore') continue
    for (let [after, looked] = [0, rowsInTurn]; looked === rowsInTurn; ) {
      const [row = []] = await db.query(nextSize, [owner, sweep.deletedAt, sweep.list, after])
      const [tasks = 0, bytes = 0, last = 0, count = 0] = row.map(Number)
      size.tasks += tasks
      size.bytes += bytes
      after = last
      looked = count
      await setImmediate()
    }
  }
  return size
}
