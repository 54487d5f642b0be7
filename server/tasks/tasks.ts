import type { Row, Session } from '../db/database.ts'
import { AppError } from '../errors.ts'
import * as statements from './statements.ts'
import type { NewTask, Task, TaskChange } from './task.ts'

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
      return { tasks: rows.map(row => taskOf(row, 1)), total: Number(first?.[0] ?? 0) }
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
        const tasks = rows.map(row => taskOf(row))
        yield tasks
        const last = tasks.at(-1)
        if (!last || tasks.length < wanted) return
        after = [last.createdAt, last.id]
        offset = 0
        left -= tasks.length
      }
    },

    /** @throws AppError `task_not_found` */
    async get(id: number): Promise<Task> {
      return found(await db.query(statements.get, [owner, id]))
    },

    async create({ title, description, isCompleted }: NewTask): Promise<Task> {
      return found(await db.query(statements.create, [owner, title, description, isCompleted]))
    },

    /**
     * Changes what is given and leaves the rest. Where nothing differs, nothing is written.
     * @throws AppError `task_not_found`
     */
    async update(id: number, change: TaskChange): Promise<Task> {
      const { title = null, description, isCompleted = null } = change
      const values = [owner, id, title, description !== undefined, description ?? null, isCompleted]
      return found(await db.query(statements.update, values))
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
  }
}

function found(rows: readonly Row[]): Task {
  const [row] = rows
  if (!row) throw notFound()
  return taskOf(row)
}

function notFound(): AppError {
  return new AppError('task_not_found', 'There is no such task.')
}

/** Reads the columns of statements.ts, which begin at `from`. */
function taskOf(row: Row, from = 0): Task {
  return {
    id: Number(row[from]),
    title: row[from + 1] as string,
    description: row[from + 2] as string | null,
    isCompleted: row[from + 3] === 't',
    completedAt: row[from + 4] ? isoTime(row[from + 4] as string) : null,
    createdAt: isoTime(row[from + 5] as string),
    updatedAt: isoTime(row[from + 6] as string),
    revision: Number(row[from + 7]),
  }
}

// PostgreSQL writes `2026-01-31 09:30:00.25`, without trailing zeros; clients get six digits always.
function isoTime(text: string): string {
  const fraction = text.length > 19 ? text.slice(20) : ''
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(6, '0')}Z`
}
