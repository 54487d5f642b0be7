import { suggestion } from '../closest.ts'
import { unseenWrite } from '../contracts/task-schemas.ts'
import { AppError, brokenRules, type FieldProblem } from '../errors.ts'
import { idempotencyKey, replayedHeader } from '../http/idempotent-write.ts'
import { type JsonObject, readJson } from '../http/json-body.ts'
import { changeHeader, sendChange } from '../http/own-changes.ts'
import { queryFlag } from '../http/parameters.ts'
import type { Route, RouteModule } from '../http/route.ts'
import { ref } from '../openapi/operation.ts'
import { closed, sent } from '../openapi/schemas.ts'
import { notValue, quote } from '../quote.ts'
import type { Change } from '../tasks/change/change.ts'
import { changeId } from '../tasks/change-id.ts'
import { unknownProblems } from './body.ts'
import { type ItemName, itemSchema, itemsJson } from './items.ts'
import { exampleList, listJson } from './list-wire.ts'
import { type Operation, operations } from './operations.ts'
import { example } from './task-wire.ts'

// A batch: several operations as one change, all or nothing.

const most = 100
const exampleListJson = JSON.parse(listJson(exampleList)) as object
const bodyLimit = 4 * 1024 * 1024

const batch: Route = {
  method: 'POST',
  path: '/api/v1/batch',
  bodyLimit,
  operation: {
    id: 'batch',
    summary: 'Change several items at once',
    description: `1 to ${most} operations, all or nothing, as one change with one revision. \`"$a"\` in place of an id is the item that the operation with \`"ref": "a"\` created. If one fails, the response is its error, with pointers such as \`#/operations/3/task/title\`, and nothing is changed. With \`dry_run\` the response is the same, without \`change\`, and nothing is stored; the idempotency key is ignored.`,
    parameters: [
      {
        name: 'dry_run',
        in: 'query',
        description: 'Whether to check the operations only, and store nothing.',
        schema: { enum: ['true', 'false'], default: 'false' },
      },
      idempotencyKey,
    ],
    body: {
      required: true,
      schema: ref('Batch'),
      examples: {
        trip: {
          operations: [
            { op: 'create_list', ref: 'trip', list: { name: 'Trip' } },
            { op: 'create', ref: 'pack', task: { title: 'Pack', list_id: '$trip' } },
            { op: 'create', task: { title: 'Passport', parent_id: '$pack' } },
          ],
        },
      },
    },
    fails: [
      'task_not_found',
      'list_not_found',
      'precondition_failed',
      'change_too_large',
      'too_many_tasks',
      'too_many_lists',
      'storage_full',
    ],
    answers: {
      200: {
        description: 'The item of each operation, in its final state.',
        schema: ref('BatchResult'),
        example: {
          results: [{ list: exampleListJson }, { task: example }, { task: example }],
          change: 'c-1kq3ZkWq9s0x',
        },
        headers: { ...replayedHeader, ...changeHeader },
      },
      204: unseenWrite,
    },
  },
  handle(request, reply, context) {
    const isDry = queryFlag(request, 'dry_run')
    const wanted = operationsIn(readJson(request))
    return sendChange(
      request,
      reply,
      context,
      change => runAll(change, wanted),
      done => {
        const id = done.isChanged ? JSON.stringify(changeId(request.userId, done)) : 'null'
        return {
          status: 200,
          body: `{"results":[${itemsJson(request, done)}]${isDry ? '' : `,"change":${id}`}}`,
        }
      },
      { isDry },
    )
  },
}

/** An operation as it was sent, with its implementation. */
interface Wanted {
  readonly operation: Operation
  readonly body: JsonObject
}

async function runAll(change: Change, wanted: readonly Wanted[]): Promise<ItemName[]> {
  const ids = wanted.map(({ operation, body }) => operation.ids(body))
  await Promise.all([
    change.reserve(wanted.filter(({ operation }) => operation.name === 'create').length),
    change.load(
      ids.flatMap(({ plain = [] }) => plain.filter(isId)),
      ids.flatMap(({ structural = [] }) => structural.filter(isId)),
    ),
  ])
  const refs = new Map<string, number>()
  const results: ItemName[] = []
  for (const [n, { operation, body }] of wanted.entries()) {
    try {
      const item = await operation.run(change, resolved(body, refs))
      if (typeof body.ref === 'string') refs.set(body.ref, item.id)
      results.push(item)
    } catch (error) {
      throw placed(error, n)
    }
  }
  return results
}

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0

