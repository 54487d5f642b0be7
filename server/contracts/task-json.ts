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

const members = tasks.shown.map((name, n) => {
  const field: Field = tasks.fields[name]
  const empty = field.kind === 'json' ? field.empty : null
  const before = `${n === 0 ? '{' : ','}"${name}":`
  return { before, name, kind: field.kind, empty, none: before + JSON.stringify(empty) }
})

/** A task as JSON, with all fields that `v1` shows. */
export function wholeTaskJson(task: Task): string {
  let json = ''
  for (const { before, name, none, kind, empty } of members) {
    const value = task[name]
    // `JSON.stringify` is expensive, and few values need it.
    if (value === empty) json += none
    else if (kind === 'time') json += `${before}"${value}"`
    else if (kind === 'integer' || kind === 'boolean') json += before + String(value)
    else json += before + JSON.stringify(value)
  }
  return `${json}}`
}
