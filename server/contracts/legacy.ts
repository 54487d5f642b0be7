import type { ErrorCode } from '../errors.ts'
import { AppError } from '../errors.ts'
import { datedError, datedErrorSchema } from '../http/dated-error.ts'
import { fieldErrors, fieldErrorsSchema } from '../http/field-errors.ts'
import { sendJson, sendTasks } from '../http/json-reply.ts'
import { ownLists, ownTasks } from '../http/own-tasks.ts'
import { queryInteger, taskId } from '../http/parameters.ts'
import { type Collection, type Contract, ownerCollections } from '../http/register.ts'
import type { Method, Route } from '../http/route.ts'
import { type Answer, type Parameter, ref, type Schema } from '../openapi/operation.ts'
import { closed, countSchema, sent } from '../openapi/schemas.ts'
import { exampleTask, taskPathParameters } from './task-schemas.ts'
import { type TaskWire, taskWire, unseen } from './task-wire.ts'

/** A contract of existing front ends, declared by its names, limits, statuses and shapes. */
export interface Legacy {
  readonly name: string
  readonly about: string
  /** Of the names of its schemas. */
  readonly prefix: string
  /** Its own paths; by default `/api/{user_id}/tasks` and `/api/tasks`. */
  readonly collections?: readonly Collection[]
  /** The fields of a task in their order, by their names on the wire. */
  readonly shows: readonly string[]
  /** The name of the done flag. */
  readonly completed: string
  /** The description of a task without one. */
  readonly absent: string | null
  /** Unicode code points. */
  readonly limits: { readonly title: number; readonly description: number }
  /** Whether a new task may be completed. */
  readonly createsCompleted?: boolean
  /**
   * `bare`: an array of all tasks. `window`: the same, with `skip` and `limit`. `count`: all with
   * their number. `page`: `limit` and `offset`.
   */
  readonly list: keyof typeof lists
  /**
   * Whether PUT replaces the whole task, and PATCH changes what is sent; otherwise PUT changes what
   * is sent.
   */
  readonly replaces?: boolean
  /** Whether `PATCH …/complete` flips the flag. */
  readonly toggles?: boolean
  /** Whether a deletion is answered with `{"success":true}` instead of 204. */
  readonly confirmsDeletion?: boolean
  /** Statuses that differ from the usual ones. */
  readonly statuses?: Readonly<Partial<Record<ErrorCode, number>>>
  /**
   * The key of an error's message; or its codes, with `otherwise` for those that are not named: an
   * error then has a code and a time.
   */
  readonly errors:
    | 'detail'
    | 'error'
    | { readonly codes: Readonly<Partial<Record<ErrorCode, string>>>; readonly otherwise: string }
}

/** Makes a contract of its declaration. */
export function legacyContract(declared: Legacy): Contract {
  const { name, about, prefix, createsCompleted, completed, statuses = {}, replaces, toggles } = declared
  const tasks = taskWire({
    ...declared,
    accepts: {
      new: ['title', 'description', ...(createsCompleted ? [completed] : [])],
      change: ['title', 'description', completed],
    },
  })
  const list = lists[declared.list](prefix, tasks)
  const { schema: errorSchema, body: errorBody } = errorsOf(declared.errors)
  return {
    name,
    about,
    statuses,
    errorSchema: ref(`${prefix}Error`),
    errorBody,
    pathParameters: taskPathParameters,
    schemas: {
      ...tasks.schemas,
      ...(replaces ? { [`${prefix}WholeTask`]: wholeSchema(tasks) } : {}),
      [`${prefix}List`]: list.schema,
      [`${prefix}Error`]: errorSchema,
    },
    routes: (declared.collections ?? ownerCollections).flatMap(at => [
      listRoute(at, prefix, list),
      createRoute(at, tasks),
      getRoute(at, tasks),
      ...(replaces
        ? [replaceRoute(at, tasks), changeRoute(at, 'PATCH', tasks, true)]
        : [changeRoute(at, 'PUT', tasks, false)]),
      ...(toggles ? [toggleRoute(at, tasks)] : []),
      removeRoute(at, declared.confirmsDeletion ?? false),
    ]),
  }
}

interface List {
  readonly schema: Schema
  readonly example: unknown
  readonly description: string
  readonly parameters?: readonly Parameter[]
  readonly handle: Route['handle']
}

const most = Number.MAX_SAFE_INTEGER

