import type { Session } from '../db/database.ts'
import { timeOf } from '../fields/field.ts'
import { actions } from '../tasks/changes.ts'
import type { OwnerState } from '../tasks/list-page.ts'
import { logAfter } from '../tasks/sync-statements.ts'
import { checkReach, type Position, positionAfter, positionAt } from './position.ts'

// Reads the change log from a position.

/** An entry of the log, and the current state of its item. */
export interface Entry {
  readonly revision: number
  readonly type: number
  readonly id: number
  readonly action: number
  readonly actor: string
  readonly at: string
  /** Milliseconds since it was written. */
  readonly age: number
  /** Whether the item has changed again since. */
  readonly isPast: boolean
  /** Where the item is now. */
  readonly state: 'live' | 'trash' | 'gone'
  /** Approximate size of its body. */
  readonly bytes: number
  /** Whether it is the last one of its revision. */
  readonly isLast: boolean
}

interface LogPage {
  readonly state: OwnerState
  readonly entries: readonly Entry[]
  /** After the last of these entries, or the end of the log. */
  readonly end: Position
  readonly hasMore: boolean
}

/** Approximate size of an item's JSON without its texts. */
const itemBytes = 600

/** @throws AppError `resync_required` */
export async function readLog(
  db: Session,
  owner: string,
  position: Position,
  limit: number,
): Promise<LogPage> {
  let state: OwnerState = { revision: 0, epoch: '0' }
  let oldest: number | undefined
  const entries: (Entry & { isLast: boolean })[] = []
  const values = [owner, position.revision, position.type, position.id, limit + 1]
  await db.read(logAfter, values, row => {
    if (!row.isNull(0)) state = { revision: row.integer(0), epoch: String(row.integer(1)) }
    if (!row.isNull(2)) oldest = row.integer(2)
    if (row.isNull(3)) return
    const revision = row.integer(3)
    const last = entries.at(-1)
    if (last) last.isLast = last.revision !== revision
    const isThere = !row.isNull(9)
    const isLive = isThere && row.flag(10)
    entries.push({
      revision,
      type: row.integer(4),
      id: row.integer(5),
      action: row.integer(6),
      actor: row.text(7) ?? '',
      at: timeOf(row, 12),
      age: row.integer(8),
      isPast: isThere && row.integer(9) > revision,
      state: isLive ? 'live' : isThere ? 'trash' : 'gone',
      bytes: itemBytes + (isLive ? row.integer(11) : 0),
      isLast: true,
    })
  })
  checkReach(position, state, oldest)
  const hasMore = entries.length > limit
  if (hasMore) entries.pop()
  const last = entries.at(-1)
  const end = hasMore && last ? positionAfter(state.epoch, last) : positionAt(state)
  return { state, entries, end, hasMore }
}

/**
 * Whether the entry is the last one of its item. An item that was removed permanently has no row;
 * its last entries are deletions.
 */
export const isNews = ({ isPast, state, action }: Entry): boolean =>
  !isPast && (state !== 'gone' || endings.has(action))

const endings: ReadonlySet<number> = new Set([
  actions.deleted,
  actions.deletedInSteps,
  actions.discarded,
  actions.purged,
])
