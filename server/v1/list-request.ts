import type { FastifyRequest } from 'fastify'
import { suggestion } from '../closest.ts'
import type { Field } from '../fields/field.ts'
import { isDate, isInstant } from '../fields/iso-time.ts'
import { isStorable } from '../fields/storable.ts'
import { brokenQuery, queryId, queryInteger, queryOneOf, queryText } from '../http/parameters.ts'
import { notValue } from '../quote.ts'
import { type Clock, daysBetween, daysFromToday, type Period, passedAt } from '../tasks/days.ts'
import { type TaskField, tasks } from '../tasks/fields.ts'
import { wordsOf } from '../tasks/fold.ts'
import { type ListFilters, type ListQuery, sortOrders, type TaskFilters } from '../tasks/list-query.ts'
import { tagKey } from '../tasks/tags.ts'
import { isTimeZone } from '../tasks/when.ts'
import { fingerprintOf, readCursor } from './list-cursor.ts'
import { readLimit } from './page-parameters.ts'

// Reads the query string of a list.

export const searchLimits = { characters: 200, words: 20 }
export const maxTags = 20
/** Values of `due` that depend on the time. */
const relative = ['overdue', 'today', 'next_7_days'] as const
export const dueValues = [...relative, 'none', 'any'] as const

export interface ListRequest {
  readonly query: ListQuery
  /** The fields to return; all if undefined. */
  readonly fields: readonly TaskField[] | undefined
  /** Equal for requests with the same order and filters. */
  readonly fingerprint: string
  /** Set if the query depends on what day it is in a time zone. */
  readonly clock: Clock | undefined
  /** Whether the answer depends on the time of the request. */
  readonly isRelative: boolean
}

interface Surroundings {
  /** The time of the request, in UTC. */
  readonly now: string
  /** Reads the time zone of the user's settings. */
  readonly zone: () => Promise<string>
}

/** @throws AppError `broken_rule` for the first parameter that is not valid */
export async function readListRequest(
  request: FastifyRequest,
  { now, zone }: Surroundings,
): Promise<ListRequest> {
  const asked = readAsked(request)
  const cursor = queryText(request, 'cursor')
  const limit = readLimit(request)
  const fields = readFields(request)
  const fingerprint = fingerprintOf(asked)
  const { sort, days, due, ...filters } = asked
  const isRelative = relative.some(value => value === due)
  const usesDays = isRelative || days.due.some(isGiven) || days.start.some(isGiven)
  const after = cursor === undefined ? undefined : readCursor(cursor, { sort, fingerprint, usesDays })
  const clock = usesDays ? (after?.clock ?? { now, zone: asked.zone ?? (await zone()) }) : undefined
  const query: ListQuery = {
    sort,
    limit,
    ...withoutZone(filters),
    ...(clock ? filtersOfDays(asked, clock) : {}),
    ...(due === 'none' || due === 'any' ? { hasDue: due === 'any' } : {}),
    ...(after ? { after: after.position } : {}),
  }
  return { query, fields, fingerprint, clock, isRelative }
}

type Days = readonly [first: string | undefined, last: string | undefined]

/** The order and the filters, before days are resolved in a time zone. */
interface Asked extends ListFilters {
  readonly sort: ListQuery['sort']
  readonly due: (typeof dueValues)[number] | undefined
  readonly days: { readonly due: Days; readonly start: Days }
  readonly zone: string | undefined
}

function readAsked(request: FastifyRequest): Asked {
  const sort = queryOneOf(request, 'sort', sortOrders) ?? '-created_at'
  const search = queryText(request, 'q')
  if (search !== undefined) checkSearch(search)
  const list = queryId(request, 'list_id', 'inbox')
  const parent = queryId(request, 'parent_id', 'none')
  const isOfSiblings = parent !== undefined && (parent !== null || list !== undefined)
  if (sort.endsWith('position') && !isOfSiblings)
    throw brokenQuery('sort', `sort=${sort} needs "parent_id", and "list_id" if "parent_id" is none.`)
  const tags = readTags(request)
  const daysOf = (name: string): Days => [date(request, `${name}_from`), date(request, `${name}_to`)]
  const deadline = daysOf('deadline')
  const completed = [instant(request, 'completed_from'), instant(request, 'completed_to')] as const
  return {
    sort,
    filters: readFilters(request),
    ...(search === undefined ? {} : { search }),
    ...(tags.length > 0 ? { tags } : {}),
    ...(list === undefined ? { hidesArchived: true } : { list }),
    ...(parent === undefined ? {} : { parent }),
    ...(deadline.some(isGiven) ? { deadlineIn: [deadline[0] ?? '', deadline[1] ?? '~'] as const } : {}),
    ...(completed.some(isGiven)
      ? { completedIn: [completed[0] ?? '-infinity', completed[1] ?? 'infinity'] as const }
      : {}),
    due: queryOneOf(request, 'due', dueValues),
    days: { due: daysOf('due'), start: daysOf('start') },
    zone: readZone(request),
  }
}

const isGiven = (value: string | undefined): value is string => value !== undefined

