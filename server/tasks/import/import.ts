import { AppError, brokenRules } from '../../errors.ts'
import type { Change, Tracked } from '../change/change.ts'
import { createList } from '../change/list-operations.ts'
import { type ChangeContext, runChange } from '../change/run.ts'
import { createTask, maxLevels } from '../change/task-operations.ts'
import type { NewTask, Task } from '../fields.ts'
import type { List, NewList } from '../list-fields.ts'
import { tooManyTasks } from '../storage.ts'
import { type Imported, importedBefore, keyOf, type Line, storeKeys } from './keys.ts'
import { numberAfter, raiseBase } from './position-base.ts'
import { Structure } from './structure.ts'

/** The fields that only an import can set. */
type Kept<Item> = Partial<Pick<Item, Extract<keyof Item, 'position' | 'created_at' | 'updated_at'>>>

interface Numbered {
  /** Number of the line. */
  readonly line: number
  /** The id in the line. */
  readonly id: number
}
interface TaskLine extends Numbered {
  readonly type: 'task'
  /** `list_id` and `parent_id` are ids in lines. */
  readonly values: NewTask
  readonly kept: Kept<Task> & Partial<Pick<Task, 'completed_at'>>
}
interface ListLine extends Numbered {
  readonly type: 'list'
  readonly values: NewList
  readonly kept: Kept<List>
}
export type ImportLine = TaskLine | ListLine

export interface Counts {
  readonly tasks: number
  readonly lists: number
  /** Lines that an earlier request imported. */
  readonly skipped: number
}

/** Tasks whose parent is in a later line. They stay at the top level until it is imported. */
interface Waiting {
  readonly line: number
  readonly children: number[]
}

/**
 * An import of one owner. Each chunk is one change. Only the ids of all lines stay in memory, as
 * many as the owner may have tasks.
 */
export class Import {
  readonly #context: ChangeContext
  readonly #id: string
  readonly #isDry: boolean
  readonly #structure = new Structure()
  /** The new ids, by the id in the line. */
  readonly #ids = { task: new Map<number, number>(), list: new Map<number, number>() }
  readonly #waiting = new Map<number, Waiting>()
  /** Tasks that a dry run would have stored. */
  #unstored = 0

  constructor(context: ChangeContext, id: string, isDry: boolean) {
    this.#context = context
    this.#id = id
    this.#isDry = isDry
  }

