import type { Task } from '../tasks.ts'
import { byPosition } from './positions.ts'

const placeOf = (parent: number | null, list: number | null): number | string => parent ?? `list ${list}`
const none: readonly Task[] = []

/**
 * Which tasks are below each parent and at the top level of each list, in their order. A change of
 * one task costs the same with ten thousand others: none of them is looked at.
 */
export class Tree {
  readonly #tasks: ReadonlyMap<number, Task>
  /** Undefined until it is needed again, after many changes. */
  #places: Map<number | string, Task[]> | undefined

  constructor(tasks: ReadonlyMap<number, Task>) {
    this.#tasks = tasks
  }

  /** @param list matters at the top level, where there is no parent */
  childrenOf(parent: number | null, list: number | null): readonly Task[] {
    this.#places ??= sorted(this.#tasks)
    return this.#places.get(placeOf(parent, list)) ?? none
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
    const place = placeOf(task.parent_id, task.list_id)
    const siblings = this.#places.get(place) ?? []
    this.#places.set(place, siblings)
    let low = 0
    for (let high = siblings.length; low < high; ) {
      const middle = (low + high) >> 1
      if (byPosition(siblings[middle] as Task, task) < 0) low = middle + 1
      else high = middle
    }
    siblings.splice(low, 1 - into.length, ...into)
  }
}

function sorted(tasks: ReadonlyMap<number, Task>): Map<number | string, Task[]> {
  const places = new Map<number | string, Task[]>()
  for (const task of tasks.values()) {
    const place = placeOf(task.parent_id, task.list_id)
    const siblings = places.get(place)
    if (siblings) siblings.push(task)
    else places.set(place, [task])
  }
  for (const siblings of places.values()) siblings.sort(byPosition)
  return places
}