/** The members of an operation that contain ids. */
const idNames = ['id', 'list_id', 'parent_id', 'before', 'after', 'move_tasks_to']
const partNames = ['task', 'changes']

/** Replaces refs by ids. @throws AppError `broken_rule` for an unknown ref */
function resolved(body: JsonObject, refs: ReadonlyMap<string, number>, prefix = ''): JsonObject {
  let known = body
  for (const name of Object.keys(body)) {
    const value = body[name]
    if (prefix === '' && partNames.includes(name) && isObject(value)) {
      const part = resolved(value, refs, `${name}/`)
      if (part !== value) known = { ...known, [name]: part }
    } else if (idNames.includes(name) && typeof value === 'string' && value.startsWith('$')) {
      const id = refs.get(value.slice(1))
      const message = `No operation before this one has the ref ${quote(value.slice(1))}.`
      if (id === undefined) throw brokenRules([{ field: `${prefix}${name}`, message }])
      known = { ...known, [name]: id }
    }
  }
  return known
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** An error that names the operation. */
function placed(error: unknown, n: number): unknown {
  if (!(error instanceof AppError)) return error
  const problems = error.problems.length > 0 ? error.problems : [{ field: 'id', message: error.message }]
  return new AppError(error.code, error.message, {
    cause: error.cause,
    problems: problems.map(({ field, message }) => ({ field: `operations/${n}/${field}`, message })),
  })
}

function operationsIn(body: JsonObject): Wanted[] {
  const problems: FieldProblem[] = unknownProblems(body, ['operations'])
  const sentOnes: readonly unknown[] = Array.isArray(body.operations) ? body.operations : []
  if (sentOnes.length < 1 || sentOnes.length > most)
    problems.push({
      field: 'operations',
      message: `"operations" must be an array of 1 to ${most} operations${
        Array.isArray(body.operations) ? `, not of ${body.operations.length}` : notValue(body.operations)
      }.`,
    })
  const refs = new Set<string>()
  const wanted = sentOnes.slice(0, most).flatMap((one, n): Wanted[] => {
    const add = (field: string, message: string) =>
      problems.push({ field: `operations/${n}${field}`, message })
    if (!isObject(one)) {
      add('', `An operation must be an object${notValue(one)}.`)
      return []
    }
    const operation = operations.find(({ name }) => name === one.op)
    if (!operation) {
      const names = operations.map(({ name }) => name)
      const meant = typeof one.op === 'string' ? suggestion(one.op.slice(0, 50), names) : ''
      add('/op', `"op" must be one of ${names.join(', ')}${notValue(one.op)}.${meant}`)
      return []
    }
    for (const { field, message } of unknownProblems(one, operation.fields)) add(`/${field}`, message)
    if (one.ref !== undefined) {
      if (typeof one.ref !== 'string' || !/^[\w-]{1,50}$/.test(one.ref))
        add('/ref', `"ref" must have 1 to 50 letters, digits, - or _${notValue(one.ref)}.`)
      else if (refs.has(one.ref)) add('/ref', `Another operation has the ref "${one.ref}".`)
      else refs.add(one.ref)
    }
    return [{ operation, body: one }]
  })
  if (problems.length > 0) throw brokenRules(problems)
  return wanted
}

export const batchRoutes: RouteModule = {
  name: 'batch',
  about: 'Several operations as one change.',
  schemas: {
    Batch: sent(
      {
        operations: {
          type: 'array',
          minItems: 1,
          maxItems: most,
          items: { anyOf: operations.map(({ schema }) => schema) },
        },
      },
      ['operations'],
    ),
    BatchResult: {
      ...closed({ results: { type: 'array', items: itemSchema } }),
      properties: {
        results: { type: 'array', items: itemSchema },
        change: {
          type: ['string', 'null'],
          description: 'For undo; null if nothing changed. Absent in a dry run.',
        },
      },
    },
  },
  routes: [batch],
}
