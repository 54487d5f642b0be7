import { maxLevels } from '../change/task-operations.ts'

/** Maximum number of ancestors of a task. */
const maxAncestors = maxLevels - 1

/**
 * The tree of the tasks of an import. They come in any order: a child can come before its parent.
 * Ids are those in the lines. Tasks without parent and children take no memory here.
 */
export class Structure {
  readonly #parents = new Map<number, number>()
  /** Levels from a task to its deepest descendant, both included. Absent: one. */
  readonly #heights = new Map<number, number>()

  heightOf(id: number): number {
    return this.#heights.get(id) ?? 1
  }

  /** @returns what is wrong with the parent. The task is not added then. */
  add(id: number, parent: number | null): 'cycle' | 'depth' | undefined {
    if (parent === null || this.#parents.has(id)) return undefined
    const above = this.#above(parent)
    if (parent === id || above.includes(id)) return 'cycle'
    let height = this.heightOf(id)
    if (above.length + height > maxLevels) return 'depth'
    this.#parents.set(id, parent)
    for (const one of above) {
      height += 1
      if (this.heightOf(one) >= height) break
      this.#heights.set(one, height)
    }
    return undefined
  }

  /** A task and its known ancestors, up to the first one that is only named. */
  #above(id: number): number[] {
    const found = [id]
    for (let next = this.#parents.get(id); next !== undefined; next = this.#parents.get(next)) {
      found.push(next)
      if (found.length > maxAncestors) break
    }
    return found
  }
}
