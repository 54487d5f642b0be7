import type { Field } from '../fields/field.ts'
import { type Task, type TaskField, tasks } from '../tasks/fields.ts'
import type { TaskForm } from '../tasks/printed-tasks.ts'

/** How lists write tasks as JSON. */
export const jsonForm: Omit<TaskForm, 'parts'> = {
  end: '}',
  between: ',',
  noText: 'null',
  noValue: 'null',
  timeQuote: '"',
  escaped: character => JSON.stringify(character).slice(1, -1),
}

/** As `jsonForm`, with these fields. */
export const taskForm = (fields: readonly TaskField[]): TaskForm => ({
  ...jsonForm,
  parts: fields.map((name, n) => {
    const field: Field = tasks.fields[name]
    const none = field.kind === 'json' ? JSON.stringify(field.empty) : 'null'
    return [`${n === 0 ? '{' : ','}"${name}":`, name, none] as const
  }),
})

/** With all fields that `v1` shows. */
export const wholeTaskForm: TaskForm = taskForm(tasks.shown)

const members = tasks.shown.map((name, n) => [`${n === 0 ? '{' : ','}"${name}":`, name as TaskField] as const)

/** A task as JSON, with all fields that `v1` shows. */
export function wholeTaskJson(task: Task): string {
  let json = ''
  for (const [before, name] of members) {
    const value = task[name]
    // Most fields of a task are null, and `JSON.stringify` is expensive.
    json += before + (value === null ? 'null' : JSON.stringify(value))
  }
  return `${json}}`
}
