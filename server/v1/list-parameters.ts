import type { Field } from '../fields/field.ts'
import { schemaOf } from '../fields/schema.ts'
import type { Parameter, Schema } from '../openapi/operation.ts'
import { tasks } from '../tasks/fields.ts'
import { sortOrders } from '../tasks/list-query.ts'
import { dueValues, maxTags, searchLimits, valuesOf } from './list-request.ts'
import { cursorParameter, limitParameter } from './page-parameters.ts'

// The query parameters of a list, for the OpenAPI document and the check of their names.

const parameter = (
  name: string,
  description: string,
  schema: Schema,
  more: Partial<Parameter> = {},
): Parameter => ({ name, in: 'query', description, schema, ...more })

const csv = (values: readonly string[]): readonly [Schema, Partial<Parameter>] => [
  { type: 'array', items: { enum: values } },
  { explode: false },
]

/** @param none the word for null */
const idOr = (none: string): Schema => ({
  anyOf: [{ type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER }, { const: none }],
})

const days = (name: string, what: string): readonly Parameter[] =>
  (['from', 'to'] as const).map(end =>
    parameter(
      `${name}_${end}`,
      `Only tasks ${what} on this day or ${end === 'from' ? 'later' : 'earlier'}.`,
      { type: 'string', format: 'date' },
    ),
  )

const time: Schema = { type: 'string', format: 'date-time' }

export const timeZoneParameter = parameter(
  'time_zone',
  'The IANA time zone of the days. Default: the time zone of your settings.',
  { type: 'string' },
  { example: 'Europe/Berlin' },
)

function filterOf(name: (typeof tasks.filters)[number]): Parameter {
  const { nullable, ...field } = tasks.fields[name] as Field
  if (field.kind !== 'text' || !field.values)
    return parameter(name, `Only tasks whose \`${name}\` has this value.`, schemaOf(field as Field))
  const none = nullable ? '; `none` for tasks without one' : ''
  return parameter(
    name,
    `Only tasks whose \`${name}\` has one of these values, separated by commas${none}.`,
    ...csv(valuesOf(tasks.fields[name])),
  )
}

export const listParameters: readonly Parameter[] = [
  limitParameter('tasks'),
  parameter(
    'sort',
    'The order; a leading `-` means descending. Titles are compared without regard to case and accents. A due date is compared as it is written, a date after the times of its day. Tasks without a value come last. `position` needs `parent_id`, and `list_id` if that is `none`.',
    { enum: sortOrders, default: '-created_at' },
  ),
  ...tasks.filters.map(filterOf),
  parameter(
    'q',
    'Only tasks whose title or description contains each of these words, in any order. A word matches anywhere, also within another word. Case, accents, widths, kinds of quotes and dashes, and invisible characters make no difference: `cafe` finds `Café`. At most 20 words.',
    { type: 'string', maxLength: searchLimits.characters },
  ),
  parameter(
    'list_id',
    'Only tasks of this list; `inbox` for tasks without one. Without it, tasks of archived lists are left out.',
    idOr('inbox'),
  ),
  parameter('parent_id', 'Only the children of this task; `none` for the top level.', idOr('none')),
  parameter('tag', 'Only tasks with this tag. Repeat it: tasks must have all of the tags.', {
    type: 'array',
    items: { type: 'string' },
    maxItems: maxTags,
  }),
  parameter(
    'due',
    '`overdue`: open tasks whose due date has passed; a date has passed when its day has ended. `today`: due today. `next_7_days`: due today or in the six days after it. `none`, `any`: without or with a due date. A due date with a time zone is compared as an instant; others are interpreted in `time_zone`. Responses to the first three have no ETag, and all pages use the time of the first page.',
    { enum: dueValues },
  ),
  ...days('due', 'that are due'),
  ...days('start', 'that start'),
  ...days('deadline', 'whose deadline is'),
  parameter('completed_from', 'Only tasks completed at this time or later.', time),
  parameter('completed_to', 'Only tasks completed before this time.', time),
  timeZoneParameter,
  parameter('fields', 'The fields to return, separated by commas. Default: all.', ...csv(tasks.shown)),
  cursorParameter(' Order and filters must be the same.'),
]
