import { inputReader } from '../fields/input.ts'
import { schemaOf } from '../fields/schema.ts'
import { closed, countSchema, sent } from '../openapi/schemas.ts'
import { type List, lists } from '../tasks/list-fields.ts'
import { bodyReader } from './body.ts'

// The wire format of lists in `v1`.

const { names, writable } = lists
const inputs = writable.map(name => ({ name, field: lists.fields[name] }))
const schemasOf = (of: readonly (keyof typeof lists.fields)[]) =>
  Object.fromEntries(of.map(name => [name, schemaOf(lists.fields[name])]))

export const listReader = {
  new: bodyReader(inputReader(inputs, ['name']), writable, names),
  change: bodyReader(inputReader(inputs), writable, names),
}

/** @param openTasks undefined if tasks are not counted */
export const listJson = (list: List, openTasks?: number): string =>
  JSON.stringify({
    ...Object.fromEntries(names.map(name => [name, list[name]])),
    ...(openTasks === undefined ? {} : { open_task_count: openTasks }),
  })

export const exampleList = Object.fromEntries(
  names.map(name => [name, lists.fields[name].example]),
) as unknown as List

const counted = {
  open_task_count: {
    ...countSchema,
    description: 'Counted when the list is read. Not part of its revision.',
  },
}

export const listSchemas = {
  List: closed({ ...schemasOf(names), ...counted }),
  ChangedList: closed(schemasOf(names), 'A list without the number of its tasks.'),
  NewList: sent(schemasOf(writable), ['name']),
  ListChange: sent(schemasOf(writable)),
}
