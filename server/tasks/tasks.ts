import type { Database, Guard, Session, TakeRow } from '../db/database.ts'
import { guarded } from '../db/guarded-session.ts'
import type { BuiltStatement } from '../db/shapes.ts'
import { AppError, brokenRules } from '../errors.ts'
import type { Change } from './change/change.ts'
import type { TaskRow } from './change/rows.ts'
import { type ChangeContext, type Done, runChange } from './change/run.ts'
import {
  createTask,
  type Move,
  moveTask,
  removeTask,
  restoreTask,
  updateTask,
} from './change/task-operations.ts'
import { createStatement } from './create-statement.ts'
import { type NewTask, type Task, type TaskChange, tasks } from './fields.ts'
import { lookUp, type Replay } from './keys.ts'
import { removeStatement } from './remove-statement.ts'
import { changedFields, isSame } from './rules.ts'
import { spellingsOf } from './spellings.ts'
import * as statements from './statements.ts'
import { type Quota, refusalOf, storageFull, unlimited } from './storage.ts'
import { updateStatement } from './update-statement.ts'
import type { WriteOptions } from './write-statements.ts'

/** The outcome of a write. */
export interface Outcome {
  /** False if the task has none of the expected revisions. Nothing was written then. */
  readonly isExpected: boolean
  /** Whether anything was written. */
  readonly isChanged: boolean
  /** Whether an earlier request with the same key was executed instead. */
  readonly isReplayed: boolean
  /** The task after the write; the current one if another revision was expected. */
  readonly task: Task
  /** Identify the change, if there was one: see change-id.ts. */
  readonly revision: number
  readonly epoch: string
}

/** The outcome of a removal. It has a task only if another revision was expected. */
type Removal = Omit<Outcome, 'task'> & { readonly task?: Task }

/** The tasks of one owner. A class: see docs/decisions/0029-code-for-v8.md. */
export class Tasks {
  readonly #db: Session
  readonly #owner: string
  readonly #context: ChangeContext

  constructor(db: Database, owner: string, { quota = unlimited, guard, actor = 'issuer' }: TasksOptions) {
    this.#db = guarded(db, guard)
    this.#owner = owner
    this.#context = { db, owner, quota, guard, actor }
  }

