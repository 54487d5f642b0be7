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

// Tasks as `v1` reads, writes and describes them: all fields that are not hidden.

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

/** A change of a task, and what the request says of fields that cannot be set. */
export interface SentChange {
  readonly change: TaskChange
  readonly readOnly: JsonObject
}

/** @throws AppError `broken_rule` */
export function newTaskIn(body: JsonObject): NewTask {
  const { values, readOnly } = taskReader.new(body)
  checkReadOnly(readOnly)
  // What the reader has seen.
  return values as unknown as NewTask
}

/** @throws AppError `broken_rule` */
export function changeIn(body: JsonObject): SentChange {
  const { values, readOnly } = taskReader.change(body)
  return { change: values as TaskChange, readOnly }
}

/**
 * What a request changes of a task: its list and its parent only where they differ.
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

/** Whether the task must be known to tell what a request changes. */
export const dependsOnTask = ({ change, readOnly }: SentChange): boolean =>
  Object.keys(readOnly).length > 0 ||
  [change.metadata, change.start, change.due].some(value => value) ||
  change.list_id !== undefined ||
  change.parent_id !== undefined

/** A list of tasks, to be printed. @param head what stands before the first */
export const printedTasks = (head: string, fields?: readonly TaskField[]) =>
  new PrintedTasks(fields ? ready(taskForm(fields)) : form, '', head)

export const sendTask = (reply: FastifyReply, task: Task) => sendJson(reply, wholeTaskJson(task))

/** Sends the task that a write has returned, if the caller may see it. */
export const sendOutcome = (request: FastifyRequest, reply: FastifyReply, outcome: Outcome) =>
  maySee(request, outcome) ? sendTask(reply, outcome.task) : reply.code(204).send()
