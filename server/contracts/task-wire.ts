import type { FastifyReply, FastifyRequest } from 'fastify'
import { grantOf } from '../auth/current-user.ts'
import { brokenRules } from '../errors.ts'
import { type Input, inputReader, type ReadInput } from '../fields/input.ts'
import { schemaOf } from '../fields/schema.ts'
import { readJson } from '../http/json-body.ts'
import { sendJson } from '../http/json-reply.ts'
import { ownerJson, ownerProblems } from '../http/owner.ts'
import { longestBody } from '../http/request-size.ts'
import { type Answer, ref, type Schema } from '../openapi/operation.ts'
import { closed, sent } from '../openapi/schemas.ts'
import { type NewTask, type Task, type TaskChange, type TaskField, tasks } from '../tasks/fields.ts'
import { PrintedTasks } from '../tasks/printed-tasks.ts'
import type { Outcome } from '../tasks/tasks.ts'
import { type Shown, taskJson } from './task-json.ts'
import { exampleOwner, exampleTask, ownerSchema } from './task-schemas.ts'

/** How tasks look in a contract. The rest follows from the fields of a task. */
export interface Wire extends Shown {
  /** Of the names of its schemas. */
  readonly prefix: string
  /** Fields that clients may set, by their names on the wire; in a new task, and in a change. */
  readonly accepts: { readonly new: readonly string[]; readonly change: readonly string[] }
  /** Unicode code points, where they are others than those of the field. */
  readonly limits?: Readonly<Partial<Record<TaskField, number>>>
}

/** For a token without `tasks:read` whose write changed nothing: it sees only what it sent. */
export const unseen: Answer = {
  description: 'Nothing had to be changed, and the token has no scope `tasks:read`.',
}

/** Whether the caller may see the task that a write returns. */
export function maySee(request: FastifyRequest, { isChanged }: Pick<Outcome, 'isChanged'>): boolean {
  return isChanged || grantOf(request).mayRead
}

export type TaskWire = ReturnType<typeof taskWire>

/** What a contract needs to read, write and describe tasks. */
export function taskWire(wire: Wire) {
  const { prefix, completed, absent, limits = {}, accepts } = wire
  const { one: json, inList } = taskJson(wire)
  const fieldOf = (name: string) => (name === completed ? 'is_completed' : name) as TaskField
  const schema = (name: string) => schemaOf(tasks.fields[fieldOf(name)], limits[fieldOf(name)])
  const shown = (name: string): Schema => {
    if (name === 'user_id') return ownerSchema
    return name === 'description' && absent !== null ? { ...schema(name), type: 'string' } : schema(name)
  }
  const inputs = (names: readonly string[]): Input[] =>
    names.map(name => ({ name, field: tasks.fields[fieldOf(name)], maxLength: limits[fieldOf(name)] }))
  const named = (names: readonly string[], of: (name: string) => Schema) =>
    Object.fromEntries(names.map(name => [name, of(name)]))
  const required = accepts.new.filter(name => 'required' in tasks.fields[fieldOf(name)])
  const reader = (names: readonly string[], mandatory: readonly string[] = []) =>
    readFields(inputReader(inputs(names), mandatory), fieldOf)
  const readNew = reader(accepts.new, required)
  const readChange = reader(accepts.change)
  const task = JSON.parse(json(exampleTask, exampleOwner)) as Record<string, unknown>
  const characters = accepts.change.map(name => Number(schema(name).maxLength ?? 0))
  const send = (request: FastifyRequest, reply: FastifyReply, found: Task) =>
    sendJson(reply, json(found, ownerJson(request.userId)))

  return {
    wire,
    schemas: {
      [`${prefix}Task`]: closed(named(wire.shows, shown)),
      [`${prefix}NewTask`]: sent(named(accepts.new, schema), required),
      [`${prefix}TaskChange`]: sent(named(accepts.change, schema)),
    },
    /** The schemas of these fields as a client sends them. */
    accepted: (names: readonly string[]) => named(names, schema),
    /**
     * Bytes of a body that brings a task. Programs that write JSON in ASCII (Python's do) need
     * twelve for a character such as 🐑, two escapes of six: what the limits of characters allow is
     * not refused for how it is written.
     */
    bodyLimit: Math.max(longestBody, 12 * characters.reduce((sum, count) => sum + count, 0) + 1024),
    /** A task as an example shows it. */
    example: task,
    one: (description: string): Answer => ({ description, schema: ref(`${prefix}Task`), example: task }),
    /** A task as JSON. `owner` is its owner as JSON. */
    json,
    send,
    /** Sends the task that a write has returned, if the caller may see it. */
    sendWritten: (request: FastifyRequest, reply: FastifyReply, outcome: Outcome) =>
      maySee(request, outcome) ? send(request, reply, outcome.task) : reply.code(204).send(),
    /** A list of the caller's tasks, to be printed. @param head what stands before the first */
    print: (request: FastifyRequest, head: string) =>
      new PrintedTasks(inList, ownerJson(request.userId), head),
    /** @throws AppError `broken_rule` */
    readNew: (request: FastifyRequest) => readNew(request) as unknown as NewTask,
    /** @throws AppError `broken_rule` */
    readChange: (request: FastifyRequest) => readChange(request) as TaskChange,
    /** A change that must have these fields. */
    reader: (mandatory: readonly string[]) => {
      const read = reader(accepts.change, mandatory)
      return (request: FastifyRequest) => read(request) as TaskChange
    },
  }
}

/** Reads a body into values by field. Fields that the contract does not accept are ignored. */
function readFields(read: ReadInput, fieldOf: (name: string) => string) {
  return (request: FastifyRequest): Readonly<Record<string, unknown>> => {
    const body = readJson(request)
    const { values, problems } = read(body)
    const all = [...ownerProblems(body, request.userId), ...problems]
    if (all.length > 0) throw brokenRules(all)
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [fieldOf(name), value]))
  }
}
