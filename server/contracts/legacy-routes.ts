import type { FastifyReply } from 'fastify'
import { sendJson } from '../http/json-reply.ts'
import { ownTasks } from '../http/own-tasks.ts'
import { taskId } from '../http/parameters.ts'
import type { Collection } from '../http/register.ts'
import type { Method, Route } from '../http/route.ts'
import { type Answer, ref } from '../openapi/operation.ts'
import { closed } from '../openapi/schemas.ts'
import type { LegacyList } from './legacy-list.ts'
import type { LegacyTask } from './legacy-task.ts'
import { exampleTask, unseen } from './task-schemas.ts'

/** The body of an answer to DELETE. */
export type Deletion = 'empty' | 'confirmed' | 'described'

export const listRoute = ({ path, noun }: Collection, prefix: string, list: LegacyList): Route => ({
  method: 'GET',
  path,
  operation: {
    id: `list${noun}s`,
    summary: 'List tasks, newest first',
    description: list.description,
    parameters: list.parameters,
    answers: { 200: { description: 'The tasks.', schema: ref(`${prefix}List`), example: list.example } },
  },
  handle: list.handle,
})

/** Routes that create, read, change and delete tasks. */
export const itemRoutes = (
  at: Collection,
  tasks: LegacyTask,
  { replaces, deletion }: { readonly replaces: boolean; readonly deletion: Deletion },
): readonly Route[] => [
  createRoute(at, tasks),
  getRoute(at, tasks),
  replaces ? replaceRoute(at, tasks) : changeRoute(at, 'PUT', tasks),
  changeRoute(at, 'PATCH', tasks, replaces),
  removeRoute(at, deletion),
]

const createRoute = ({ path, noun }: Collection, tasks: LegacyTask): Route => ({
  method: 'POST',
  path,
  bodyLimit: tasks.bodyLimit,
  operation: {
    id: `create${noun}`,
    summary: 'Create a task',
    description: 'A new task is the first of the list. Unknown fields are ignored.',
    body: {
      required: true,
      schema: ref(`${tasks.prefix}NewTask`),
      examples: {
        whole: { title: exampleTask.title, description: exampleTask.description, priority: 'high' },
        short: { title: exampleTask.title },
      },
    },
    fails: ['too_many_tasks', 'storage_full'],
    answers: { 201: tasks.one('The new task.') },
  },
  async handle(request, reply, context) {
    const created = await ownTasks(request, context).create(tasks.readNew(request, context.hints))
    return tasks.send(request, reply.code(201), created.task)
  },
})

const getRoute = ({ path, noun }: Collection, tasks: LegacyTask): Route => ({
  method: 'GET',
  path: `${path}/{id}`,
  operation: {
    id: `get${noun}`,
    summary: 'Get a task',
    description: 'Returns the task.',
    answers: { 200: tasks.one('The task.') },
  },
  async handle(request, reply, context) {
    return tasks.send(request, reply, await ownTasks(request, context).get(taskId(request)))
  },
})

const changed = (tasks: LegacyTask): Record<number, Answer> => ({
  200: tasks.one('The changed task.'),
  204: unseen,
})

/** @param refusesNothing whether a body without a field to change is refused */
const changeRoute = (
  { path, noun }: Collection,
  method: Method,
  tasks: LegacyTask,
  refusesNothing = false,
): Route => ({
  method,
  path: `${path}/{id}`,
  bodyLimit: tasks.bodyLimit,
  operation: {
    id: `${method === 'PUT' ? 'put' : 'change'}${noun}`,
    summary: 'Change a task',
    description: 'Fields that are not sent do not change.',
    body: {
      required: true,
      schema: ref(`${tasks.prefix}TaskChange`),
      examples: { rename: { title: 'Water the fern' }, complete: { [tasks.completed]: true } },
    },
    fails: [...(refusesNothing ? (['nothing_to_change'] as const) : []), 'storage_full'],
    answers: changed(tasks),
  },
  async handle(request, reply, context) {
    const id = taskId(request)
    const own = ownTasks(request, context)
    const outcome = await tasks.change(request, own, id, { mayBeEmpty: !refusesNothing })
    return tasks.sendWritten(request, reply, outcome)
  },
})

