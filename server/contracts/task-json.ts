import { type Field, ready, type TaskForm } from '../tasks/printed-tasks.ts'
import type { Task } from '../tasks/task.ts'

// A task as JSON, alone and in lists. Both are written by hand: a list of a thousand tasks is the call that spends most on its JSON.

/** What a contract shows of a task. */
export interface Shown {
  /** The names on the wire, in their order. */
  readonly shows: readonly string[]
  /** What the contract calls `isCompleted`. */
  readonly completed: string
  /** What stands where there is no description. */
  readonly absent: string | null
}

/** How a contract's tasks stand in a list. */
export function jsonForm({ shows, completed, absent }: Shown): TaskForm {
  return {
    parts: shows.map((name, n) => {
      // A name that is none of a task's is seen when the program starts.
      const field = (name === completed ? 'is_completed' : name) as Field
      return [`${n === 0 ? '{' : ','}"${name}":`, field]
    }),
    end: '}',
    between: ',',
    noText: JSON.stringify(absent),
    noTime: 'null',
    timeQuote: '"',
    escaped: character => JSON.stringify(character).slice(1, -1),
  }
}

/** How a contract's tasks are written; `owner` is the owner as JSON. */
export function taskJson(shown: Shown) {
  const { absent } = shown
  const form = jsonForm(shown)
  const write: Readonly<Record<Field, (task: Task, owner: string) => string | number | boolean>> = {
    id: ({ id }) => id,
    title: ({ title }) => JSON.stringify(title),
    description: ({ description }) => JSON.stringify(description ?? absent),
    is_completed: ({ isCompleted }) => isCompleted,
    created_at: ({ createdAt }) => `"${createdAt}"`,
    updated_at: ({ updatedAt }) => `"${updatedAt}"`,
    completed_at: ({ completedAt }) => (completedAt === null ? 'null' : `"${completedAt}"`),
    revision: ({ revision }) => revision,
    user_id: (_, owner) => owner,
  }
  const writers = form.parts.map(([before, field]) => ({ before, value: write[field] }))
  return {
    one(task: Task, owner: string): string {
      let json = ''
      for (const { before, value } of writers) json += before + value(task, owner)
      return `${json}}`
    },
    inList: ready(form),
  }
}
