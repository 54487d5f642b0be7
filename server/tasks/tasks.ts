import type { Row, Session, Value } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { fold } from './fold.ts'
import { type ListPage, type ListQuery, type OwnerState, readList, readState } from './list.ts'
import { readSearch } from './search.ts'
import * as statements from './statements.ts'
import type { NewTask, Task, TaskChange } from './task.ts'
import { taskOf, viewOf } from './task-row.ts'

export interface TaskPage {
  readonly tasks: readonly Task[]
  /** How many tasks the owner has in all. */
  readonly total: number
}

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

export type Tasks = ReturnType<typeof tasksOf>

const batchSize = 500

/**
 * The tasks of one owner: the only door to task rows. A task that is missing, deleted or another owner's is
 * the same thing here: not found, by the statement itself.
 */
export function tasksOf(db: Session, owner: string) {
  return {
    /** Newest first. */
    async page(limit: number, offset: number): Promise<TaskPage> {
      const rows = await db.query(statements.page, [owner, limit, offset])
      const [first] = rows.length > 0 ? rows : await db.query(statements.count, [owner])
      return { tasks: rows.map(row => viewOf(row, 1)), total: Number(first?.[0] ?? 0) }
    },

    /**
     * Every task, or as many as `limit` says after the first `skip`, newest first, in batches: memory stays bounded however
     * long the list is.
     */
    async *batches({
      skip = 0,
      limit = Number.MAX_SAFE_INTEGER,
      size = batchSize,
    }: Range = {}): AsyncGenerator<readonly Task[], void, undefined> {
      let after: readonly [string, number] = ['infinity', Number.MAX_SAFE_INTEGER]
      let offset = skip
      for (let left = limit; left > 0; ) {
        const wanted = Math.min(size, left)
        const rows = await db.query(statements.batch, [owner, ...after, wanted, offset])
        const tasks = rows.map(row => viewOf(row))
        yield tasks
        const last = tasks.at(-1)
        if (!last || tasks.length < wanted) return
        after = [last.createdAt, last.id]
        offset = 0
        left -= tasks.length
      }
    },

    /** One primary-key look-up: whether anything changed can be told without reading a task. */
    state(): Promise<OwnerState> {
      return readState(db, owner)
    },

    /** One page, in one of six orders; of all tasks, or of those that are asked for. */
    list(query: ListQuery): Promise<ListPage> {
      return query.search === undefined
        ? readList(db, owner, query)
        : readSearch(db, owner, query.search, query)
    },

    /** @throws AppError `task_not_found` */
    async get(id: number): Promise<Task> {
      return found(await db.query(statements.get, [owner, id]))
    },

    /**
     * @param most tasks that the owner can have
     * @throws AppError `too_many_tasks`
     */
    async create(
      { title, description, isCompleted }: NewTask,
      most = Number.MAX_SAFE_INTEGER,
    ): Promise<Task> {
      const folded = [fold(title), description && fold(description)]
      const [row] = await db.query(statements.create, [
        owner,
        title,
        description,
        isCompleted,
        ...folded,
        most,
      ])
      if (!row)
        throw new AppError('too_many_tasks', `You have ${most} tasks, which is the most there can be.`)
      return taskOf(row)
    },

    /**
     * Changes what is given and leaves the rest. Where nothing differs, nothing is written.
     * @throws AppError `task_not_found`
     */
    async update(id: number, change: TaskChange): Promise<Task> {
      return found(await db.query(statements.update, [owner, id, ...changeValues(change)]))
    },

    /**
     * As `update`, only where the task's revision is one of these; otherwise the task comes back as it is now.
     * @throws AppError `task_not_found`
     */
    async updateIf(id: number, change: TaskChange, revisions: readonly number[]): Promise<Outcome> {
      return outcome(await db.query(statements.updateIf, [owner, id, ...changeValues(change), revisions]))
    },

    /**
     * Reads and flips in one statement: n toggles at once flip n times.
     * @throws AppError `task_not_found`
     */
    async toggle(id: number): Promise<Task> {
      return found(await db.query(statements.toggle, [owner, id]))
    },

    /** @throws AppError `task_not_found` */
    async remove(id: number): Promise<void> {
      const rows = await db.query(statements.remove, [owner, id])
      if (rows.length === 0) throw notFound()
    },

    /**
     * As `remove`, only where the task's revision is one of these. The task comes back as it was, or as it is now.
     * @throws AppError `task_not_found`
     */
    async removeIf(id: number, revisions: readonly number[]): Promise<Outcome> {
      return outcome(await db.query(statements.removeIf, [owner, id, revisions]))
    },
  }
}

function found(rows: readonly Row[]): Task {
  const [row] = rows
  if (!row) throw notFound()
  return taskOf(row)
}

function outcome(rows: readonly Row[]): Outcome {
  const [row] = rows
  if (!row) throw notFound()
  return { matched: row[0] === 't', task: taskOf(row, 1) }
}

// As update and updateIf number them, from $3.
function changeValues({ title, description, isCompleted }: TaskChange): readonly Value[] {
  const texts = [title ?? null, description !== undefined, description ?? null, isCompleted ?? null]
  return [...texts, title === undefined ? null : fold(title), description ? fold(description) : null]
}

function notFound(): AppError {
  return new AppError('task_not_found', 'There is no such task.')
}
