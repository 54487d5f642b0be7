import type { Session } from '../server/db/database.ts'
import type { ListQuery } from '../server/tasks/list-query.ts'
import type { Task } from '../server/tasks/task.ts'
import { taskOf } from '../server/tasks/task-row.ts'
import { type Range, tasksOf } from '../server/tasks/tasks.ts'

/** `tasksOf`, whose lists come as tasks instead of being printed. */
export function ownTasks(db: Session, owner: string) {
  const tasks = tasksOf(db, owner)
  const collector = () => {
    const found: Task[] = []
    return {
      found,
      expect: () => undefined,
      add: (...row: Parameters<typeof taskOf>) => void found.push(taskOf(...row)),
    }
  }
  return {
    state: tasks.state.bind(tasks),
    get: tasks.get.bind(tasks),
    create: tasks.create.bind(tasks),
    update: tasks.update.bind(tasks),
    updateIf: tasks.updateIf.bind(tasks),
    toggle: tasks.toggle.bind(tasks),
    remove: tasks.remove.bind(tasks),
    removeIf: tasks.removeIf.bind(tasks),
    async page(limit: number, offset: number) {
      const into = collector()
      const total = await tasks.page(limit, offset, into)
      return { tasks: into.found, total }
    },
    async list(query: ListQuery) {
      const into = collector()
      const { state, next } = await tasks.list(query, into)
      return { state, tasks: into.found, next }
    },
    async all(range: Range = {}) {
      const into = collector()
      for await (const _batch of tasks.batches(into, range));
      return into.found
    },
  }
}
