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

/** A task as JSON, with all fields that `v1` shows. */
export const wholeTaskJson = (task: Task): string =>
  `{${tasks.shown.map(name => `"${name}":${JSON.stringify(task[name as TaskField])}`).join()}}`
