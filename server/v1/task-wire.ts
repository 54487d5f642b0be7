import type { FastifyReply, FastifyRequest } from 'fastify'
import { taskForm, wholeTaskForm, wholeTaskJson } from '../contracts/task-json.ts'
import { exampleTask } from '../contracts/task-schemas.ts'
import { inputReader } from '../fields/input.ts'
import { schemaOf } from '../fields/schema.ts'
import type { JsonObject } from '../http/json-body.ts'
import { sendJson } from '../http/json-reply.ts'
import { maySee } from '../http/own-tasks.ts'
import { bodyOf } from '../http/request-size.ts'
import { type Answer, ref } from '../openapi/operation.ts'
import { closed, sent } from '../openapi/schemas.ts'
import { type NewTask, type Task, type TaskChange, type TaskField, tasks } from '../tasks/fields.ts'
import { PrintedTasks, ready } from '../tasks/printed-tasks.ts'
import { wholeChange } from '../tasks/rules.ts'
import type { Outcome } from '../tasks/tasks.ts'
import { bodyReader, checkReadOnly } from './body.ts'

// The wire format of tasks in `v1`: all fields that are not hidden.

const writable = tasks.writable.filter(name => tasks.shown.includes(name))
const required = writable.filter(name => 'required' in tasks.fields[name])
const inputs = writable.map(name => ({ name, field: tasks.fields[name] }))
export const taskReader = {
  new: bodyReader(inputReader(inputs, required), writable, tasks.shown),
  change: bodyReader(inputReader(inputs), writable, tasks.shown),
}
const schemasOf = (names: readonly (keyof typeof tasks.fields)[]) =>
  Object.fromEntries(names.map(name => [name, schemaOf(tasks.fields[name])]))
const form = ready(wholeTaskForm)

export const example = JSON.parse(wholeTaskJson(exampleTask)) as Readonly<Record<string, unknown>>

export const taskSchemas = {
  Task: closed(schemasOf(tasks.shown)),
  ListedTask: {
    ...closed(schemasOf(tasks.shown), 'A task; with `fields`, only these of its fields.'),
    required: [],
  },
  NewTask: sent(schemasOf(writable), required),
  TaskChange: sent(schemasOf(writable)),
}

const { title, description } = tasks.fields
export const bodyLimit = bodyOf(title.maxLength + description.maxLength, 40 * 1024)

export const oneTask = (description: string): Answer => ({ description, schema: ref('Task'), example })

/** A change of a task, and the values of read-only fields in the request. */
interface SentChange {
  readonly change: TaskChange
  readonly readOnly: JsonObject
}

/** @throws AppError `broken_rule` */
export function newTaskIn(body: JsonObject): NewTask {
  const { values, readOnly } = taskReader.new(body)
  checkReadOnly(readOnly)
  // Validated above.
  return values as unknown as NewTask
}

/** @throws AppError `broken_rule` */
export function changeIn(body: JsonObject): SentChange {
  const { values, readOnly } = taskReader.change(body)
  return { change: values as TaskChange, readOnly }
}

/**
 * The change that a request makes to a task. Contains list and parent only if they differ.
 * @throws AppError `broken_rule`
 */
export function changeOf(task: Task, { change, readOnly }: SentChange): TaskChange {
  checkReadOnly(readOnly, task)
  const { list_id: list, parent_id: parent, ...values } = change
  return {
    ...wholeChange(task, values),
    ...(list === undefined || list === task.list_id ? {} : { list_id: list }),
    ...(parent === undefined || parent === task.parent_id ? {} : { parent_id: parent }),
  }
}

/** Whether the change depends on the current task. */
export const dependsOnTask = ({ change, readOnly }: SentChange): boolean =>
  Object.keys(readOnly).length > 0 ||
  [change.metadata, change.start, change.due].some(value => value) ||
  change.list_id !== undefined ||
  change.parent_id !== undefined

/** A printer for a list of tasks. @param head the text before the first task */
export const printedTasks = (head: string, fields?: readonly TaskField[]) =>
  new PrintedTasks(fields ? ready(taskForm(fields)) : form, '', head)

export const sendTask = (reply: FastifyReply, task: Task) => sendJson(reply, wholeTaskJson(task))

/** Sends the task that a write has returned, if the caller may see it. */
export const sendOutcome = (request: FastifyRequest, reply: FastifyReply, outcome: Outcome) =>
  maySee(request, outcome) ? sendTask(reply, outcome.task) : reply.code(204).send()
