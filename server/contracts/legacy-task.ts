import { isDeepStrictEqual } from 'node:util'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ContractOption } from '../config/contract.ts'
import type { DataRow } from '../db/data-row.ts'
import { AppError, brokenRules, type FieldProblem } from '../errors.ts'
import { type Input, inputReader, problemOf } from '../fields/input.ts'
import { schemaOf } from '../fields/schema.ts'
import type { Hints } from '../hints.ts'
import { type JsonObject, readJson } from '../http/json-body.ts'
import { sendJson } from '../http/json-reply.ts'
import { maySee } from '../http/own-tasks.ts'
import { ownerJson, ownerProblems } from '../http/owner.ts'
import { bodyOf } from '../http/request-size.ts'
import { type Answer, ref, type Schema } from '../openapi/operation.ts'
import { closed, sent } from '../openapi/schemas.ts'
import { type NewTask, type Task, type TaskChange, type TaskField, tasks } from '../tasks/fields.ts'
import { patchMetadata } from '../tasks/metadata.ts'
import {
  type Computed,
  type PrintedField,
  PrintedTasks,
  ready,
  type TaskForm,
} from '../tasks/printed-tasks.ts'
import type { Outcome, Tasks } from '../tasks/tasks.ts'
import type { Legacy } from './declaration.ts'
import { flagNames, readFlag } from './done-flag.ts'
import { isInstant } from './due-date.ts'
import { type ExtraName, type ExtraSource, extraFields, extraNames, readExtras } from './extra-fields.ts'
import { jsonForm } from './task-json.ts'
import { exampleOwner, exampleTask, ownerSchema } from './task-schemas.ts'

export type LegacyTask = ReturnType<typeof legacyTask>