  /**
   * Imports a chunk, or nothing of it if it throws.
   * @param isLast whether it is the last chunk
   * @throws AppError; `broken_rule` names the line
   */
  async add(lines: readonly ImportLine[], isLast: boolean): Promise<Counts> {
    for (const line of lines) if (line.type === 'task') this.#checkParent(line)
    const outcome = await runChange(
      this.#context,
      change => new Chunk(change, this.#id, this.#ids, this.#waiting, lines).store(isLast, this.#structure),
      { isDry: this.#isDry },
    )
    if (outcome.isReplayed) throw new Error('a change without a key is never replayed')
    const { ids, waiting, counts } = outcome.result
    if (this.#isDry) {
      this.#unstored += counts.tasks
      const { quota } = this.#context
      if (outcome.change.owner.taskCount + this.#unstored > quota.tasks) throw tooManyTasks(quota)
    }
    for (const [old, id] of ids.task) this.#ids.task.set(old, id)
    for (const [old, id] of ids.list) this.#ids.list.set(old, id)
    for (const old of ids.task.keys()) this.#waiting.delete(old)
    for (const { parent, line, id } of waiting) {
      const known = this.#waiting.get(parent)
      if (known) known.children.push(id)
      else this.#waiting.set(parent, { line, children: [id] })
    }
    return counts
  }

  #checkParent({ line, id, values }: TaskLine): void {
    const wrong = this.#structure.add(id, values.parent_id ?? null)
    if (wrong === 'cycle') throw broken(line, 'parent_id', 'A task cannot become a descendant of itself.')
    if (wrong === 'depth') throw broken(line, 'parent_id', `Tasks can have ${maxLevels} levels at most.`)
  }
}

export const broken = (line: number, field: string, message: string) =>
  brokenRules([{ field: field === '' ? `${line}` : `${line}/${field}`, message: `Line ${line}: ${message}` }])

/** An error that names the line. */
function placed(error: unknown, line: number): unknown {
  if (!(error instanceof AppError) || error.code !== 'broken_rule') return error
  const [{ field, message } = { field: '', message: error.message }] = error.problems
  return broken(line, field, message)
}

interface Stored {
  readonly ids: { readonly task: Map<number, number>; readonly list: Map<number, number> }
  readonly waiting: { readonly parent: number; readonly line: number; readonly id: number }[]
  readonly counts: Counts
}

/** One chunk, in its transaction. The transaction may be repeated, with a new object. */
class Chunk {
  readonly #change: Change
  readonly #importId: string
  readonly #known: Stored['ids']
  readonly #waitingBefore: ReadonlyMap<number, Waiting>
  readonly #lines: readonly ImportLine[]
  readonly #new: Stored['ids'] = { task: new Map(), list: new Map() }
  readonly #waiting: Stored['waiting'] = []
  readonly #imported: Imported[] = []

  constructor(
    change: Change,
    importId: string,
    known: Stored['ids'],
    waiting: ReadonlyMap<number, Waiting>,
    lines: readonly ImportLine[],
  ) {
    this.#change = change
    this.#importId = importId
    this.#known = known
    this.#waitingBefore = waiting
    this.#lines = lines
  }

  async store(isLast: boolean, structure: Structure): Promise<Stored> {
    const change = this.#change
    await change.loadLists()
    const fresh = await this.#missing()
    const tasks = fresh.filter(line => line.type === 'task')
    for (const line of fresh) if (line.type === 'list') await this.#addList(line)
    await this.#loadParents(tasks)
    await change.reserve(tasks.length)
    const left = new Map(tasks.map(line => [line.id, line]))
    for (const line of tasks) await this.#addTask(line, left, structure)
    if (isLast) this.#checkWaiting()
    await this.#finish()
    const counts = {
      tasks: tasks.length,
      lists: fresh.length - tasks.length,
      skipped: this.#lines.length - fresh.length,
    }
    return { ids: this.#new, waiting: this.#waiting, counts }
  }

  #idOf({ type, id }: Line): number | undefined {
    return this.#new[type].get(id) ?? this.#known[type].get(id)
  }

  /** The lines that were not imported before. */
  async #missing(): Promise<ImportLine[]> {
    const wanted = new Map<string, Line>()
    const want = (line: Line) => {
      if (this.#idOf(line) === undefined) wanted.set(keyOf(this.#importId, line), line)
    }
    for (const line of this.#lines) {
      want(line)
      if (line.type !== 'task') continue
      if (line.values.list_id) want({ type: 'list', id: line.values.list_id })
      if (line.values.parent_id) want({ type: 'task', id: line.values.parent_id })
    }
    const { db, owner } = this.#change
    const before = await importedBefore(db, owner.id, [...wanted.keys()])
    for (const [key, { type, id }] of wanted) {
      const given = before.get(key)
      if (given !== undefined) this.#new[type].set(id, given)
    }
    const seen = new Set<string>()
    const fresh = this.#lines.filter(line => {
      const name = `${line.type} ${line.id}`
      if (seen.has(name) || this.#idOf(line) !== undefined) return false
      seen.add(name)
      return true
    })
    const skipped = new Set(this.#lines.filter(line => !fresh.includes(line)))
    // Tasks of an interrupted import can still wait for their parents.
    for (const line of skipped) if (line.type === 'task') this.#waitFor(line)
    return fresh
  }

  #waitFor({ line, id, values }: TaskLine): void {
    const [parent, given] = [values.parent_id ?? null, this.#idOf({ type: 'task', id })]
    if (parent === null || given === undefined || this.#idOf({ type: 'task', id: parent }) !== undefined)
      return
    this.#waiting.push({ parent, line, id: given })
  }

  async #addList(line: ListLine): Promise<void> {
    const { id } = await createList(this.#change, line.values)
    this.#change.setList(id, line.kept)
    keepTimes(this.#change.lists.get(id))
    this.#note(line, id)
  }

  #note({ type, id }: Line, given: number): void {
    this.#new[type].set(id, given)
    this.#imported.push({ key: keyOf(this.#importId, { type, id }), type, id: given })
  }

  /** Reads the stored parents of these tasks, and the stored tasks that wait for one of these. */
  async #loadParents(tasks: readonly TaskLine[]): Promise<void> {
    const parents = tasks.flatMap(({ values }) => {
      const id = values.parent_id && this.#idOf({ type: 'task', id: values.parent_id })
      return id ? [id] : []
    })
    const children = tasks.flatMap(({ id }) => this.#waitingBefore.get(id)?.children ?? [])
    await this.#change.load(parents, children)
  }

  /** Adds a task; first its parent if that is in `left`. */
  async #addTask(line: TaskLine, left: Map<number, TaskLine>, structure: Structure): Promise<void> {
    if (!left.delete(line.id)) return
    const { parent_id: parent = null, list_id: list = null, ...values } = line.values
    const above = parent === null ? undefined : left.get(parent)
    if (above) await this.#addTask(above, left, structure)
    const change = this.#change
    const listId = this.#listOf(line, list)
    const parentId = parent === null ? undefined : this.#idOf({ type: 'task', id: parent })
    const row = parentId === undefined ? undefined : change.findTask(parentId)
    // The user may have moved or deleted the parent since it was imported.
    const isBelow = row && change.depthOf(row) + structure.heightOf(line.id) <= maxLevels
    if (above && row && row.list_id !== listId)
      throw broken(line.line, 'list_id', 'A task is in the list of its parent.')
    try {
      const place = isBelow ? { parent_id: row.id } : { list_id: listId }
      const { id } = await createTask(change, { ...values, ...place })
      change.setTask(id, line.kept)
      keepTimes(change.tasks.get(id))
      this.#note(line, id)
      if (parent !== null && parentId === undefined) this.#waiting.push({ parent, line: line.line, id })
      for (const child of this.#waitingBefore.get(line.id)?.children ?? []) this.#attach(child, id)
    } catch (error) {
      throw placed(error, line.line)
    }
  }

  /** The list of a task; the inbox if the list was deleted since it was imported. */
  #listOf({ line }: TaskLine, list: number | null): number | null {
    if (list === null) return null
    const id = this.#idOf({ type: 'list', id: list })
    if (id === undefined)
      throw broken(line, 'list_id', `There is no list with the id ${list} in a line before.`)
    return this.#change.findList(id) ? id : null
  }

  /** Moves a waiting task below its parent, unless the user has moved or deleted it. */
  #attach(id: number, parent: number): void {
    const change = this.#change
    const [child, above] = [change.findTask(id), change.getTask(parent)]
    if (child?.parent_id !== null || child.list_id !== above.list_id) return
    if (change.depthOf(above) + change.heightOf(child) > maxLevels) return
    change.setTask(id, { parent_id: parent })
    keepTimes(change.tasks.get(id))
  }

  #checkWaiting(): void {
    const waiting = [
      ...[...this.#waitingBefore].map(([parent, { line }]) => ({ parent, line })),
      ...this.#waiting,
    ]
    const first = waiting.find(({ parent }) => this.#idOf({ type: 'task', id: parent }) === undefined)
    if (!first) return
    throw broken(first.line, 'parent_id', `There is no task with the id ${first.parent} in this import.`)
  }

  async #finish(): Promise<void> {
    if (this.#imported.length === 0) return
    const { db, owner, revision, at } = this.#change
    const keys = await storeKeys(db, owner.id, this.#imported, { revision, at })
    this.#change.direct = { tasks: 0, live: 0, trash: 0, log: 0, keys }
    const next = Math.max(0, ...this.#lines.map(({ kept }) => numberAfter(kept.position ?? '')))
    if (next > owner.positionBase + owner.revision) await raiseBase(db, owner.id, next)
  }
}

function keepTimes<Row>(tracked: Tracked<Row> | undefined): void {
  if (tracked) tracked.keepsTimes = true
}