const replaceRoute = ({ path, noun }: Collection, tasks: LegacyTask): Route => ({
  method: 'PUT',
  path: `${path}/{id}`,
  bodyLimit: tasks.bodyLimit,
  operation: {
    id: `replace${noun}`,
    summary: 'Replace a task',
    description:
      'A description that is not sent is removed. `priority`, `due_date`, `tags`, `category` and `status` stay as they are if they are not sent.',
    body: {
      required: true,
      schema: ref(`${tasks.prefix}WholeTask`),
      examples: { whole: { title: 'Water the fern', description: 'Twice', [tasks.completed]: true } },
    },
    fails: ['storage_full'],
    answers: changed(tasks),
  },
  async handle(request, reply, context) {
    const id = taskId(request)
    const outcome = await tasks.change(request, ownTasks(request, context), id, { isWhole: true })
    return tasks.sendWritten(request, reply, outcome)
  },
})

/** Routes that set or flip the done flag. */
export const flagRoutes = (at: Collection, tasks: LegacyTask): readonly Route[] => [
  flipRoute(at, 'complete', tasks),
  flipRoute(at, 'toggle', tasks),
  setRoute(at, 'POST', true, tasks),
  setRoute(at, 'DELETE', false, tasks),
  statusRoute(at, tasks),
]

const flipRoute = ({ path, noun }: Collection, name: string, tasks: LegacyTask): Route => ({
  method: 'PATCH',
  path: `${path}/{id}/${name}`,
  operation: {
    id: `${name === 'complete' ? 'toggle' : 'flip'}${noun}`,
    summary: 'Complete or reopen a task',
    description: `Sets the flag in the body. Without a body, or with \`{}\`, inverts \`${tasks.completed}\`.`,
    body: {
      required: false,
      schema: ref(`${tasks.prefix}TaskChange`),
      examples: { flip: {}, set: { [tasks.completed]: true } },
    },
    answers: changed(tasks),
  },
  async handle(request, reply, context) {
    const id = taskId(request)
    const own = ownTasks(request, context)
    const change = tasks.readToggle(request)
    const outcome = await (change ? own.update(id, change) : own.toggle(id))
    return tasks.sendWritten(request, reply, outcome)
  },
})

const setRoute = (
  { path, noun }: Collection,
  method: 'POST' | 'DELETE',
  isDone: boolean,
  tasks: LegacyTask,
): Route => ({
  method,
  path: `${path}/{id}/complete`,
  operation: {
    id: `${isDone ? 'complete' : 'reopen'}${noun}`,
    summary: isDone ? 'Complete a task' : 'Reopen a task',
    description: 'May be repeated. A body is ignored.',
    answers: changed(tasks),
  },
  async handle(request, reply, context) {
    const own = ownTasks(request, context)
    const outcome = await own.update(taskId(request), { is_completed: isDone })
    return tasks.sendWritten(request, reply, outcome)
  },
})

const statusRoute = ({ path, noun }: Collection, tasks: LegacyTask): Route => ({
  method: 'PATCH',
  path: `${path}/{id}/status`,
  operation: {
    id: `setStatusOf${noun}`,
    summary: 'Set the status of a task',
    description: 'Completes or reopens the task, according to `status` or the flag.',
    body: {
      required: true,
      schema: ref(`${tasks.prefix}TaskChange`),
      examples: { done: { status: 'done' } },
    },
    answers: changed(tasks),
  },
  async handle(request, reply, context) {
    const id = taskId(request)
    const outcome = await ownTasks(request, context).update(id, tasks.readStatus(request))
    return tasks.sendWritten(request, reply, outcome)
  },
})

const deletions: Readonly<Record<Exclude<Deletion, 'empty'>, (id: number) => object>> = {
  confirmed: () => ({ success: true }),
  described: id => ({ success: true, message: 'The task is deleted.', id }),
}

const removeRoute = ({ path, noun }: Collection, deletion: Deletion): Route => ({
  method: 'DELETE',
  path: `${path}/{id}`,
  operation: {
    id: `remove${noun}`,
    summary: 'Delete a task',
    description: 'Later requests for the task return 404.',
    answers: deletionAnswers(deletion),
  },
  async handle(request, reply, context): Promise<FastifyReply> {
    const id = taskId(request)
    await ownTasks(request, context).remove(id)
    if (deletion === 'empty') return reply.code(204).send()
    return sendJson(reply, JSON.stringify(deletions[deletion](id)))
  },
})

function deletionAnswers(deletion: Deletion): Record<number, Answer> {
  const description = 'The task is deleted.'
  if (deletion === 'empty') return { 204: { description } }
  const example = deletions[deletion](7)
  const { message, id } = { message: { type: 'string' }, id: { type: 'integer' } }
  const schema = closed({
    success: { const: true },
    ...(deletion === 'described' ? { message, id } : {}),
  })
  return { 200: { description, schema, example } }
}
