import type { Task } from '../server/tasks/task.ts'

/** The task as a plain object: in lists it reads its row when it is looked at. */
export function plain(task: Task): Task {
  const { id, title, description, isCompleted, completedAt, createdAt, updatedAt, revision } = task
  return { id, title, description, isCompleted, completedAt, createdAt, updatedAt, revision }
}
