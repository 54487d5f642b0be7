import { maxLevels } from '../change/task-operations.ts'

/** The most that a number of levels above a part can be is one less. */
const maxBelow = maxLevels - 1

/**
 * The tree of the tasks of an import, which come in any order: a part may come before its parent.
 * Ids are those of the lines. Tasks without parent and parts take no memory here.
 */
export class Structure {
  readonly #parents = new Map<number, number>()
  /** Levels below a task, itself included. One where absent. */
  readonly #heights = new Map<number, number>()

  heightOf(id: number): number {
    return this.#heights.get(id) ?? 1
  }

  /** @returns what is wrong with the parent, if anything; then the task is not added */
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

  /** A task and those above it that are known, or are named by those. */
  #above(id: number): number[] {
    const found = [id]
    for (let next = this.#parents.get(id); next !== undefined; next = this.#parents.get(next)) {
      found.push(next)
      if (found.length > maxBelow) break
    }
    return found
  }
}