const count = (name: string, description: string, schema: object, example: number): Parameter => ({
  name,
  in: 'query',
  description,
  schema: { type: 'integer', ...schema },
  example,
})

const lists = {
  bare: (prefix: string, tasks: TaskWire): List => ({
    schema: { type: 'array', items: ref(`${prefix}Task`) },
    example: [tasks.example],
    description: 'Every task, as a bare array.',
    handle: whole(tasks, '[', () => ']'),
  }),

  window: (prefix: string, tasks: TaskWire): List => ({
    ...lists.bare(prefix, tasks),
    description: 'A bare array: every task, or those that `skip` and `limit` select.',
    parameters: [
      count('skip', 'Number of tasks to skip.', { minimum: 0, maximum: most, default: 0 }, 0),
      count('limit', 'Maximum number of tasks. Default: all.', { minimum: 1, maximum: most }, 20),
    ],
    handle(request, reply, context) {
      const skip = queryInteger(request, 'skip', { min: 0, max: most, fallback: 0 })
      const limit = queryInteger(request, 'limit', { min: 1, max: most, fallback: most })
      const list = tasks.print(request, '[')
      const batches = ownLists(request, context).batches(list, { skip, limit })
      return sendTasks(request, reply, context, list, batches, () => ']')
    },
  }),

  count: (prefix: string, tasks: TaskWire): List => ({
    schema: closed({ tasks: { type: 'array', items: ref(`${prefix}Task`) }, count: countSchema }),
    example: { tasks: [tasks.example], count: 1 },
    description: 'Every task, with their number.',
    handle: whole(tasks, '{"tasks":[', number => `],"count":${number}}`),
  }),

  page: (prefix: string, tasks: TaskWire): List => ({
    schema: closed({
      tasks: { type: 'array', items: ref(`${prefix}Task`) },
      total: countSchema,
      limit: countSchema,
      offset: countSchema,
      has_more: { type: 'boolean' },
    }),
    example: { tasks: [tasks.example], total: 1, limit: 20, offset: 0, has_more: false },
    description: 'One page, with the number of all tasks.',
    parameters: [
      count('limit', 'Maximum number of tasks.', { minimum: 1, maximum: 1000, default: 50 }, 20),
      count('offset', 'Number of tasks to skip.', { minimum: 0, maximum: most, default: 0 }, 0),
    ],
    async handle(request, reply, context) {
      const limit = queryInteger(request, 'limit', { min: 1, max: 1000, fallback: 50 })
      const offset = queryInteger(request, 'offset', { min: 0, max: most, fallback: 0 })
      const page = tasks.print(request, '{"tasks":[')
      const total = await ownLists(request, context).page(limit, offset, page)
      const hasMore = offset + page.count < total
      const tail = `],"total":${total},"limit":${limit},"offset":${offset},"has_more":${hasMore}}`
      return sendJson(reply, page.take(tail))
    },
  }),
} satisfies Record<string, (prefix: string, tasks: TaskWire) => List>

const whole =
  (tasks: TaskWire, head: string, tail: (count: number) => string): Route['handle'] =>
  (request, reply, context) => {
    const list = tasks.print(request, head)
    return sendTasks(request, reply, context, list, ownLists(request, context).batches(list), tail)
  }

const listRoute = ({ path, noun }: Collection, prefix: string, list: List): Route => ({
  method: 'GET',
  path,
  operation: {
    id: `list${noun}s`,
    summary: 'List tasks, newest first',
    description: list.description,
    ...(list.parameters ? { parameters: list.parameters } : {}),
    answers: { 200: { description: 'The tasks.', schema: ref(`${prefix}List`), example: list.example } },
  },
  handle: list.handle,
})

const createRoute = ({ path, noun }: Collection, tasks: TaskWire): Route => ({
  method: 'POST',
  path,
  bodyLimit: tasks.bodyLimit,
  operation: {
    id: `create${noun}`,
    summary: 'Create a task',
    description: 'A new task is the first of the list. Unknown fields are ignored.',
    body: {
      required: true,
      schema: ref(`${tasks.wire.prefix}NewTask`),
      examples: {
        whole: { title: exampleTask.title, description: exampleTask.description },
        short: { title: exampleTask.title },
      },
    },
    fails: ['too_many_tasks', 'storage_full'],
    answers: { 201: tasks.one('The new task.') },
  },
  async handle(request, reply, context) {
    const created = await ownTasks(request, context).create(tasks.readNew(request))
    return tasks.send(request, reply.code(201), created.task)
  },
})

