import { type Database, statement } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { inTurns } from './in-turns.ts'
import { isLive } from './is-live.ts'
import { tasksOf } from './tasks.ts'
import { derivedAgain, derivedTimes, type When } from './when.ts'

// Governments change time zones. Wall time and zone are authoritative, so stored instants are
// derived again if they differ under the time zone data of this process. For tasks in the trash
// this happens when they are restored.

/** The version of the data, such as `2025c`. `temporal-polyfill` takes it from `Intl`. */
export const timeZoneData = process.versions.tz ?? 'unknown'

const ownersInStep = 100
const tasksInStep = 500

const owners = statement(
  'duly_times_owners',
  'select owners.id from duly.owners where owners.id > $1 order by owners.id limit $2::bigint',
)
/** The next tasks by id. Start and due are null without an instant. */
const times = statement(
  'duly_times_tasks',
  `select tasks.id, case when tasks.start_at is not null then tasks.start end, case when tasks.due_at is not null then tasks.due end
  from duly.tasks where tasks.user_id = $1 and tasks.id > $2::bigint and ${isLive}
  order by tasks.id limit $3::bigint`,
)

/**
 * Reads the tasks of all owners in short statements, and writes those whose instants differ, as a
 * change of the operator. It can be repeated at any time.
 * @returns how many tasks it changed
 */
export async function deriveTimes(db: Database, signal: AbortSignal): Promise<number> {
  let count = 0
  let after = ''
  for (let isMore = true; isMore; ) {
    const found = await db.query(owners, [after, ownersInStep])
    for (const [owner] of found) {
      after = String(owner)
      count += await deriveTimesOf(db, after, signal)
    }
    isMore = found.length === ownersInStep
  }
  return count
}

async function deriveTimesOf(db: Database, owner: string, signal: AbortSignal): Promise<number> {
  const own = tasksOf(db, owner, { actor: 'operator' })
  let count = 0
  let after = 0
  for (let isMore = true; isMore; ) {
    signal.throwIfAborted()
    let seen = 0
    const timed: { readonly id: number; readonly times: readonly When[] }[] = []
    await db.read(times, [owner, after, tasksInStep], row => {
      seen += 1
      after = row.integer(0)
      const found = [1, 2].flatMap(n => (row.isNull(n) ? [] : [JSON.parse(row.json(n)) as When]))
      if (found.length > 0) timed.push({ id: after, times: found })
    })
    for await (const { id, times } of inTurns(timed)) {
      if (!times.some(time => derivedAgain(time))) continue
      const changed = await own.edit(id, derivedTimes).catch(error => {
        // The task was removed meanwhile.
        if (error instanceof AppError && error.code === 'task_not_found') return undefined
        throw error
      })
      if (changed?.isChanged) count += 1
    }
    isMore = seen === tasksInStep
  }
  return count
}