  /** @throws AppError `task_not_found` */
  async get(id: number): Promise<Task> {
    let task: Task | undefined
    await this.#db.read(statements.get, [this.#owner, id], row => {
      task = tasks.read(row)
    })
    if (!task) throw notFound()
    return task
  }

  /** @throws AppError `too_many_tasks`, `storage_full`, and those of `lookUp` */
  async create(task: NewTask, { keyed }: WriteOptions = {}): Promise<Outcome> {
    if ((task.parent_id ?? null) !== null) return this.#change({ keyed }, change => createTask(change, task))
    const built = createStatement(this.#context, task, { keyed })
    return this.#untilDone(
      () => this.#write(built),
      async () => {
        const { replay } = await lookUp(this.#db, this.#owner, null, keyed)
        if (replay) return outcomeOf(replay)
        const { list_id: list = null } = task
        if (list !== null && (await this.#db.query(statements.findList, [this.#owner, list])).length === 0)
          throw brokenRules([{ field: 'list_id', message: `There is no list with the id ${list}.` }])
        return undefined
      },
    )
  }

  /**
   * Changes the given fields. Writes nothing if none of them differs.
   * @throws AppError `task_not_found`, `storage_full` if the task would grow, and those of `lookUp`
   */
  update(id: number, values: TaskChange, options: WriteOptions = {}): Promise<Outcome> {
    const { keyed, revisions } = options
    if (values.list_id !== undefined || values.parent_id !== undefined)
      return this.#change(options, change => updateTask(change, id, values), {
        expected: id,
      })
    const spellings = spellingsOf(values)
    const change = spellings ? { ...values, spellings } : values
    const built = updateStatement(this.#context, id, change, options)
    return this.#untilDone(
      () => this.#write(built),
      async () => {
        const { task, replay, epoch } = await lookUp(this.#db, this.#owner, id, keyed)
        if (replay) return outcomeOf(replay)
        if (!task) throw notFound()
        if (isOtherThan(revisions, task)) return notWritten(task, epoch, false)
        // With a key, the key would have been stored.
        return !keyed && isIn(task, change) ? notWritten(task, epoch, true) : undefined
      },
    )
  }

  /**
   * Like `update`, for a change that depends on the task. If another request changes the task
   * meanwhile, `decide` is called again.
   * @throws AppError `busy` if that happens each time
   */
  async edit(
    id: number,
    decide: (task: Task) => TaskChange,
    { keyed, revisions }: WriteOptions = {},
  ): Promise<Outcome> {
    for (let attempt = 0; attempt < maxEdits; attempt += 1) {
      const { task, replay, epoch } = await lookUp(this.#db, this.#owner, id, keyed)
      if (replay) return outcomeOf(replay)
      if (!task) throw notFound()
      if (isOtherThan(revisions, task)) return notWritten(task, epoch, false)
      const outcome = await this.update(id, decide(task), { keyed, revisions: [task.revision] })
      if (outcome.isExpected) return outcome
    }
    throw new AppError('busy', 'Other requests keep changing this task. Send the request again.', {
      retryAfter: 1,
    })
  }

  /**
   * Inverts the flag in one statement, so n simultaneous toggles invert it n times.
   * @throws AppError `task_not_found`
   */
  async toggle(id: number): Promise<Outcome> {
    const done = await this.#write(updateStatement(this.#context, id, {}, { flips: 'is_completed' }))
    if (!done) throw notFound()
    return done
  }

  /**
   * Moves a task among its siblings, to another parent or to another list, with its descendants.
   * @throws AppError `task_not_found`, `broken_rule`, `change_too_large`, and those of `lookUp`
   */
  move(id: number, move: Move, options: WriteOptions = {}): Promise<Outcome> {
    return this.#change(options, change => moveTask(change, id, move), { expected: id })
  }

  /**
   * Restores a task, with the descendants that were deleted with it.
   * @throws AppError `task_not_found`, `too_many_tasks`, `storage_full`, and those of `lookUp`
   */
  restore(id: number, options: WriteOptions = {}): Promise<Outcome> {
    return this.#change(options, change => restoreTask(change, id))
  }

  /** Runs a change that returns one task. @param expected the task whose revision is compared */
  async #change(
    { keyed, revisions }: WriteOptions,
    work: (change: Change) => Promise<TaskRow>,
    { expected, isRemoved = false }: { readonly expected?: number; readonly isRemoved?: boolean } = {},
  ): Promise<Outcome> {
    const rowOf = ({ result, change }: Done<TaskRow>) => change.tasks.get(result.id)?.now ?? result
    try {
      const outcome = await runChange(
        this.#context,
        async change => {
          if (expected !== undefined) await change.load([expected])
          if (revisions && expected !== undefined) checkRevision(change, expected, revisions)
          return work(change)
        },
        { ...(keyed ? { keyed } : {}), answerOf: (_, done) => ({ task: rowOf(done), isRemoved }) },
      )
      if (outcome.isReplayed) return outcomeOf(outcome.replay, isRemoved)
      const { isChanged, revision, epoch } = outcome
      return { isExpected: true, isChanged, isReplayed: false, task: rowOf(outcome), revision, epoch }
    } catch (error) {
      if (!(error instanceof OtherRevision)) throw error
      return notWritten(error.task, error.epoch, false)
    }
  }

  /**
   * Moves a task and its descendants to the trash.
   * @throws AppError `task_not_found`, `change_too_large`, and those of `lookUp`
   */
  async remove(id: number, options: WriteOptions = {}): Promise<Removal> {
    const { statement, values } = removeStatement(this.#context, id, options)
    const rows = await this.#once(() => this.#db.query(statement, values, this.#context.guard))
    const [row] = rows ?? []
    if (row) {
      const [needsReclaim, revision, epoch] = row
      if (needsReclaim === 't') await this.#context.quota.reclaim(this.#owner)
      return removed(Number(revision), String(epoch), false)
    }
    const { task, replay, epoch } = await lookUp(this.#db, this.#owner, id, options.keyed)
    if (replay) return removed(replay.revision, replay.epoch, replay.isRepeated)
    if (!task) throw notFound()
    if (isOtherThan(options.revisions, task)) return notWritten(task, epoch, false)
    // The task has children.
    const outcome = await this.#change(options, change => removeTask(change, id), {
      expected: id,
      isRemoved: true,
    })
    return outcome.isExpected ? removed(outcome.revision, outcome.epoch, outcome.isReplayed) : outcome
  }

  async #write({ statement, values }: BuiltStatement): Promise<Outcome | undefined> {
    let task: Task | undefined
    let needsReclaim = false
    let epoch = '0'
    const take: TakeRow = row => {
      task = tasks.read(row)
      needsReclaim = row.flag(tasks.names.length)
      epoch = String(row.integer(tasks.names.length + 1))
    }
    await this.#once(() => this.#db.read(statement, values, take, this.#context.guard))
    if (needsReclaim) await this.#context.quota.reclaim(this.#owner)
    if (!task) return undefined
    return { isExpected: true, isChanged: true, isReplayed: false, task, revision: task.revision, epoch }
  }

  /** Runs a write. Returns undefined if another request stores the same key at the same moment. */
  async #once<T>(write: () => Promise<T>): Promise<T | undefined> {
    try {
      return await write()
    } catch (error) {
      if (isKeyTaken(error)) return undefined
      throw error
    }
  }

  /**
   * Tries a write until it is executed or `explain` tells why it was not. Another request may
   * change the task, or free storage, between the two, and the counters of the storage may be
   * wrong. So the write is refused only after it was tried several times.
   */
  async #untilDone(
    write: () => Promise<Outcome | undefined>,
    explain: () => Promise<Outcome | undefined>,
  ): Promise<Outcome> {
    let refusal: AppError | undefined
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const outcome = (await write()) ?? (await explain())
      if (outcome) return outcome
      refusal = await refusalOf(this.#db, this.#owner, this.#context.quota)
    }
    throw refusal ?? storageFull(this.#context.quota)
  }
}