const getRoute = ({ path, noun }: Collection, tasks: TaskWire): Route => ({
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

const changed = (tasks: TaskWire): Record<number, Answer> => ({
  200: tasks.one('The changed task.'),
  204: unseen,
})

/** @param refusesNothing whether a body without a field to change is refused */
const changeRoute = (
  { path, noun }: Collection,
  method: Method,
  tasks: TaskWire,
  refusesNothing: boolean,
): Route => ({
  method,
  path: `${path}/{id}`,
  bodyLimit: tasks.bodyLimit,
  operation: {
    id: `change${noun}`,
    summary: 'Change a task',
    description: 'Fields that are not sent stay as they are.',
    body: {
      required: true,
      schema: ref(`${tasks.wire.prefix}TaskChange`),
      examples: { rename: { title: 'Water the fern' }, complete: { [tasks.wire.completed]: true } },
    },
    fails: [...(refusesNothing ? (['nothing_to_change'] as const) : []), 'storage_full'],
    answers: changed(tasks),
  },
  async handle(request, reply, context) {
    const id = taskId(request)
    const change = tasks.readChange(request)
    if (refusesNothing && Object.keys(change).length === 0)
      throw new AppError('nothing_to_change', `Send at least one of ${tasks.wire.accepts.change.join(', ')}.`)
    return tasks.sendWritten(request, reply, await ownTasks(request, context).update(id, change))
  },
})

const replaceRoute = ({ path, noun }: Collection, tasks: TaskWire): Route => {
  const { prefix, completed } = tasks.wire
  const read = tasks.reader(['title', completed])
  return {
    method: 'PUT',
    path: `${path}/{id}`,
    bodyLimit: tasks.bodyLimit,
    operation: {
      id: `replace${noun}`,
      summary: 'Replace a task',
      description: 'A description that is not sent is removed.',
      body: {
        required: true,
        schema: ref(`${prefix}WholeTask`),
        examples: { whole: { title: 'Water the fern', description: 'Twice', [completed]: true } },
      },
      fails: ['storage_full'],
      answers: changed(tasks),
    },
    async handle(request, reply, context) {
      const id = taskId(request)
      const whole = { description: null, ...read(request) }
      return tasks.sendWritten(request, reply, await ownTasks(request, context).update(id, whole))
    },
  }
}

const wholeSchema = ({ accepted, wire }: TaskWire) =>
  sent(accepted(wire.accepts.change), ['title', wire.completed])

const toggleRoute = ({ path, noun }: Collection, tasks: TaskWire): Route => ({
  method: 'PATCH',
  path: `${path}/{id}/complete`,
  operation: {
    id: `toggle${noun}`,
    summary: 'Complete or reopen a task',
    description: `Flips \`${tasks.wire.completed}\`. A body is ignored.`,
    answers: { 200: tasks.one('The changed task.') },
  },
  async handle(request, reply, context) {
    const { task } = await ownTasks(request, context).toggle(taskId(request))
    return tasks.send(request, reply, task)
  },
})

const removeRoute = ({ path, noun }: Collection, confirms: boolean): Route => ({
  method: 'DELETE',
  path: `${path}/{id}`,
  operation: {
    id: `remove${noun}`,
    summary: 'Delete a task',
    description: 'Later requests for the task return 404.',
    answers: confirms
      ? {
          200: {
            description: 'The task is deleted.',
            schema: closed({ success: { const: true } }),
            example: { success: true },
          },
        }
      : { 204: { description: 'The task is deleted.' } },
  },
  async handle(request, reply, context) {
    await ownTasks(request, context).remove(taskId(request))
    return confirms ? sendJson(reply, '{"success":true}') : reply.code(204).send()
  },
})

function errorsOf(errors: Legacy['errors']): { body: Contract['errorBody']; schema: Schema } {
  if (typeof errors === 'object') {
    const { codes, otherwise } = errors
    return { body: datedError(codes, otherwise), schema: datedErrorSchema(codes, otherwise) }
  }
  return {
    body: error => ({ [errors]: error.message, ...fieldErrors(error) }),
    schema: {
      type: 'object',
      required: [errors],
      properties: { [errors]: { type: 'string' }, errors: fieldErrorsSchema },
      additionalProperties: false,
    },
  }
}