/** The wire format of tasks in a contract of existing front ends. */
export function legacyTask(declared: Legacy, options: readonly ContractOption[]) {
  const { prefix, completed, limits, absent } = declared
  const showsDefaults = options.includes('defaults')
  const shown = shownFields(declared, options)
  const one = (task: Task, owner: string) =>
    `{${shown.map(({ name, of }) => `"${name}":${of(task, owner)}`).join()}}`
  const form = ready(listForm(shown))
  const wrap = options.includes('wrapped-task')
    ? (json: string) => `{"task":${json}}`
    : (json: string) => json
  const example = JSON.parse(one(exampleTask, exampleOwner)) as JsonObject
  const wrapped = JSON.parse(wrap(JSON.stringify(example)))
  const single = options.includes('wrapped-task')
    ? closed({ task: ref(`${prefix}Task`) })
    : ref(`${prefix}Task`)
  const inputs: Input[] = (['title', 'description'] as const).map(name => ({
    name,
    field: tasks.fields[name],
    maxLength: limits[name],
  }))
  const accepted = {
    title: schemaOf(tasks.fields.title, limits.title),
    description: schemaOf(tasks.fields.description, limits.description),
    [completed]: schemaOf(tasks.fields.is_completed),
    ...Object.fromEntries(extraNames.map(name => [name, extraFields[name].schema])),
  }
  const readTexts = inputReader(inputs)

  const read = (request: FastifyRequest, body: JsonObject) => {
    const texts = readTexts(body)
    const { flag, problems } = readFlag(body, completed)
    const extras = readExtras(body, flag)
    const values = {
      ...texts.values,
      // Equal to the shown value, so a form that sends it back changes nothing.
      ...(absent === '' && texts.values.description === '' ? { description: null } : {}),
      ...(flag === undefined ? {} : { is_completed: flag }),
      ...extras.change,
    } as TaskChange
    const all = [...ownerProblems(body, request.userId), ...texts.problems, ...problems, ...extras.problems]
    return { values, category: extras.category, problems: all }
  }

  const missing = (names: readonly string[], values: JsonObject, problems: readonly FieldProblem[]) =>
    names
      .filter(name => values[name] === undefined && !problems.some(({ field }) => field === name))
      .map(name => {
        const field = name === 'is_completed' ? completed : name
        return { field, message: `"${field}" is required.` }
      })

  const send = (request: FastifyRequest, reply: FastifyReply, task: Task) =>
    sendJson(reply, wrap(one(task, ownerJson(request.userId))))

  return {
    prefix,
    completed,
    example,
    accepted,
    schemas: {
      [`${prefix}Task`]: closed(Object.fromEntries(shown.map(({ name, schema }) => [name, schema]))),
      [`${prefix}NewTask`]: sent(accepted, ['title']),
      [`${prefix}TaskChange`]: sent(accepted),
    },
    bodyLimit: bodyOf(limits.title + limits.description, 16 * 1024),
    one: (description: string): Answer => ({ description, schema: single, example: wrapped }),
    send,
    /** Sends the task that a write has returned, if the caller may see it. */
    sendWritten: (request: FastifyRequest, reply: FastifyReply, outcome: Outcome) =>
      maySee(request, outcome) ? send(request, reply, outcome.task) : reply.code(204).send(),
    /** A printer for a list of the caller's tasks. @param head the text before the first task */
    print: (request: FastifyRequest, head: string) => new PrintedTasks(form, ownerJson(request.userId), head),

    /** @throws AppError `broken_rule` */
    readNew(request: FastifyRequest, hints: Hints): NewTask {
      const body = readJson(request)
      const { values, category, problems } = read(request, body)
      const all = [...missing(['title'], values, problems), ...problems]
      if (all.length > 0 && typeof body.task === 'object') hints.give('wrapped task')
      if (all.length > 0) throw brokenRules(all)
      const { spellings, ...others } = values
      const written = Object.entries(spellings ?? {}).filter(([, spelling]) => spelling !== null)
      // `title` is required, so it is there.
      const task = {
        ...others,
        ...(written.length > 0 ? { spellings: Object.fromEntries(written) } : {}),
      } as NewTask
      return typeof category === 'string' ? { ...task, metadata: { category } } : task
    },

    /**
     * Updates a task from a body. Forms send whole tasks back: a value that equals the shown one is
     * always accepted and changes nothing, whatever is stored.
     * @param isWhole whether title and flag are required, and an absent description is removed
     * @param mayBeEmpty whether a body without fields is accepted
     * @throws AppError `broken_rule`, `nothing_to_change`, and those of `Tasks.update`
     */
    async change(
      request: FastifyRequest,
      own: Tasks,
      id: number,
      { isWhole = false, mayBeEmpty = true } = {},
    ): Promise<Outcome> {
      const body = readJson(request)
      const { values, category, problems } = read(request, body)
      const lacking = isWhole ? missing(['title', 'is_completed'], values, problems) : []
      if (lacking.length > 0) throw brokenRules([...lacking, ...problems])
      if (!mayBeEmpty && ![...Object.keys(values), ...problems].length && category === undefined)
        throw new AppError('nothing_to_change', `Send at least one of ${Object.keys(accepted).join(', ')}.`)
      const removed = isWhole && body.description === undefined ? { description: null } : {}
      const mayBeEcho = isInstant(body.due_date) || (showsDefaults && body.priority !== undefined)
      if (problems.length === 0 && category === undefined && !mayBeEcho)
        return own.update(id, { ...removed, ...values })
      // The flag has several names. One of them decides.
      const names = flagNames(completed)
      try {
        return await own.edit(id, task => {
          const before = JSON.parse(one(task, ownerJson(request.userId))) as JsonObject
          const kept = Object.entries(body).filter(
            ([name, value]) => names.includes(name) || !isDeepStrictEqual(value, before[name]),
          )
          const again = read(request, Object.fromEntries(kept))
          if (again.problems.length > 0) throw brokenRules(again.problems)
          return { ...removed, ...again.values, ...metadataWith(task, again.category) }
        })
      } catch (error) {
        const isMissing = error instanceof AppError && error.code === 'task_not_found'
        throw isMissing && problems.length > 0 ? brokenRules(problems) : error
      }
    },

    /** @throws AppError `broken_rule` if the body has neither a status nor a flag */
    readStatus(request: FastifyRequest): TaskChange {
      const { values, problems } = read(request, readJson(request))
      const { is_completed, spellings } = values
      const lacking = { field: 'status', message: '"status" is required.' }
      if (problems.length > 0 || is_completed === undefined)
        throw brokenRules(problems.length > 0 ? problems : [lacking])
      const status = spellings?.status
      return { is_completed, ...(status === undefined ? {} : { spellings: { status } }) }
    },

    /** The flag that the body of a toggle sets, if it sets one. @throws AppError `broken_rule` */
    readToggle(request: FastifyRequest): TaskChange | undefined {
      const isEmpty = !Buffer.isBuffer(request.body) || request.body.length === 0
      const body = isEmpty ? {} : readJson(request)
      const names = [...flagNames(completed), 'status', 'user_id', 'owner_id']
      const { values, problems } = read(
        request,
        Object.fromEntries(Object.entries(body).filter(([name]) => names.includes(name))),
      )
      if (problems.length > 0) throw brokenRules(problems)
      return values.is_completed === undefined ? undefined : values
    },
  }
}

