import type { Parameters } from '../db/shapes.ts'
import { sqlTypes } from '../fields/field.ts'
import type { Period } from './days.ts'
import { type TaskField, tasks } from './fields.ts'
import { wordsOf } from './fold.ts'
import type { ListFilters, TaskFilters } from './list-query.ts'

/** The condition of a filter, or `undefined` if the query does not use it. */
type Filter = (query: ListFilters, parameters: Parameters) => string | undefined

/** @returns the filter that adds a condition where the query has `name` */
const ifGiven =
  <Name extends keyof ListFilters>(
    name: Name,
    condition: (value: NonNullable<ListFilters[Name]>, parameters: Parameters) => string,
  ): Filter =>
  (query, parameters) => {
    const value = query[name]
    // `idIs` handles null.
    return value === undefined || value === null ? undefined : condition(value, parameters)
  }

/** An id that may be null. */
const idIs =
  (name: 'list' | 'parent', column: string): Filter =>
  (query, parameters) => {
    const id = query[name]
    if (id === undefined) return undefined
    return id === null ? `${column} is null` : `${column} = ${parameters.add(id, 'bigint')}`
  }

const filters: readonly Filter[] = [
  ...tasks.filters.map(
    (name): Filter =>
      ({ filters: values = {} }, parameters) =>
        values[name] === undefined ? undefined : isOneOf(name, values[name], parameters),
  ),
  ifGiven(
    'search',
    (search, parameters) =>
      wordsOf(search)
        .map(word => contains(parameters.add(word, 'text')))
        .join(' and ') || 'true',
  ),
  ifGiven('tags', (tags, parameters) => `tasks.tag_keys @> ${parameters.add(tags, 'text[]')}`),
  ifGiven(
    'category',
    (category, parameters) => `tasks.metadata ->> 'category' = ${parameters.add(category, 'text')}`,
  ),
  ({ priorityWord: word }, parameters) =>
    word === undefined
      ? undefined
      : word === null
        ? `tasks.priority is null and tasks.spellings ->> 'priority' is null`
        : `tasks.priority is null and lower(tasks.spellings ->> 'priority') = lower(${parameters.add(word, 'text')})`,
  idIs('list', 'tasks.list_id'),
  idIs('parent', 'tasks.parent_id'),
  ifGiven('hidesArchived', () => notArchived),
  ifGiven('hasDue', has => `tasks.due_key is ${has ? 'not null' : 'null'}`),
  ifGiven('overdue', (passed, parameters) => {
    const bind = (value: string) => parameters.add(value, 'text')
    const [from, until] = passed.except.map(bind)
    return `not tasks.is_completed and case
      when tasks.due_at is not null then tasks.due_at < ${parameters.add(passed.instantsBefore, 'timestamptz')}
      when tasks.due_key like '%~' then tasks.due_key < ${bind(passed.datesBefore)}
      else tasks.due_key < ${bind(passed.timesBefore)}
        and not (tasks.due_key >= ${from} and tasks.due_key < ${until}) end`
  }),
  ifGiven('dueIn', (periods, parameters) => periods.map(isIn('due', parameters)).join(' and ')),
  ifGiven('startIn', (periods, parameters) => periods.map(isIn('start', parameters)).join(' and ')),
  ifGiven(
    'deadlineIn',
    ([first, last], parameters) =>
      `tasks.deadline between ${parameters.add(first, 'text')} and ${parameters.add(last, 'text')}`,
  ),
  ifGiven('completedIn', (instants, parameters) => isBetween('tasks.completed_at', instants, parameters)),
]

/** The conditions for the filters of a query. */
export const conditionsOf = (query: ListFilters, parameters: Parameters): string[] =>
  filters.flatMap(filter => filter(query, parameters) ?? [])

function isOneOf(name: TaskField, value: TaskFilters[TaskField], parameters: Parameters): string {
  if (Array.isArray(value)) {
    const texts = value.map(text => text ?? '')
    return `coalesce(tasks.${name}, '') = any(${parameters.add(texts, 'text[]')})`
  }
  // Arrays contain only texts.
  return `tasks.${name} = ${parameters.add(value as string | number | boolean, sqlTypes[tasks.fields[name].kind])}`
}

/** Half the cost of `like`, which tries to match at each character. */
const contains = (word: string) =>
  `(strpos(tasks.title_key, ${word}) > 0 or strpos(tasks.description_key, ${word}) > 0)`

/** PostgreSQL evaluates the subquery once per statement, and hashes the result. */
const notArchived = `(tasks.list_id is null or tasks.list_id not in (
  select lists.id from duly.lists where lists.user_id = $1 and lists.is_archived and lists.deleted_at is null
))`

const isIn =
  (name: 'due' | 'start', parameters: Parameters) =>
  ({ keys: [first, last], instants }: Period): string =>
    `case when tasks.${name}_at is null
      then tasks.${name}_key between ${parameters.add(first, 'text')} and ${parameters.add(last, 'text')}
      else ${isBetween(`tasks.${name}_at`, instants, parameters)} end`

const isBetween = (column: string, [first, end]: readonly [string, string], parameters: Parameters) =>
  `${column} >= ${parameters.add(first, 'timestamptz')} and ${column} < ${parameters.add(end, 'timestamptz')}`
