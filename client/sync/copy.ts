import type { ChangedList } from '../lists.ts'
import type { Task } from '../tasks.ts'
import { type Effect, withEffect } from './effects.ts'
import type { Fields } from './fields.ts'
import { type Item, type ItemType, keyOf, type Settings, type SyncOperation } from './operations.ts'
import type { Entry } from './store.ts'
import { Tree } from './tree.ts'

/** Why a write was not done. */
export interface SyncProblem {
  /** `conflict`: somebody else changed the same fields. `gone`: the item no longer exists. */
  readonly kind: 'conflict' | 'gone' | 'refused'
  readonly message: string
  /** For a conflict: the server's values of the fields. */
  readonly theirs?: Fields
}

/** A local write that waits to be sent, or that has a problem. */
export interface Write {
  /** Its `Idempotency-Key`. */
  readonly key: string
  /** The order of writes. */
  readonly seq: number
  readonly operations: readonly SyncOperation[]
  readonly effects: readonly Effect[]
  /** What the application has called it. */
  readonly label?: string
  /** For an update of one item: what the server had in these fields. */
  readonly base?: Fields
  /** The revision that the item must have. Part of the request, once it has been sent. */
  readonly match?: number
  /** `created_at` of the items, which tells them from others that get their ids after a restore. */
  readonly targets?: Readonly<Record<string, string>>
  readonly problem?: SyncProblem
}

/** Which items changed, by their ids. */
export interface Changed {
  readonly tasks: ReadonlySet<number>
  readonly lists: ReadonlySet<number>
  readonly settings: boolean
  /** Whether `writes` changed. */
  readonly writes: boolean
}

/**
 * What the server has said (`base`), and on top of it the writes that it has not confirmed. All of
 * it consists of entries, which the store keeps and tabs send to each other:
 *
 *   task:7, list:3, settings:0   an item, as the server has it
 *   write:<key>                  a Write
 *   id:-12                       the real id of an item that was created here
 *   since                        the position of `/changes` up to which the items are complete
 */
export class Copy {
  readonly tasks = new Map<number, Task>()
  readonly lists = new Map<number, ChangedList>()
  readonly #tree = new Tree(this.tasks)
  settings: Settings | undefined
  /** In their order. */
  writes: readonly Write[] = []
  since: string | undefined
  readonly base = new Map<string, Item>()
  readonly #realIds = new Map<number, number>()
  readonly #firstIds = new Map<number, number>()
  #effects = new Map<string, Effect[]>()

  realId = (id: number): number => this.#realIds.get(id) ?? id
  /** An id that stays the same when the server gives the item its own. */
  stableId = (id: number): number => this.#firstIds.get(id) ?? id

  /** The children of a task, or the top level of a list, in their order. */
  childrenOf = (parent: number | null, list: number | null): readonly Task[] =>
    this.#tree.childrenOf(parent, list)

  /** Costs little for each entry: a first sync has tens of thousands. */
  apply(entries: Iterable<Entry>): Changed {
    const ids = { task: new Set<number>(), list: new Set<number>(), settings: new Set<number>() }
    const writes = new Map(this.writes.map(one => [one.key, one]))
    let touched: readonly Effect[] = []
    let hasWrites = false
    for (const entry of entries) {
      // To destructure it would take three times as long, until V8 has optimized this.
      const key = entry[0]
      // Other tabs send JSON.
      const value = entry[1] ?? undefined
      const at = key.indexOf(':')
      // Entries are written by this code only: the key tells the type of the value.
      const kind = (at < 0 ? key : key.slice(0, at)) as ItemType | 'since' | 'id' | 'write'
      const name = key.slice(at + 1)
      if (kind === 'since') this.since = value as string | undefined
      else if (kind === 'id') this.#giveId(Number(name), value as number | undefined)
      else if (kind === 'write') {
        hasWrites = true
        const write = value as Write | undefined
        touched = touched.concat(writes.get(name)?.effects ?? [], write?.effects ?? [])
        if (write) writes.set(name, write)
        else writes.delete(name)
      } else {
        const id = Number(name)
        ids[kind].add(id)
        if (ids.task.size > 100) this.#tree.clear()
        if (value === undefined) this.base.delete(key)
        else this.base.set(key, value as Item)
        this.#show(key, kind, id, value as Item | undefined)
      }
    }
    if (hasWrites) {
      this.writes = [...writes.values()].sort((a, b) => a.seq - b.seq || (a.key < b.key ? -1 : 1))
      this.#effects = effectsByItem(this.writes)
    }
    if (touched.length > 100) this.#tree.clear()
    for (const { type, id } of touched) {
      ids[type].add(id)
      this.#show(keyOf(type, id), type, id)
    }
    return { tasks: ids.task, lists: ids.list, settings: ids.settings.size > 0, writes: hasWrites }
  }

  /** Removes the ids of items that no longer exist. */
  unusedIds(): Entry[] {
    if (this.since === undefined) return []
    const isUsed = (id: number) => this.base.has(keyOf('task', id)) || this.base.has(keyOf('list', id))
    return [...this.#realIds].flatMap(([first, real]) => (isUsed(real) ? [] : [[`id:${first}`, undefined]]))
  }

  #giveId(first: number, real: number | undefined): void {
    if (real === undefined) this.#realIds.delete(first)
    else {
      this.#realIds.set(first, real)
      this.#firstIds.set(real, first)
    }
  }

  /** Shows items as they will be after these effects, until `reset`. */
  preview(effects: readonly Effect[]): void {
    for (const effect of effects) {
      const { type, id } = effect
      this.#put(type, id, withEffect(type === 'settings' ? undefined : this[`${type}s`].get(id), effect))
    }
  }

  reset(effects: readonly Effect[]): void {
    for (const { type, id } of effects) this.#show(keyOf(type, id), type, id)
  }

  clear(): void {
    for (const items of [this.tasks, this.lists, this.base]) items.clear()
    this.#tree.clear()
    this.writes = []
  }

  #show(key: string, type: ItemType, id: number, base = this.base.get(key)): void {
    let item = base
    for (const effect of this.#effects.get(key) ?? []) item = withEffect(item, effect)
    this.#put(type, id, item)
  }

  #put(type: ItemType, id: number, item: Item | undefined): void {
    if (type === 'settings') {
      this.settings = item as Settings | undefined
      return
    }
    if (type === 'task') this.#tree.move(this.tasks.get(id), item as Task | undefined)
    const items: Map<number, Item> = this[`${type}s`]
    if (item) items.set(id, item)
    else items.delete(id)
  }
}

function effectsByItem(writes: readonly Write[]): Map<string, Effect[]> {
  const found = new Map<string, Effect[]>()
  for (const { effects, problem } of writes) {
    if (problem) continue
    for (const effect of effects) {
      const key = keyOf(effect.type, effect.id)
      const before = found.get(key)
      if (before) before.push(effect)
      else found.set(key, [effect])
    }
  }
  return found
}
