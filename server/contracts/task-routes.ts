import type { FastifyReply, FastifyRequest } from 'fastify'
import { grantOf } from '../auth/current-user.ts'
import type { Context } from '../context.ts'
import { readJson } from '../http/json-body.ts'
import { sendJson } from '../http/json-reply.ts'
import { ownTasks } from '../http/own-tasks.ts'
import type { Collection } from '../http/register.ts'
import { longestTask } from '../http/request-size.ts'
import type { Method, Route } from '../http/route.ts'
import { type Answer, ref, type Schema } from '../openapi/operation.ts'
import { closed, sent, timeSchema } from '../openapi/schemas.ts'
import { PrintedTasks } from '../tasks/printed-tasks.ts'
import type { Task, TextLimits } from '../tasks/task.ts'
import type { Outcome } from '../tasks/tasks.ts'
import { ownerJson, readChange, readNewTask, taskId } from './task-fields.ts'
import { type Shown, taskJson } from './task-json.ts'
import {
  completedSchema,
  descriptionSchema,
  exampleOwner,
  exampleTask,
  ownerSchema,
  revisionSchema,
  taskIdSchema,
  titleSchema,
} from './task-schemas.ts'

/** What a contract's tasks look like. */
export interface Wire extends Shown {
  /** What the schemas' names begin with. */
  readonly prefix: string
  readonly limits: TextLimits
  /** Whether a new task may be completed already. */
  readonly createsCompleted?: boolean
}

/** What a token without `tasks:read` gets where it has changed nothing: it may see only what it has written. */
export const unseen: Answer = {
  description: 'Nothing had to be changed, and the token has no scope `tasks:read`.',
}

/** Whether the caller may see a task that came of their write. */
export function maySee(request: FastifyRequest, { changed }: Pick<Outcome, 'changed'>): boolean {
  return changed || grantOf(request).mayRead
}

/**
 * The calls that contracts have in common, each with its operation; a contract binds those that it has to its
 * collections, and writes its own beside them.
 */
export function taskRoutes(wire: Wire) {
  const { prefix, limits, completed, absent } = wire
  const bodyLimit = longestTask(limits)
  const { one: json, inList } = taskJson(wire)
  const task = JSON.parse(json(exampleTask, exampleOwner)) as Record<string, unknown>
  const whole = { title: exampleTask.title, description: exampleTask.description }
  const fields = {
    id: taskIdSchema,
    user_id: ownerSchema,
    title: titleSchema(limits),
    description: descriptionSchema(limits, absent),
    [completed]: completedSchema,
    created_at: timeSchema,
    updated_at: timeSchema,
    completed_at: { ...timeSchema, type: ['string', 'null'] },
    revision: revisionSchema,
  }
  const shown = Object.fromEntries(wire.shows.map(name => [name, fields[name] as Schema]))
  const flag = { [completed]: completedSchema }
  const text = { title: fields.title as Schema, description: descriptionSchema(limits, null) }
  const schemas = {
    [`${prefix}Task`]: closed(shown),
    [`${prefix}NewTask`]: sent({ ...text, ...(wire.createsCompleted ? flag : {}) }, ['title']),
    [`${prefix}TaskChange`]: sent({ ...text, ...flag }),
  }
  const one = (description: string): Answer => ({ description, schema: ref(`${prefix}Task`), example: task })
  const send = (request: FastifyRequest, reply: FastifyReply, found: Task) =>
    sendJson(reply, json(found, ownerJson(request.userId)))

  const sendChange = (request: FastifyRequest, reply: FastifyReply, change: Outcome) =>
    maySee(request, change) ? send(request, reply, change.task) : reply.code(204).send()

  return {
    /** The schemas of a task, a new one and a change. */
    schemas,
    /** A task as an example shows it. */
    example: task,
    one,
    send,
    sendChange,
    /** A task as JSON; `owner` is its owner as JSON. */
    json,
    /** A list of the caller's tasks, to be printed. @param head what stands before the first */
    print: (request: FastifyRequest, head: string) =>
      new PrintedTasks(inList, ownerJson(request.userId), head),

    create: ({ path, noun }: Collection): Route => ({
      method: 'POST',
      path,
      bodyLimit,
      operation: {
        id: `create${noun}`,
        summary: 'Create a task',
        description: 'A new task stands first in the list. Fields that are not named here are ignored.',
        body: {
          required: true,
          schema: ref(`${prefix}NewTask`),
          examples: { whole, short: { title: exampleTask.title } },
        },
        fails: ['too_many_tasks', 'storage_full'],
        answers: { 201: one('The new task.') },
      },
      async handle(request, reply, context: Context) {
        const task = readNewTask(
          readJson(request),
          request.userId,
          limits,
          wire.createsCompleted ? completed : undefined,
        )
        const created = await ownTasks(request, context).create(task)
        return send(request, reply.code(201), created)
      },
    }),

    get: ({ path, noun }: Collection): Route => ({
      method: 'GET',
      path: `${path}/{id}`,
      operation: {
        id: `get${noun}`,
        summary: 'Read one task',
        description: 'A task as it is now.',
        answers: { 200: one('The task.') },
      },
      async handle(request, reply, context) {
        return send(request, reply, await ownTasks(request, context).get(taskId(request)))
      },
    }),

    /** Only the fields sent. */
    change: ({ path, noun }: Collection, method: Method): Route => ({
      method,
      path: `${path}/{id}`,
      bodyLimit,
      operation: {
        id: `change${noun}`,
        summary: 'Change a task',
        description: 'What is not sent stays as it is.',
        body: {
          required: true,
          schema: ref(`${prefix}TaskChange`),
          examples: { rename: { title: 'Water the fern' }, complete: { [completed]: true } },
        },
        fails: ['storage_full'],
        answers: { 200: one('The task as it is now.'), 204: unseen },
      },
      async handle(request, reply, context) {
        const id = taskId(request)
        const change = readChange(readJson(request), request.userId, limits, completed)
        return sendChange(request, reply, await ownTasks(request, context).change(id, change))
      },
    }),

    /** Flips, whatever the body is. */
    toggle: ({ path, noun }: Collection): Route => ({
      method: 'PATCH',
      path: `${path}/{id}/complete`,
      operation: {
        id: `toggle${noun}`,
        summary: 'Complete a task, or reopen it',
        description: `Flips \`${completed}\`. A body is not needed and not read.`,
        answers: { 200: one('The task, flipped.') },
      },
      async handle(request, reply, context) {
        return send(request, reply, await ownTasks(request, context).toggle(taskId(request)))
      },
    }),

    remove: ({ path, noun }: Collection): Route => ({
      method: 'DELETE',
      path: `${path}/{id}`,
      operation: {
        id: `remove${noun}`,
        summary: 'Delete a task',
        description: 'It is then not found, for its owner as for anyone.',
        answers: { 204: { description: 'It is deleted.' } },
      },
      async handle(request, reply, context) {
        await ownTasks(request, context).remove(taskId(request))
        return reply.code(204).send()
      },
    }),
  }
}
