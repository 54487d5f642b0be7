import type { DataRow } from '../server/db/data-row.ts'
import type { Database } from '../server/db/database.ts'
import { type NewTask, type Task, type TaskChange, tasks as taskFields } from '../server/tasks/fields.ts'
import type { ListQuery } from '../server/tasks/list-query.ts'
import { type Range, taskListsOf } from '../server/tasks/task-lists.ts'
import { tasksOf } from '../server/tasks/tasks.ts'

/**
 * `tasksOf`, whose writes return the task, and whose lists return tasks instead of printed JSON.
 */
export function ownTasks(db: Database, owner: string) {
  const tasks = tasksOf(db, owner)
  const lists = taskListsOf(db, owner)
  const collector = () => {
    const found: Task[] = []
    return {
      found,
      expect: () => undefined,
      add: (row: DataRow, from: number) => void found.push(taskFields.read(row, from)),
    }
  }
  return {
    state: () => lists.state(),
    get: (id: number) => tasks.get(id),
    create: async (task: NewTask) => (await tasks.create(task)).task,
    update: async (id: number, change: TaskChange) => (await tasks.update(id, change)).task,
    updateIf: async (id: number, change: TaskChange, revisions: readonly number[]) =>
      withoutChange(await tasks.update(id, change, { revisions })),
    toggle: async (id: number) => (await tasks.toggle(id)).task,
    remove: (id: number) => tasks.remove(id),
    removeIf: async (id: number, revisions: readonly number[]) =>
      withoutChange(await tasks.remove(id, { revisions })),
    async page(limit: number, offset: number) {
      const into = collector()
      const total = await lists.page(limit, offset, into)
      return { tasks: into.found, total }
    },
    async list(query: ListQuery) {
      const into = collector()
      const { state, next } = await lists.list(query, into)
      return { state, tasks: into.found, next }
    },
    async select(query: Parameters<typeof lists.select>[0], range: Range = {}) {
      const into = collector()
      const { count, batches } = await lists.select(query, into, range)
      for await (const _batch of batches);
      return { count, tasks: into.found }
    },
    async all(range: Range = {}) {
      const into = collector()
      for await (const _batch of lists.batches(into, range));
      return into.found
    },
  }
}

/** An outcome without the id of its change. */
function withoutChange<T extends { revision: unknown; epoch: unknown }>({
  revision: _r,
  epoch: _e,
  ...outcome
}: T) {
  return outcome
}
