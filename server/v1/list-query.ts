import { hash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { brokenRules } from '../errors.ts'
import type { Field } from '../fields/field.ts'
import { schemaOf } from '../fields/schema.ts'
import { queryInteger } from '../http/parameters.ts'
import type { Parameter } from '../openapi/operation.ts'
import { type TaskField, tasks } from '../tasks/fields.ts'
import { wordsOf } from '../tasks/fold.ts'
import { isPosition, type OwnerState } from '../tasks/list.ts'
import { type ListQuery, type Position, sortOrders, type TaskFilters } from '../tasks/list-query.ts'

// What a list can be asked for, the cursors that lead from page to page, and the entity tag of a
// page.

const limits = { min: 1, max: 1000, fallback: 100 }
const searchLimits = { characters: 200, words: 20 }

/** @throws AppError `broken_rule` for the first parameter that is not what it may be. */
export function readListQuery(request: FastifyRequest): ListQuery {
  const limit = queryInteger(request, 'limit', limits)
  const sort = oneOf(request, 'sort', sortOrders) ?? '-created_at'
  const search = text(request, 'q')
  if (search !== undefined) checkSearch(search)
  const cursor = text(request, 'cursor')
  const query: ListQuery = {
    limit,
    sort,
    filters: readFilters(request),
    ...(search === undefined ? {} : { search }),
  }
  return cursor === undefined ? query : { ...query, after: readCursor(cursor, query) }
}

function readFilters(request: FastifyRequest): TaskFilters {
  const filters = tasks.filters.map((name): [TaskField, string | number | boolean | undefined] => {
    const field: Field = tasks.fields[name]
    const { kind } = field
    if (kind === 'text' && field.values) return [name, oneOf(request, name, field.values)]
    if (kind === 'boolean') {
      const flag = oneOf(request, name, ['true', 'false'])
      return [name, flag === undefined ? undefined : flag === 'true']
    }
    const most = Number.MAX_SAFE_INTEGER
    if (kind === 'integer')
      return [name, queryInteger(request, name, { min: -most, max: most, fallback: undefined })]
    return [name, text(request, name)]
  })
  return Object.fromEntries(filters.filter(([, value]) => value !== undefined))
}

function checkSearch(search: string): void {
  const { characters, words } = searchLimits
  if (search.length > characters && Array.from(search).length > characters)
    throw broken('q', `q must have at most ${characters} characters.`)
  if (search.includes('\0')) throw broken('q', 'q must not contain a NUL character.')
  if (wordsOf(search).length > words) throw broken('q', `q must have at most ${words} words.`)
}

/** Opaque to clients. Valid for the query that it came from: order, filter and search. */
export function writeCursor(query: ListQuery, { key, id }: Position): string {
  return Buffer.from(JSON.stringify([filterOf(query), key, id])).toString('base64url')
}

/** The address of the next page, for `Link` (RFC 8288). */
export function nextPage(path: string, query: ListQuery, cursor: string): string {
  const { limit, sort, filters = {}, search } = query
  const parameters = new URLSearchParams({ limit: String(limit), sort })
  for (const [name, value] of Object.entries(filters)) parameters.set(name, String(value))
  if (search !== undefined) parameters.set('q', search)
  parameters.set('cursor', cursor)
  return `${path}?${parameters}`
}

/**
 * Of one owner's answer to one query at one revision. The epoch keeps a removed owner's tags from
 * those of a later one.
 */
export function listTag(owner: string, query: ListQuery, { revision, epoch }: OwnerState): string {
  const { limit, after } = query
  const asked = hash(
    'sha256',
    JSON.stringify([owner, epoch, limit, filterOf(query), after?.key, after?.id]),
    'base64url',
  )
  return `"${revision}-${asked.slice(0, 16)}"`
}

const filterOf = ({ sort, filters = {}, search }: ListQuery) => [sort, filters, search ?? null]

function readCursor(cursor: string, query: ListQuery): Position {
  const mistaken = () => broken('cursor', 'cursor must be the next_cursor of a page of the same query.')
  let read: unknown
  try {
    read = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    throw mistaken()
  }
  if (!Array.isArray(read)) throw mistaken()
  const [filter, key, id] = read as unknown[]
  const same = JSON.stringify(filter) === JSON.stringify(filterOf(query))
  if (!same || !isPosition(query.sort, key, id)) throw mistaken()
  // What `isPosition` has seen.
  return { key, id } as Position
}

/** An empty parameter counts as none: that is what an empty search box sends. */
function text(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Record<string, unknown>)[name]
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string') return value
  throw broken(name, `${name} may be given once.`)
}

function oneOf<const T extends string>(
  request: FastifyRequest,
  name: string,
  values: readonly T[],
): T | undefined {
  const value = text(request, name)
  const known = values.find(candidate => candidate === value)
  if (known === undefined && value !== undefined)
    throw broken(name, `${name} must be one of ${values.join(', ')}.`)
  return known
}

function broken(field: string, message: string) {
  return brokenRules([{ field, in: 'query', message }])
}

export const listParameters: readonly Parameter[] = [
  {
    name: 'limit',
    in: 'query',
    description: 'Tasks at most.',
    schema: { type: 'integer', minimum: limits.min, maximum: limits.max, default: limits.fallback },
    example: 20,
  },
  {
    name: 'sort',
    in: 'query',
    description: 'The order; with `-` descending. Titles are compared without regard to case and accents.',
    schema: { enum: sortOrders, default: '-created_at' },
  },
  ...tasks.filters.map((name): Parameter => {
    const { nullable: _, ...field } = tasks.fields[name] as Field
    return {
      name,
      in: 'query',
      description: `Only tasks whose \`${name}\` has this value.`,
      schema: schemaOf(field as Field),
    }
  }),
  {
    name: 'q',
    in: 'query',
    description:
      'Only tasks whose title or description contains each of these words, in any order. A word matches anywhere, also within another word. Case, accents, widths, kinds of quotes and dashes, and invisible characters make no difference: `cafe` finds `Café`. At most 20 words.',
    schema: { type: 'string', maxLength: searchLimits.characters },
  },
  {
    name: 'cursor',
    in: 'query',
    description: '`next_cursor` of the page before; the other parameters stay the same.',
    schema: { type: 'string' },
  },
]