function withoutZone({ zone: _zone, ...filters }: Omit<Asked, 'sort' | 'days' | 'due'>): ListFilters {
  return filters
}

function filtersOfDays({ due, days }: Asked, clock: Clock): ListFilters {
  const period = ([first, last]: Days) => daysBetween(first, last, clock.zone)
  const dueIn: Period[] = [
    ...(due === 'today' ? [daysFromToday(clock, 1)] : []),
    ...(due === 'next_7_days' ? [daysFromToday(clock, 7)] : []),
    ...(days.due.some(isGiven) ? [period(days.due)] : []),
  ]
  return {
    ...(due === 'overdue' ? { overdue: passedAt(clock) } : {}),
    ...(dueIn.length > 0 ? { dueIn } : {}),
    ...(days.start.some(isGiven) ? { startIn: [period(days.start)] } : {}),
  }
}

function readFilters(request: FastifyRequest): TaskFilters {
  const filters = tasks.filters.map((name): [TaskField, TaskFilters[TaskField] | undefined] => {
    const field: Field = tasks.fields[name]
    const { kind } = field
    if (kind === 'text' && field.values) return [name, someOf(request, name, valuesOf(field))]
    if (kind === 'boolean') {
      const flag = queryOneOf(request, name, ['true', 'false'])
      return [name, flag === undefined ? undefined : flag === 'true']
    }
    const most = Number.MAX_SAFE_INTEGER
    if (kind === 'integer')
      return [name, queryInteger(request, name, { min: -most, max: most, fallback: undefined })]
    return [name, queryText(request, name)]
  })
  return Object.fromEntries(filters.filter(([, value]) => value !== undefined))
}

/** The values of a filter: those of the field, and `none`. */
export function valuesOf(field: Field): readonly string[] {
  const values = field.kind === 'text' ? (field.values ?? []) : []
  return field.nullable ? [...values, 'none'] : values
}

function someOf(
  request: FastifyRequest,
  name: string,
  values: readonly string[],
): (string | null)[] | undefined {
  const chosen = queryText(request, name)?.split(',')
  const unknown = chosen?.find(value => !values.includes(value))
  if (unknown !== undefined)
    throw brokenQuery(
      name,
      `"${name}" must be one or more of ${values.join(', ')}, separated by commas${notValue(unknown)}.${suggestion(unknown, values)}`,
    )
  // In the order of `values`, so that order and repetitions in the request make no difference.
  return (
    chosen && values.filter(value => chosen.includes(value)).map(value => (value === 'none' ? null : value))
  )
}

function readFields(request: FastifyRequest): readonly TaskField[] | undefined {
  const chosen = queryText(request, 'fields')?.split(',')
  const unknown = chosen?.find(name => !tasks.shown.some(field => field === name))
  if (unknown !== undefined)
    throw brokenQuery(
      'fields',
      `"fields" must be one or more of ${tasks.shown.join(', ')}, separated by commas${notValue(unknown)}.${suggestion(unknown, tasks.shown)}`,
    )
  return chosen && tasks.shown.filter(field => chosen.includes(field))
}

function readTags(request: FastifyRequest): readonly string[] {
  const { tag } = request.query as Record<string, unknown>
  const tags = [tag]
    .flat()
    .flatMap(value => (typeof value === 'string' && value.trim() !== '' ? [value.trim()] : []))
  if (tags.length > maxTags)
    throw brokenQuery('tag', `"tag" may be given at most ${maxTags} times, not ${tags.length}.`)
  if (!tags.every(isStorable)) throw brokenQuery('tag', '"tag" must not contain a NUL character.')
  return [...new Set(tags.map(tagKey))].sort()
}

/** The time zone that a request names. @throws AppError `broken_rule` */
export function readZone(request: FastifyRequest): string | undefined {
  const zone = queryText(request, 'time_zone')
  if (zone !== undefined && !isTimeZone(zone))
    throw brokenQuery('time_zone', `"time_zone" must be an IANA name such as Europe/Berlin${notValue(zone)}.`)
  return zone
}

function date(request: FastifyRequest, name: string): string | undefined {
  const value = queryText(request, name)
  if (value !== undefined && !isDate(value))
    throw brokenQuery(
      name,
      `"${name}" must be a date such as 2026-12-01, from the year 1000 to 9999${notValue(value)}.`,
    )
  return value
}

function instant(request: FastifyRequest, name: string): string | undefined {
  const value = queryText(request, name)
  if (value !== undefined && !isInstant(value))
    throw brokenQuery(
      name,
      `"${name}" must be a time such as 2026-12-01T08:30:00Z${notValue(value)}. Write the + of an offset as %2B.`,
    )
  return value
}

function checkSearch(search: string): void {
  const { characters, words } = searchLimits
  const length = Array.from(search).length
  if (length > characters)
    throw brokenQuery('q', `"q" must have at most ${characters} characters, not ${length}.`)
  if (search.includes('\0')) throw brokenQuery('q', '"q" must not contain a NUL character.')
  const count = wordsOf(search).length
  if (count > words) throw brokenQuery('q', `"q" must have at most ${words} words, not ${count}.`)
}
