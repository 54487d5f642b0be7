import type { Session } from '../../db/database.ts'
import { AppError } from '../../errors.ts'
import { appendedPosition } from '../position.ts'
import { type ListRow, maxItems, readFamily, readLists, reserveIds, stepSize, type TaskRow } from './rows.ts'

/** The owner's row, which the change has locked. */
export interface OwnerRow {
  readonly id: string
  /** The revision of the last change. */
  readonly revision: number
  readonly epoch: string
  readonly positionBase: number
  readonly taskCount: number
  /** The time of this change. Never earlier than the previous change. */
  readonly at: string
  /** Whether one of the owner's webhooks is active. */
  readonly hasWebhooks: boolean
}

/** An item before and after a change. */
export interface Tracked<Row> {
  /** Undefined if the change creates the item. */
  readonly before: Row | undefined
  now: Row
  /** Whether its description was read. */
  readonly isWhole: boolean
  /** Whether it is moved only to make room for a sibling. */
  isRebalanced?: boolean
  /** Whether the times in `now` are stored, instead of the time of the change. */
  keepsTimes?: boolean
}

/** Sums of what statements have changed that write to the log themselves. */
export interface Direct {
  tasks: number
  live: number
  trash: number
  log: number
  keys: number
}

/** Changes all tasks of a list without reading them. */
export type Sweep = MoveSweep | SteppedSweep

/** By a statement when the change is stored. */
export interface MoveSweep {
  readonly kind: 'move'
  readonly list: number
  /** The list that they move to; null is the inbox. */
  readonly to: number | null
}

/** In steps after the change: see steps.ts. */
export interface SteppedSweep {
  /** `purge` and `empty` remove tasks in the trash permanently: of the list, or all. */
  readonly kind: 'trash' | 'restore' | 'purge' | 'empty'
  /** 0 for `empty`. */
  readonly list: number
  /** `deleted_at` of the tasks; of the last ones, where they are removed. */
  readonly deletedAt: string
}

/** A batch has a hundred operations at most, and reads some relatives. */
const largeRows = 200

/**
 * The working set of one request, in a transaction that has locked the owner's row: items are read
 * into it, changed in it, and stored together at the end, with one revision.
 */
export class Change {
  readonly db: Session
  readonly owner: OwnerRow
  /** Who makes the change: see `Grant.actor`. */
  readonly actor: string
  readonly tasks = new Map<number, Tracked<TaskRow>>()
  readonly lists = new Map<number, Tracked<ListRow>>()
  readonly sweeps: Sweep[] = []
  /** Whether it is a step of an earlier change. */
  isStep = false
  /** How many tasks it can still read because of their list. */
  room = stepSize
  /** Rows that were changed without being read. */
  direct: Direct | undefined
  /** How many rows it has read, or changed without reading them. */
  rows = 0
  #appended = 0
  /** Tasks whose descendants were read. */
  readonly #families = new Set<number>()
  #hasLists = false
  /** Ids by parent: to look through all tasks for each is quadratic. */
  #children: { readonly ids: ReadonlyMap<number, readonly number[]>; readonly count: number } | undefined
  #taskIds: number[] = []

  constructor(db: Session, owner: OwnerRow, actor: string) {
    this.db = db
    this.owner = owner
    this.actor = actor
  }

  get at(): string {
    return this.owner.at
  }

  /** Whether it touches more rows than a batch of single ones. */
  get isLarge(): boolean {
    return this.rows > largeRows
  }

  /** The revision that the change will have. */
  get revision(): number {
    return this.owner.revision + 1
  }

