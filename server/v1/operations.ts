import { AppError, brokenRules } from '../errors.ts'
import type { JsonObject } from '../http/json-body.ts'
import { ref, type Schema } from '../openapi/operation.ts'
import { notValue } from '../quote.ts'
import type { Change } from '../tasks/change/change.ts'
import { createList, removeList, updateList } from '../tasks/change/list-operations.ts'
import { createTask, moveTask, removeTask, restoreTask, updateTask } from '../tasks/change/task-operations.ts'
import type { ListChange, NewList } from '../tasks/list-fields.ts'
import { checkReadOnly } from './body.ts'
import type { ItemName } from './items.ts'
import { listReader } from './list-wire.ts'
import { placeIn } from './place.ts'
import { changeIn, changeOf, newTaskIn } from './task-wire.ts'

// The operations of a batch.

export interface Operation {
  readonly name: string
  /** The names in its body. */
  readonly fields: readonly string[]
  readonly schema: Schema
  /** The ids of the tasks that it needs, and of those that it needs with their descendants. */
  ids(body: JsonObject): { readonly plain?: readonly unknown[]; readonly structural?: readonly unknown[] }
  /** @param body with ids in place of refs */
  run(change: Change, body: JsonObject): Promise<ItemName>
}

const idSchema: Schema = {
  anyOf: [
    { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
    { type: 'string', pattern: '^\\$[\\w-]{1,50}$', description: 'The ref of an earlier operation.' },
  ],
}
const place: Schema = { anyOf: [...(idSchema.anyOf as Schema[]), { type: 'null' }] }
const newRef: Schema = { type: 'string', pattern: '^[\\w-]{1,50}$' }
const revision: Schema = {
  type: 'integer',
  description: 'The revision that the item must have, as with If-Match.',
}
/** A task or a change of one. Ids can be refs. */
const withRefs = (name: string): Schema => ({
  type: 'object',
  description: `As \`${name}\`; \`list_id\` and \`parent_id\` may be refs.`,
})

function operation(
  name: string,
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[],
  { ids, run }: Pick<Operation, 'ids' | 'run'>,
): Operation {
  return {
    name,
    fields: ['op', ...Object.keys(properties)],
    schema: {
      type: 'object',
      required: ['op', ...required],
      properties: { op: { const: name }, ...properties },
      additionalProperties: false,
    },
    ids,
    run,
  }
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A member of an operation. Problems in it are reported below its name. */
async function within<T>(body: JsonObject, name: string, work: (part: JsonObject) => T): Promise<Awaited<T>> {
  const part = body[name]
  if (!isObject(part))
    throw brokenRules([{ field: name, message: `"${name}" must be an object${notValue(part)}.` }])
  try {
    return await work(part)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'broken_rule') throw error
    throw brokenRules(
      error.problems.map(({ field, message }) => ({
        field: field === '' ? name : `${name}/${field}`,
        message,
      })),
    )
  }
}

function idIn(body: JsonObject): number {
  const { id } = body
  if (Number.isSafeInteger(id) && Number(id) > 0) return Number(id)
  throw brokenRules([
    { field: 'id', message: `"id" must be the id of an item, or a ref such as "$a"${notValue(id)}.` },
  ])
}

/**
 * @throws AppError `broken_rule`, or `precondition_failed` for another revision than the expected
 * one
 */
function checkRevision({ revision }: JsonObject, item: { readonly revision: number }): void {
  if (revision === undefined) return
  const problem = (message: string) => [{ field: 'revision', message }]
  if (!Number.isSafeInteger(revision))
    throw brokenRules(problem(`"revision" must be a whole number${notValue(revision)}.`))
  if (revision === item.revision) return
  const message = 'The item has changed since. Read it again.'
  throw new AppError('precondition_failed', message, { problems: problem(message) })
}

const task = (id: number): ItemName => ({ type: 'task', id })
const list = (id: number): ItemName => ({ type: 'list', id })
const structuralId = { ids: ({ id }: JsonObject) => ({ structural: [id] }) }
const noIds = { ids: () => ({}) }

export const operations: readonly Operation[] = [
  operation('create', { ref: newRef, task: withRefs('NewTask') }, ['task'], {
    ids: body => ({ plain: isObject(body.task) ? [body.task.parent_id] : [] }),
    run: async (change, body) =>
      task((await within(body, 'task', part => createTask(change, newTaskIn(part)))).id),
  }),
  operation('update', { id: idSchema, changes: withRefs('TaskChange'), revision }, ['id', 'changes'], {
    ids: ({ id, changes }) => {
      const isMove = isObject(changes) && ('list_id' in changes || 'parent_id' in changes)
      return isMove ? { structural: [id], plain: [changes.parent_id] } : { plain: [id] }
    },
    run: async (change, body) => {
      const id = idIn(body)
      await change.load([id])
      const row = change.getTask(id)
      checkRevision(body, row)
      await within(body, 'changes', part => updateTask(change, id, changeOf(row, changeIn(part))))
      return task(id)
    },
  }),
  operation('move', { id: idSchema, list_id: place, parent_id: place, before: place, after: place }, ['id'], {
    ids: ({ id, parent_id: parent, before, after }) => ({
      structural: [id],
      plain: [parent, before, after],
    }),
    run: async (change, body) => {
      const { op: _op, id: _id, ...rest } = body
      const id = idIn(body)
      await moveTask(change, id, placeIn(rest, ['list_id', 'parent_id', 'before', 'after']))
      return task(id)
    },
  }),
  operation('delete', { id: idSchema, revision }, ['id'], {
    ...structuralId,
    run: async (change, body) => {
      const id = idIn(body)
      await change.load([id])
      checkRevision(body, change.getTask(id))
      await removeTask(change, id)
      return task(id)
    },
  }),
  operation('restore', { id: idSchema }, ['id'], {
    ...structuralId,
    run: async (change, body) => {
      await restoreTask(change, idIn(body))
      return task(idIn(body))
    },
  }),
  operation('create_list', { ref: newRef, list: ref('NewList') }, ['list'], {
    ...noIds,
    run: (change, body) =>
      within(body, 'list', async part => {
        const { values, readOnly } = listReader.new(part)
        checkReadOnly(readOnly)
        // Validated above.
        return list((await createList(change, values as unknown as NewList)).id)
      }),
  }),
  operation('update_list', { id: idSchema, changes: ref('ListChange'), revision }, ['id', 'changes'], {
    ...noIds,
    run: async (change, body) => {
      const id = idIn(body)
      await change.loadLists()
      const row = change.getList(id)
      checkRevision(body, row)
      await within(body, 'changes', async part => {
        const { values, readOnly } = listReader.change(part)
        checkReadOnly(readOnly, row)
        await updateList(change, id, values as ListChange)
      })
      return list(id)
    },
  }),
  operation(
    'delete_list',
    { id: idSchema, move_tasks_to: { anyOf: [...(idSchema.anyOf as Schema[]), { const: 'inbox' }] } },
    ['id'],
    {
      ...noIds,
      run: async (change, body) => {
        const id = idIn(body)
        await removeList(change, id, targetOf(body))
        return list(id)
      },
    },
  ),
]

function targetOf({ move_tasks_to: to }: JsonObject): number | null | undefined {
  if (to === undefined) return undefined
  if (to === 'inbox' || to === null) return null
  if (Number.isSafeInteger(to)) return Number(to)
  const message = `"move_tasks_to" must be "inbox", the id of a list, or a ref such as "$a"${notValue(to)}.`
  throw brokenRules([{ field: 'move_tasks_to', message }])
}
