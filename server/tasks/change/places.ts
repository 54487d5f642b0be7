import { byPosition, positionBetween, positionsBetween } from '../position.ts'
import type { Change } from './change.ts'
import { readSiblings, type TaskRow } from './rows.ts'

// The position of a task among its siblings.

/** Siblings: the children of a task, or the top level of a list; list null is the inbox. */
export interface Scope {
  readonly list_id: number | null
  readonly parent_id: number | null
}

type Side = 'before' | 'after'
type Mark = Pick<TaskRow, 'position' | 'id'>

/** Siblings on each side that are moved to make room: at the first attempt, and at most. */
const window = { first: 16, most: 5000 }

export const isIn = (scope: Scope, task: TaskRow): boolean =>
  task.parent_id === scope.parent_id && (scope.parent_id !== null || task.list_id === scope.list_id)

/**
 * A position for `task` directly before or after the sibling `from`. If `from` is null: at the end
 * (`before`) or at the start (`after`). Makes room if necessary.
 * @returns the current position if the task is already in this place
 */
export async function placeBeside(
  change: Change,
  scope: Scope,
  task: Pick<TaskRow, 'id'>,
  side: Side,
  from: TaskRow | null,
): Promise<string> {
  const [neighbour = null] = await siblings(change, scope, side, from, 1, [task.id])
  const [low, high] = side === 'before' ? [neighbour, from] : [from, neighbour]
  const now = change.tasks.get(task.id)?.now
  const stays =
    now &&
    isIn(scope, now) &&
    now.deleted_at === null &&
    (!low || isBelow(low, now)) &&
    (!high || isBelow(now, high))
  if (stays) return now.position
  if (!high) return change.append()
  return (
    positionBetween(low?.position ?? null, high.position) ?? (await makeRoom(change, scope, task, low, high))
  )
}

const isBelow = (a: Mark, b: Mark) => byPosition(a, b) < 0

/** Gives the nearest siblings new positions: four times as many with each attempt. */
async function makeRoom(
  change: Change,
  scope: Scope,
  task: Pick<TaskRow, 'id'>,
  low: TaskRow | null,
  high: TaskRow,
): Promise<string> {
  for (let count = window.first; ; count *= 4) {
    const below = low ? [low, ...(await siblings(change, scope, 'before', low, count, [task.id]))] : []
    const above = [high, ...(await siblings(change, scope, 'after', high, count, [task.id]))]
    // The outermost siblings keep their positions.
    const bottom = below.length > count ? (below.pop()?.position ?? null) : null
    const top = above.length > count ? (above.pop()?.position ?? null) : change.end
    const positions = positionsBetween(bottom, top, below.length + 1 + above.length)
    if (!positions) {
      if (count > window.most) throw new Error('the siblings have no order')
      continue
    }
    const [own = '', ...others] = [
      ...positions.slice(below.length, below.length + 1),
      ...positions.slice(0, below.length),
      ...positions.slice(below.length + 1),
    ]
    const moved = [...below.reverse(), ...above]
    for (const [n, sibling] of moved.entries()) {
      change.track(sibling, false)
      const tracked = change.tasks.get(sibling.id)
      if (tracked && tracked.before === tracked.now) tracked.isRebalanced = true
      change.setTask(sibling.id, { position: others[n] as string })
    }
    return own
  }
}

/** The nearest siblings on one side, including the changes made so far. */
async function siblings(
  change: Change,
  scope: Scope,
  direction: Side,
  from: TaskRow | null,
  limit: number,
  except: readonly number[],
): Promise<TaskRow[]> {
  const changed = [...change.tasks.values()].filter(({ before, now }) => before !== now)
  const ids = changed.map(({ now }) => now.id)
  const stored = await readSiblings(change.db, change.owner.id, {
    list: scope.list_id ?? 0,
    parent: scope.parent_id ?? 0,
    direction,
    from,
    limit,
    except: [...ids, ...except],
  })
  const own = changed.flatMap(({ now }) => {
    if (now.deleted_at !== null || except.includes(now.id) || !isIn(scope, now)) return []
    const isBeyond = from === null || (direction === 'before' ? isBelow(now, from) : isBelow(from, now))
    return isBeyond ? [now] : []
  })
  return [...stored, ...own]
    .sort((a, b) => (direction === 'before' ? byPosition(b, a) : byPosition(a, b)))
    .slice(0, limit)
}
