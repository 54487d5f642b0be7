import { positionBetween, positionsBetween } from '../position.ts'
import type { Change } from './change.ts'
import { readSiblings, type TaskRow } from './rows.ts'

// Where a task stands among its siblings.

/** The top level of a list, null being the inbox, or the children of a task. */
export interface Scope {
  readonly list_id: number | null
  readonly parent_id: number | null
}

type Side = 'before' | 'after'
type Mark = Pick<TaskRow, 'position' | 'id'>

/** Siblings that are moved to make room: at first, and at most. */
const window = { first: 16, most: 5000 }

export const isIn = (scope: Scope, task: TaskRow): boolean =>
  task.parent_id === scope.parent_id && (scope.parent_id !== null || task.list_id === scope.list_id)

/**
 * A position between a sibling and its neighbour, `from` being null for the end or the start of the
 * siblings. Makes room where there is none.
 * @param task is no sibling of itself
 * @returns its position of today where it is in this place already
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

const isBelow = (a: Mark, b: Mark) => a.position < b.position || (a.position === b.position && a.id < b.id)

/** Spreads the nearest siblings, more of them until there is room. */
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
    // The outermost ones stay where they are.
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

/** The nearest siblings on one side, as this change leaves them. */
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
    .sort((a, b) => ((direction === 'before') === isBelow(a, b) ? 1 : -1))
    .slice(0, limit)
}