/** Attempts at a write that other requests interfere with. */
const maxAttempts = 4
/** Attempts at an edit that other requests interfere with. */
const maxEdits = 20

const notWritten = (task: Task, epoch: string, isExpected: boolean): Outcome => ({
  isExpected,
  isChanged: false,
  isReplayed: false,
  task,
  revision: task.revision,
  epoch,
})

const removed = (revision: number, epoch: string, isReplayed: boolean): Removal => ({
  isExpected: true,
  isChanged: true,
  isReplayed,
  revision,
  epoch,
})

const isOtherThan = (expected: readonly number[] | undefined, { revision }: Task): boolean =>
  expected !== undefined && !expected.includes(revision)

/** @param isRemoved whether the write deleted the task, and so returns none */
function outcomeOf(replay: Replay, isRemoved = false): Outcome {
  const { isRepeated, isChanged, revision, epoch } = replay
  // A removal returns no task.
  const task = isRemoved ? ({} as Task) : replay.task
  // Only a removal's key has no task, and a removal has another fingerprint.
  if (!task) throw notFound()
  return { isExpected: true, isChanged, isReplayed: isRepeated, task, revision, epoch }
}

/** Rolls back a change that expects another revision of a task. */
class OtherRevision extends Error {
  readonly task: Task
  readonly epoch: string

  constructor(task: Task, epoch: string) {
    super('the task has another revision')
    this.task = task
    this.epoch = epoch
  }
}

function checkRevision(change: Change, id: number, revisions: readonly number[]): void {
  const task = change.getTask(id)
  if (isOtherThan(revisions, task)) throw new OtherRevision(task, change.owner.epoch)
}

/** Whether a change would change nothing. */
function isIn(task: Task, change: TaskChange): boolean {
  const after: Partial<Task> = changedFields(task, change, task.updated_at)
  return Object.entries(after).every(([name, value]) => isSame(task[name as keyof Task], value))
}

/**
 * The tasks of one owner. Rows of tasks are read and written only here, in task-lists.ts and in
 * change/. The statements themselves find no task that is missing, deleted or another owner's.
 */
export function tasksOf(db: Database, owner: string, options: TasksOptions = {}): Tasks {
  return new Tasks(db, owner, options)
}

interface TasksOptions {
  readonly quota?: Quota
  /** Checked before each write, and before a read that waited. */
  readonly guard?: Guard | undefined
  /** Who writes: see `Grant.actor`. */
  readonly actor?: string | undefined
}

/** Whether another request stored the same idempotency key first. */
function isKeyTaken(error: unknown): boolean {
  return error instanceof Error && 'constraint' in error && error.constraint === 'keys_pkey'
}

function notFound(): AppError {
  return new AppError('task_not_found', 'There is no such task.')
}