  /** Creates a position after all positions of the owner. */
  append(): string {
    return appendedPosition(this.owner.positionBase + this.revision, this.#appended++)
  }

  /** A position after all others, and before those of later changes. */
  get end(): string {
    return appendedPosition(this.owner.positionBase + this.revision + 1)
  }

  /** Reads tasks with their ancestors, and those of `structural` with their descendants too. */
  async load(ids: readonly number[], structural: readonly number[] = []): Promise<void> {
    // A task that this change creates is already here, with its descendants.
    const isNew = (id: number) => this.tasks.has(id) && this.tasks.get(id)?.before === undefined
    const plain = ids.filter(id => !this.tasks.get(id)?.isWhole)
    const families = structural.filter(id => !this.#families.has(id) && !isNew(id))
    if (plain.length + families.length === 0) return
    for (const id of families) this.#families.add(id)
    const wanted = new Set([...plain, ...families])
    const rows = await readFamily(this.db, this.owner.id, plain, families)
    this.rows += rows.length
    if (rows.length > maxItems) throw tooLarge()
    for (const row of rows) this.track(row, wanted.has(row.id))
  }

  /** Adds a row that was read. If it was added before, only its description is. */
  track(row: TaskRow, isWhole: boolean): void {
    const known = this.tasks.get(row.id)
    if (!known) this.tasks.set(row.id, { before: row, now: this.#swept(row), isWhole })
    else if (isWhole && !known.isWhole && known.before)
      this.tasks.set(row.id, {
        ...known,
        before: { ...known.before, description: row.description },
        now: { ...known.now, description: row.description },
        isWhole,
      })
  }

  /** Applies the sweeps so far to a row that is read after them. */
  #swept(row: TaskRow): TaskRow {
    let now = row
    for (const sweep of this.sweeps) {
      if (now.list_id !== sweep.list || now.deleted_at !== null) continue
      if (sweep.kind === 'trash') now = { ...now, deleted_at: this.at }
      if (sweep.kind === 'move') now = { ...now, list_id: sweep.to }
    }
    return now
  }

  async loadLists(): Promise<void> {
    if (this.#hasLists) return
    this.#hasLists = true
    for (const row of await readLists(this.db, this.owner.id))
      this.lists.set(row.id, { before: row, now: row, isWhole: true })
  }

  /** Reserves ids of tasks that will be created, in one statement. */
  async reserve(count: number): Promise<void> {
    if (count > 0) this.#taskIds.push(...(await reserveIds(this.db, 'task', count)))
  }

  newTaskId(): number | Promise<number> {
    return this.#taskIds.shift() ?? this.reserve(1).then(() => this.newTaskId())
  }

  /** A task that is not in the trash. */
  findTask(id: number): TaskRow | undefined {
    const row = this.tasks.get(id)?.now
    return row?.deleted_at === null ? row : undefined
  }

  /** @throws AppError `task_not_found` */
  getTask(id: number): TaskRow {
    const row = this.findTask(id)
    if (!row) throw new AppError('task_not_found', 'There is no such task.')
    return row
  }

  findList(id: number): ListRow | undefined {
    const row = this.lists.get(id)?.now
    return row?.deleted_at === null ? row : undefined
  }

  /** @throws AppError `list_not_found` */
  getList(id: number): ListRow {
    const row = this.findList(id)
    if (!row) throw new AppError('list_not_found', 'There is no such list.')
    return row
  }

  setTask(id: number, values: Partial<TaskRow>): TaskRow {
    const tracked = this.tasks.get(id)
    if (!tracked) throw new Error(`task ${id} was not read`)
    if (values.parent_id !== undefined && values.parent_id !== tracked.now.parent_id)
      this.#children = undefined
    tracked.now = { ...tracked.now, ...values }
    return tracked.now
  }

  setList(id: number, values: Partial<ListRow>): ListRow {
    const tracked = this.lists.get(id)
    if (!tracked) throw new Error(`list ${id} was not read`)
    tracked.now = { ...tracked.now, ...values }
    return tracked.now
  }

  /** The tasks that were read and have this parent. */
  childrenOf(id: number): TaskRow[] {
    if (this.#children?.count !== this.tasks.size) this.#children = this.#byParent()
    return (this.#children.ids.get(id) ?? []).flatMap(child => this.tasks.get(child)?.now ?? [])
  }

  #byParent() {
    const ids = new Map<number, number[]>()
    for (const [id, { now }] of this.tasks) {
      if (now.parent_id === null) continue
      const siblings = ids.get(now.parent_id)
      if (siblings) siblings.push(id)
      else ids.set(now.parent_id, [id])
    }
    return { ids, count: this.tasks.size }
  }

  /** The task and its descendants that are not in the trash, parents first. */
  subtree(task: TaskRow): TaskRow[] {
    // A map ends the loop in a cycle, which an undo can contain before it is rejected.
    const found = new Map([[task.id, task]])
    for (const [id] of found)
      for (const child of this.childrenOf(id)) if (child.deleted_at === null) found.set(child.id, child)
    return [...found.values()]
  }

  /** Whether two tasks that are in the trash were deleted by the same change. Needs the lists. */
  isDeletedWith(one: Tracked<TaskRow>, other: Tracked<TaskRow>): boolean {
    const [a, b] = [one.now, other.now]
    if (b.deleted_at === null || a.deleted_at !== b.deleted_at) return false
    const isOfThis = ({ before }: Tracked<TaskRow>) => (before?.deleted_at ?? null) === null
    if (isOfThis(one) || isOfThis(other)) return isOfThis(one) && isOfThis(other)
    // The steps of a list's deletion have several revisions.
    return a.revision === b.revision || (this.#isDeletedWithList(a) && this.#isDeletedWithList(b))
  }

  #isDeletedWithList({ list_id: list, deleted_at: at }: TaskRow): boolean {
    return list !== null && this.lists.get(list)?.now.deleted_at === at
  }

  /** The number of levels from the top level to a task, both included. */
  depthOf(task: TaskRow): number {
    let depth = 1
    for (let id = task.parent_id; id !== null && depth < 100; depth += 1)
      id = this.tasks.get(id)?.now.parent_id ?? null
    return depth
  }

  /** The number of levels from a task to its deepest descendant, both included. */
  heightOf(task: TaskRow): number {
    const children = this.childrenOf(task.id).filter(child => child.deleted_at === null)
    return 1 + Math.max(0, ...children.map(child => this.heightOf(child)))
  }
}

export function tooLarge(): AppError {
  return new AppError(
    'change_too_large',
    `One change can touch ${maxItems} items at most. Divide it into smaller ones.`,
  )
}
