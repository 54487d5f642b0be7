import type { FastifyReply, FastifyRequest } from 'fastify'
import { wholeTaskForm, wholeTaskJson } from '../contracts/task-json.ts'
import { exampleTask } from '../contracts/task-schemas.ts'
import { brokenRules } from '../errors.ts'
import { inputReader } from '../fields/input.ts'
import { schemaOf } from '../fields/schema.ts'
import { readJson } from '../http/json-body.ts'
import { sendJson } from '../http/json-reply.ts'
import { maySee } from '../http/own-tasks.ts'
import { ownerProblems } from '../http/owner.ts'
import { bodyOf } from '../http/request-size.ts'
import { type Answer, ref } from '../openapi/operation.ts'
import { closed, sent } from '../openapi/schemas.ts'
import { type NewTask, type Task, type TaskChange, tasks } from '../tasks/fields.ts'
import { PrintedTasks, ready } from '../tasks/printed-tasks.ts'
import type { Outcome } from '../tasks/tasks.ts'
import { isAfter } from '../tasks/when.ts'

// Tasks as `v1` reads, writes and describes them: all fields that are not hidden.

const writable = tasks.writable.filter(name => tasks.shown.includes(name))
const required = writable.filter(name => 'required' in tasks.fields[name])
const inputs = writable.map(name => ({ name, field: tasks.fields[name] }))
const readers = { new: inputReader(inputs, required), change: inputReader(inputs) }
const schemasOf = (names: readonly (keyof typeof tasks.fields)[]) =>
  Object.fromEntries(names.map(name => [name, schemaOf(tasks.fields[name])]))
const form = ready(wholeTaskForm)

export const example = JSON.parse(wholeTaskJson(exampleTask)) as Readonly<Record<string, unknown>>

export const taskSchemas = {
  Task: closed(schemasOf(tasks.shown)),
  NewTask: sent(schemasOf(writable), required),
  TaskChange: sent(schemasOf(writable)),
}

const { title, description } = tasks.fields
export const bodyLimit = bodyOf(title.maxLength + description.maxLength, 40 * 1024)

export const oneTask = (description: string): Answer => ({ description, schema: ref('Task'), example })

/** @throws AppError `broken_rule` */
export const readNew = (request: FastifyRequest) => read(request, 'new') as unknown as NewTask

/** @throws AppError `broken_rule` */
export const readChange = (request: FastifyRequest) => read(request, 'change') as TaskChange

/** @throws AppError `broken_rule` for a task that would start after it is due */
export function checkOrder({ start, due }: Pick<TaskChange, 'start' | 'due'>): void {
  if (start && due && isAfter(start, due))
    throw brokenRules([{ field: 'start', message: 'Start must not be after the due date.' }])
}

/** Fields that are not accepted are ignored. */
function read(request: FastifyRequest, what: keyof typeof readers): Readonly<Record<string, unknown>> {
  const body = readJson(request)
  const { values, problems } = readers[what](body)
  const all = [...ownerProblems(body, request.userId), ...problems]
  if (all.length > 0) throw brokenRules(all)
  return values
}

/** A list of tasks, to be printed. @param head what stands before the first */
export const printedTasks = (head: string) => new PrintedTasks(form, '', head)

export const sendTask = (reply: FastifyReply, task: Task) => sendJson(reply, wholeTaskJson(task))

/** Sends the task that a write has returned, if the caller may see it. */
export const sendOutcome = (request: FastifyRequest, reply: FastifyReply, outcome: Outcome) =>
  maySee(request, outcome) ? sendTask(reply, outcome.task) : reply.code(204).send()
