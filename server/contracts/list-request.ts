import type { FastifyRequest } from 'fastify'
import { isStorable } from '../fields/storable.ts'
import { queryInteger } from '../http/parameters.ts'
import type { Parameter, Schema } from '../openapi/operation.ts'
import { wordsOf } from '../tasks/fold.ts'
import type { ListFilters, SortOrder } from '../tasks/list-query.ts'
import { tagKey } from '../tasks/tags.ts'
import { flagNames, isDoneWord } from './done-flag.ts'
import { priorityOf } from './extra-fields.ts'

// The query parameters of lists that existing front ends send. Unknown values are ignored, such as
// `sort=default`.

/** A request for a list. */
export interface ListRequest {
  readonly filters: ListFilters
  readonly sort: SortOrder
  /** Undefined for the whole list. */
  readonly window: { readonly offset: number; readonly limit: number } | undefined
}

/** The paging parameters of a written contract. */
export interface Paging {
  readonly skip?: 'skip' | 'offset'
  /** Whether an invalid `limit` is rejected. */
  readonly limit?: true
  /** Maximum number of tasks in a page. */
  readonly most: number
  /** Whether a request without paging parameters returns a page. */
  readonly isPaged: boolean
}

/** Default number of tasks in a page. */
export const usualSize = 50

/** @throws AppError `broken_rule` for the parameters of the written contract */
export function readListRequest(request: FastifyRequest, flag: string, paging: Paging): ListRequest {
  const query = request.query as Readonly<Record<string, unknown>>
  return { filters: filtersIn(query, flag), sort: sortIn(query), window: windowIn(request, query, paging) }
}

function windowIn(
  request: FastifyRequest,
  query: Readonly<Record<string, unknown>>,
  { skip, limit: isStrict, most, isPaged }: Paging,
): ListRequest['window'] {
  const offset =
    skip && queryInteger(request, skip, { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: undefined })
  const limit = isStrict
    ? queryInteger(request, 'limit', { min: 1, max: most, fallback: undefined })
    : wholeIn(query.limit)
  const size = wholeIn(query.page_size) ?? wholeIn(query.per_page) ?? limit
  const page = wholeIn(query.page)
  if (offset === undefined && size === undefined && page === undefined) return undefined
  const usual = isPaged || page !== undefined ? usualSize : Number.MAX_SAFE_INTEGER
  const rows = Math.min(most, size ?? usual)
  const before = offset ?? Math.min(((page ?? 1) - 1) * rows, Number.MAX_SAFE_INTEGER)
  return { offset: before, limit: rows }
}

function filtersIn(query: Readonly<Record<string, unknown>>, flag: string): ListFilters {
  const status = textIn(query.status)
  const flags = flagNames(flag).map(name => booleans.get(textIn(query[name])?.toLowerCase() ?? ''))
  const isCompleted =
    flags.find(value => value !== undefined) ??
    (status === undefined || isAny(status) ? undefined : isDoneWord(status))
  const priority = textIn(query.priority)
  const priorityValue = priority === undefined ? null : priorityOf(priority)
  const word =
    priority === undefined || isAny(priority) || priorityValue !== null
      ? undefined
      : priority.toLowerCase() === 'none'
        ? null
        : priority
  const filters = {
    ...(isCompleted === undefined ? {} : { is_completed: isCompleted }),
    ...(priorityValue === null ? {} : { priority: priorityValue }),
  }
  const category = textIn(query.category)
  const tags = textsIn(query.tags)
    .flatMap(text => text.split(','))
    .map(tag => tag.trim())
    .filter(tag => tag !== '')
  const words = wordsOf((textIn(query.search) ?? textIn(query.q) ?? '').slice(0, most.characters))
  return {
    ...(Object.keys(filters).length > 0 ? { filters } : {}),
    ...(word === undefined ? {} : { priorityWord: word }),
    ...(category === undefined || isAny(category) ? {} : { category }),
    ...(tags.length > 0 ? { tags: tags.slice(0, most.tags).map(tagKey) } : {}),
    ...(words.length > 0 ? { search: words.slice(0, most.words).join(' ') } : {}),
  }
}

const most = { characters: 200, words: 20, tags: 20 }

const booleans: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
  ['1', true],
  ['0', false],
])

const isAny = (text: string) => ['all', 'any'].includes(text.toLowerCase())

/** The orders by name, and whether they descend by default. */
const orders: ReadonlyMap<string, readonly [sort: SortOrder, descends: boolean]> = new Map([
  ['created_at', ['created_at', true]],
  ['created', ['created_at', true]],
  ['updated_at', ['updated_at', true]],
  ['title', ['title', false]],
  ['due_date', ['due', false]],
  ['due', ['due', false]],
  ['priority', ['priority', true]],
])

function sortIn(query: Readonly<Record<string, unknown>>): SortOrder {
  const asked = (textIn(query.sort) ?? textIn(query.sort_by) ?? '').toLowerCase()
  const isMinus = asked.startsWith('-')
  const [sort, descends] = orders.get(isMinus ? asked.slice(1) : asked) ?? ['created_at', true]
  const order = (textIn(query.order) ?? textIn(query.sort_order))?.toLowerCase()
  const isDescending = order === 'desc' || (order !== 'asc' && (isMinus || descends))
  // Every order exists in descending direction too.
  return isDescending ? (`-${sort}` as SortOrder) : sort
}

/** A whole number from 1, or nothing. */
function wholeIn(value: unknown): number | undefined {
  const text = textIn(value)
  const number = text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0
  return number > 0 ? number : undefined
}

/** A parameter that is sent once, without white space around it. */
function textIn(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.trim() : ''
  return text !== '' && isStorable(text) ? text : undefined
}

const textsIn = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).flatMap(entry => textIn(entry) ?? [])

const optional = (name: string, description: string, schema: Schema): Parameter => ({
  name,
  in: 'query',
  description,
  schema,
})

/** For the OpenAPI document. */
export const listRequestParameters = (flag: string): readonly Parameter[] => [
  optional('status', '`all`, or a word: see the field.', { type: 'string' }),
  optional(flag, 'Only completed tasks, or only open ones.', { type: 'string' }),
  optional('priority', 'A priority, by its meaning; `none` for tasks without one.', { type: 'string' }),
  optional('category', 'Only tasks of this category.', { type: 'string' }),
  optional('tags', 'Only tasks with all of these tags, separated by commas.', { type: 'string' }),
  optional('search', 'Only tasks that contain all of these words. Also `q`.', { type: 'string' }),
  optional(
    'sort',
    '`created_at`, `updated_at`, `title`, `due_date` or `priority`; descending after `-`. Also `sort_by`.',
    { type: 'string' },
  ),
  optional('order', '`asc` or `desc`. Also `sort_order`.', { type: 'string' }),
  optional('page', 'Number of the page, from 1.', { type: 'string' }),
  optional('page_size', 'Tasks in a page. Default: 50. Also `per_page` or `limit`.', { type: 'string' }),
]
