import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ContractOption } from '../config/contract.ts'
import type { JsonObject } from '../http/json-body.ts'
import { sendJson } from '../http/json-reply.ts'
import { maySee } from '../http/own-tasks.ts'
import { ownerJson } from '../http/owner.ts'
import { bodyOf } from '../http/request-size.ts'
import { type Answer, ref } from '../openapi/operation.ts'
import { closed, sent } from '../openapi/schemas.ts'
import type { Task } from '../tasks/fields.ts'
import { PrintedTasks, ready, type TaskForm } from '../tasks/printed-tasks.ts'
import type { Outcome } from '../tasks/tasks.ts'
import type { Legacy } from './declaration.ts'
import { type ShownField, shownFields } from './legacy-fields.ts'
import { legacyInput } from './legacy-input.ts'
import { jsonForm } from './task-json.ts'
import { exampleOwner, exampleTask } from './task-schemas.ts'

export type LegacyTask = ReturnType<typeof legacyTask>

/** The wire format of tasks in a contract of existing front ends. */
export function legacyTask(declared: Legacy, options: readonly ContractOption[]) {
  const { prefix, completed, limits } = declared
  const shown = shownFields(declared, options)
  const one = (task: Task, owner: string) =>
    `{${shown.map(({ name, of }) => `"${name}":${of(task, owner)}`).join()}}`
  const input = legacyInput(declared, options, one)
  const form = ready(listForm(shown))
  const isWrapped = options.includes('wrapped-task')
  const wrap = (json: string) => (isWrapped ? `{"task":${json}}` : json)
  const schema = ref(`${prefix}Task`)
  const single = isWrapped ? closed({ task: schema }) : schema
  const example = JSON.parse(one(exampleTask, exampleOwner)) as JsonObject
  const wrapped = JSON.parse(wrap(JSON.stringify(example)))
  const send = (request: FastifyRequest, reply: FastifyReply, task: Task) =>
    sendJson(reply, wrap(one(task, ownerJson(request.userId))))

  return {
    prefix,
    completed,
    example,
    schemas: {
      [`${prefix}Task`]: closed(Object.fromEntries(shown.map(({ name, schema }) => [name, schema]))),
      [`${prefix}NewTask`]: sent(input.accepted, ['title']),
      [`${prefix}TaskChange`]: sent(input.accepted),
    },
    bodyLimit: bodyOf(limits.title + limits.description, 16 * 1024),
    one: (description: string): Answer => ({ description, schema: single, example: wrapped }),
    send,
    /** Sends the task that a write has returned, if the caller may see it. */
    sendWritten: (request: FastifyRequest, reply: FastifyReply, outcome: Outcome) =>
      maySee(request, outcome) ? send(request, reply, outcome.task) : reply.code(204).send(),
    /** A printer for a list of the caller's tasks. @param head the text before the first task */
    print: (request: FastifyRequest, head: string) => new PrintedTasks(form, ownerJson(request.userId), head),
    ...input,
  }
}

function listForm(shown: readonly ShownField[]): TaskForm {
  return {
    ...jsonForm,
    parts: shown.map(({ name, part, none }, n) => [`${n === 0 ? '{' : ','}"${name}":`, part, none ?? 'null']),
  }
}
