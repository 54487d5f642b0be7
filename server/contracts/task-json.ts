import { type Task, type TaskField, tasks } from '../tasks/fields.ts'
import { type PrintedField, ready, type TaskForm } from '../tasks/printed-tasks.ts'

// A task as JSON, alone and in lists.

/** What a contract shows of a task. */
export interface Shown {
  /** The names on the wire, in their order. */
  readonly shows: readonly string[]
  /** The contract's name of `is_completed`. */
  readonly completed: string
  /** The description of a task that has none. */
  readonly absent: string | null
}

/**
 * The fields of a contract, in its order, by their names on the wire.
 * @throws Error for a name of no field
 */
function fieldsOf({ shows, completed }: Shown): readonly (readonly [name: string, field: PrintedField])[] {
  return shows.map(name => {
    const field = name === completed ? 'is_completed' : name
    if (field !== 'user_id' && !Object.hasOwn(tasks.fields, field))
      throw new Error(`no field is called ${name}`)
    return [name, field as PrintedField]
  })
}

/** How a contract's tasks are written in a list. */
export function jsonForm(shown: Shown): TaskForm {
  return {
    parts: fieldsOf(shown).map(([name, field], n) => {
      const none = field === 'description' ? JSON.stringify(shown.absent) : 'null'
      return [`${n === 0 ? '{' : ','}"${name}":`, field, none] as const
    }),
    end: '}',
    between: ',',
    noText: 'null',
    noValue: 'null',
    timeQuote: '"',
    escaped: character => JSON.stringify(character).slice(1, -1),
  }
}

/** How a contract's tasks are written. `owner` is the owner as JSON. */
export function taskJson(shown: Shown) {
  const value = (task: Task, field: TaskField) =>
    JSON.stringify(field === 'description' ? (task.description ?? shown.absent) : task[field])
  const fields = fieldsOf(shown)
  return {
    one: (task: Task, owner: string) =>
      `{${fields.map(([name, field]) => `"${name}":${field === 'user_id' ? owner : value(task, field)}`).join()}}`,
    inList: ready(jsonForm(shown)),
  }
}
