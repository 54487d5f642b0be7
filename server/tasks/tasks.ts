import type { Session, Statement, Value } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { fold } from './fold.ts'
import { type ListEnd, type ListQuery, type OwnerState, readList, readState } from './list.ts'
import * as statements from './statements.ts'
import type { NewTask, Task, TaskChange } from './task.ts'
import { placeOf, type TakeTasks, taskOf, timeOf } from './task-row.ts'

/** Which of the tasks: after the first `skip`, `limit` at most, `size` in a batch. */
export interface Range {
  readonly skip?: number
  readonly limit?: number
  readonly size?: number
}

/** What became of a change that was to happen only to certain revisions. */
export interface Outcome {
  /** Whether the task's revision was among them. */
  readonly matched: boolean
  readonly task: Task
}

const batchSize = 500

/** The tasks of one owner. A class, since every request has one: closures would have to be made for each. */
export class Tasks {
  readonly #db: Session
  readonly #owner: string

  constructor(db: Session, owner: string) {
    this.#db = db
    this.#owner = owner
  }

  /** Newest first. Gives the number of the owner's tasks in all. */
  async page(limit: number, offset: number, into: TakeTasks): Promise<number> {
    let total = 0
    await this.#db.read(statements.page, [this.#owner, limit, offset], row => {
      if (row.isNull(0)) return into.add(row, 1)
      total = row.integer(0)
      into.expect(Math.min(limit, total - offset))
    })
    return total
  }

  /**
   * Every task, or as many as `limit` says after the first `skip`, newest first, in batches: memory stays bounded however
   * long the list is, where what each batch gave is taken before the next.
   */
  async *batches(
    into: TakeTasks,
    { skip = 0, limit = Number.MAX_SAFE_INTEGER, size = batchSize }: Range = {},
  ): AsyncGenerator<void, void, undefined> {
    let after: readonly [string, number] = ['infinity', Number.MAX_SAFE_INTEGER]
    let offset = skip
    for (let left = limit; left > 0; ) {
      const wanted = Math.min(size, left)
      let count = 0
      await this.#db.read(statements.batch, [this.#owner, ...after, wanted, offset], row => {
        into.add(row, 0)
        count += 1
        if (count === wanted) after = [timeOf(row, placeOf('created_at')), row.integer(placeOf('id'))]
      })
      yield
      if (count < wanted) return
      offset = 0
      left -= count
    }
  }

  /** One primary-key look-up: whether anything changed can be told without reading a task. */
  state(): Promise<OwnerState> {
    return readState(this.#db, this.#owner)
  }

  /** One page, in one of six orders. */
  list(query: ListQuery, into: TakeTasks): Promise<ListEnd> {
    return readList(this.#db, this.#owner, query, into)
  }

  /** @throws AppError `task_not_found` */
  get(id: number): Promise<Task> {
    return one(this.#db, statements.get, [this.#owner, id])
  }

  /**
   * @param most tasks that the owner can have
   * @throws AppError `too_many_tasks`
   */
  create({ title, description, isCompleted }: NewTask, most = Number.MAX_SAFE_INTEGER): Promise<Task> {
    const folded = [fold(title), description && fold(description)]
    const values = [this.#owner, title, description, isCompleted, ...folded, most]
    return one(this.#db, statements.create, values, () => tooMany(most))
  }

  /**
   * Changes what is given and leaves the rest. Where nothing differs, nothing is written.
   * @throws AppError `task_not_found`
   */
  update(id: number, change: TaskChange): Promise<Task> {
    return one(this.#db, statements.update, [this.#owner, id, ...changeValues(change)])
  }

  /**
   * As `update`, only where the task's revision is one of these; otherwise the task comes back as it is now.
   * @throws AppError `task_not_found`
   */
  updateIf(id: number, change: TaskChange, revisions: readonly number[]): Promise<Outcome> {
    return outcome(this.#db, statements.updateIf, [this.#owner, id, ...changeValues(change), revisions])
  }

  /**
   * Reads and flips in one statement: n toggles at once flip n times.
   * @throws AppError `task_not_found`
   */
  toggle(id: number): Promise<Task> {
    return one(this.#db, statements.toggle, [this.#owner, id])
  }

  /** @throws AppError `task_not_found` */
  async remove(id: number): Promise<void> {
    const rows = await this.#db.query(statements.remove, [this.#owner, id])
    if (rows.length === 0) throw notFound()
  }

  /**
   * As `remove`, only where the task's revision is one of these. The task comes back as it was, or as it is now.
   * @throws AppError `task_not_found`
   */
  removeIf(id: number, revisions: readonly number[]): Promise<Outcome> {
    return outcome(this.#db, statements.removeIf, [this.#owner, id, revisions])
  }
}

/**
 * The tasks of one owner: the only door to task rows. A task that is missing, deleted or another owner's is
 * the same thing here: not found, by the statement itself.
 */
export function tasksOf(db: Session, owner: string): Tasks {
  return new Tasks(db, owner)
}

/** The task that a statement gives. */
async function one(
  db: Session,
  statement: Statement,
  values: readonly Value[],
  none: () => AppError = notFound,
): Promise<Task> {
  let task: Task | undefined
  await db.read(statement, values, row => {
    task = taskOf(row)
  })
  if (!task) throw none()
  return task
}

async function outcome(db: Session, statement: Statement, values: readonly Value[]): Promise<Outcome> {
  let found: Outcome | undefined
  await db.read(statement, values, row => {
    found = { matched: row.flag(0), task: taskOf(row, 1) }
  })
  if (!found) throw notFound()
  return found
}

// As update and updateIf number them, from $3.
function changeValues({ title, description, isCompleted }: TaskChange): readonly Value[] {
  const texts = [title ?? null, description !== undefined, description ?? null, isCompleted ?? null]
  return [...texts, title === undefined ? null : fold(title), description ? fold(description) : null]
}

function notFound(): AppError {
  return new AppError('task_not_found', 'There is no such task.')
}

function tooMany(most: number): AppError {
  return new AppError('too_many_tasks', `You have ${most} tasks, which is the most there can be.`)
}