function metadataWith({ metadata }: Task, category: string | null | undefined): TaskChange {
  if (category === undefined || category === (metadata.category ?? null)) return {}
  try {
    return { metadata: patchMetadata(metadata, { category }) }
  } catch (error) {
    const label = '"category" does not fit: the metadata of the task'
    throw brokenRules([problemOf(error, 'category', label)])
  }
}

interface ShownField {
  readonly name: string
  readonly schema: Schema
  /** The value as JSON. @param owner the owner as JSON */
  of(task: Task, owner: string): string
  /** How a list prints it, and the text for null. */
  readonly part: PrintedField | Computed
  readonly none?: string
}

function shownFields(
  { shows, completed, absent }: Legacy,
  options: readonly ContractOption[],
): readonly ShownField[] {
  const flags = flagNames(completed)
  const own = shows.map((name): ShownField => {
    if (name === 'user_id') return { name, schema: ownerSchema, of: (_, owner) => owner, part: 'user_id' }
    const field = flags.includes(name) ? 'is_completed' : name
    if (!Object.hasOwn(tasks.fields, field)) throw new Error(`no field is called ${name}`)
    const known = field as TaskField
    const isDescription = known === 'description'
    // `v1` may have stored a longer text than the contract accepts.
    const schema = schemaOf(tasks.fields[known])
    return {
      name,
      schema: isDescription && absent !== null ? { ...schema, type: 'string' } : schema,
      of: task => JSON.stringify(isDescription ? (task.description ?? absent) : task[known]),
      part: known,
      none: JSON.stringify(isDescription ? absent : null),
    }
  })
  const extras = extraNames.map((name): ShownField => {
    const { schema, show } = extraFields[name]
    const fallback = options.includes('defaults') ? defaults[name] : undefined
    const json = (task: ExtraSource) => JSON.stringify(show(task) ?? fallback ?? null)
    const plain = { open: json(noExtras), done: json({ ...noExtras, is_completed: true }) }
    const isPlain = (row: DataRow, from: number) =>
      sources[name].every(source => row.isNull(from + tasks.placeOf(source)))
    const sourceOf = (row: DataRow, from: number): ExtraSource => ({
      ...noExtras,
      is_completed: row.flag(from + flagPlace),
      ...Object.fromEntries(sources[name].map(source => [source, tasks.readOne(source, row, from)])),
    })
    return {
      name,
      schema: fallback === undefined ? schema : { ...schema, default: fallback },
      of: json,
      part: (row, from) =>
        isPlain(row, from) ? plain[row.flag(from + flagPlace) ? 'done' : 'open'] : json(sourceOf(row, from)),
    }
  })
  return [...own, ...extras]
}

const flagPlace = tasks.placeOf('is_completed')

const noExtras: ExtraSource = {
  ...{ is_completed: false, priority: null, tags: [], due: null, metadata: {}, spellings: {} },
}

const defaults: Readonly<Partial<Record<ExtraName, string>>> = { priority: 'medium', category: 'other' }

/**
 * The columns from which an extra field is derived, in addition to the flag. If all are null, the
 * field has no value.
 */
const sources: Readonly<Record<ExtraName, readonly TaskField[]>> = {
  priority: ['priority', 'spellings'],
  due_date: ['due', 'spellings'],
  tags: ['tags'],
  category: ['metadata'],
  status: ['spellings'],
}

function listForm(shown: readonly ShownField[]): TaskForm {
  return {
    ...jsonForm,
    parts: shown.map(({ name, part, none }, n) => [`${n === 0 ? '{' : ','}"${name}":`, part, none ?? 'null']),
  }
}
