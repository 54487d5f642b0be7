import type { Task } from '../tasks.ts'
import { byPosition } from './positions.ts'

const none: readonly Task[] = []

/** Siblings in their order. */
interface Places {
  /** By their list, at the top level. */
  readonly top: Map<number | null, Task[]>
  /** By their parent. */
  readonly below: Map<number | null, Task[]>
}

/**
 * Which tasks are below each parent and at the top level of each list, in their order. A change of
 * one task costs the same with ten thousand others: none of them is looked at.
 */
export class Tree {
  readonly #tasks: ReadonlyMap<number, Task>
  /** Undefined until it is needed again, after many changes. */
  #places: Places | undefined

  constructor(tasks: ReadonlyMap<number, Task>) {
    this.#tasks = tasks
  }

  /** @param list matters at the top level, where there is no parent */
  childrenOf(parent: number | null, list: number | null): readonly Task[] {
    this.#places ??= sorted(this.#tasks)
    const { top, below } = this.#places
    return (parent === null ? top.get(list) : below.get(parent)) ?? none
  }

  /** Takes a task from where it was to where it is. */
  move(before: Task | undefined, after: Task | undefined): void {
    if (before) this.#put(before, [])
    if (after) this.#put(after, [after])
  }

  clear(): void {
    this.#places = undefined
  }

  #put(task: Task, into: readonly Task[]): void {
    if (!this.#places) return
    const siblings = siblingsOf(task, this.#places)
    let low = 0
    for (let high = siblings.length; low < high; ) {
      const middle = (low + high) >> 1
      if (byPosition(siblings[middle] as Task, task) < 0) low = middle + 1
      else high = middle
    }
    siblings.splice(low, 1 - into.length, ...into)
  }
}

function sorted(tasks: ReadonlyMap<number, Task>): Places {
  const places: Places = { top: new Map(), below: new Map() }
  for (const task of tasks.values()) siblingsOf(task, places).push(task)
  for (const place of [places.top, places.below])
    for (const siblings of place.values()) siblings.sort(byPosition)
  return places
}

function siblingsOf({ parent_id, list_id }: Task, { top, below }: Places): Task[] {
  const [place, key] = parent_id === null ? [top, list_id] : [below, parent_id]
  const siblings = place.get(key) ?? []
  if (siblings.length === 0) place.set(key, siblings)
  return siblings
}
