import { isDeepStrictEqual } from 'node:util'
import type { FastifyRequest } from 'fastify'
import type { ContractOption } from '../config/contract.ts'
import { AppError, brokenRules, type FieldProblem } from '../errors.ts'
import { type Input, inputReader, problemOf } from '../fields/input.ts'
import { schemaOf } from '../fields/schema.ts'
import type { Hints } from '../hints.ts'
import { type JsonObject, readJson } from '../http/json-body.ts'
import { ownerJson, ownerProblems } from '../http/owner.ts'
import { type NewTask, type Task, type TaskChange, tasks } from '../tasks/fields.ts'
import { patchMetadata } from '../tasks/metadata.ts'
import type { Outcome, Tasks } from '../tasks/tasks.ts'
import type { Legacy } from './declaration.ts'
import { flagNames, readFlag } from './done-flag.ts'
import { isInstant } from './due-date.ts'
import { extraFields, extraNames, readExtras } from './extra-fields.ts'

/**
 * Reads the bodies of a contract of existing front ends.
 * @param one prints a task as the contract shows it
 */
export function legacyInput(
  { completed, limits, absent }: Legacy,
  options: readonly ContractOption[],
  one: (task: Task, owner: string) => string,
) {
  const showsDefaults = options.includes('defaults')
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

  return {
    /** The JSON Schemas of the fields that bodies can have. */
    accepted,

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
