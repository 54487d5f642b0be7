import type { FastifyRequest } from 'fastify'
import { suggestion } from '../closest.ts'
import { AppError, brokenRules } from '../errors.ts'
import { notValue } from '../quote.ts'

/**
 * A task id in a path: 1 to 2^53-1, in plain digits.
 * @throws AppError `task_not_found` for a UUID: front ends that made one for a task look it up here
 */
export function taskId(request: FastifyRequest): number {
  const { id = '' } = request.params as { id?: string }
  const number = /^[1-9]\d{0,15}$/.test(id) ? Number(id) : 0
  if (Number.isSafeInteger(number) && number > 0) return number
  if (/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id)) {
    throw new AppError('task_not_found', 'There is no such task.')
  }
  throw brokenRules([
    { field: 'id', in: 'path', message: `The task id must be a whole number from 1${notValue(id)}.` },
  ])
}

/** The id of another item than a task in a path: 1 to 2^53-1, in plain digits. */
export function pathId(request: FastifyRequest, name: string): number {
  const text = (request.params as Record<string, string | undefined>)[name] ?? ''
  if (/^[1-9]\d{0,15}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw brokenRules([
    { field: name, in: 'path', message: `"${name}" must be a whole number from 1${notValue(text)}.` },
  ])
}

/** A whole number of the query string. Out of range is refused, never clamped. */
export function queryInteger<T>(
  request: FastifyRequest,
  name: string,
  { min, max, fallback }: { min: number; max: number; fallback: T },
): number | T {
  const value = (request.query as Record<string, unknown>)[name]
  if (value === undefined) return fallback
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
  if (number >= min && number <= max) return number
  throw brokenRules([
    {
      field: name,
      in: 'query',
      message: `"${name}" must be a whole number from ${min} to ${max}${notValue(value)}.`,
    },
  ])
}

/**
 * A text of the query string. In a read, an empty one counts as none: an empty search box sends it.
 * A write does not ignore it: `?dry_run=` must not write.
 */
export function queryText(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Readonly<Record<string, unknown>>)[name]
  const isNone = typeof value !== 'string' || (value === '' && isRead(request))
  return isNone ? undefined : value
}

const isRead = ({ method }: FastifyRequest): boolean => method === 'GET' || method === 'HEAD'

/** @throws AppError `broken_rule` for a value that is none of these */
export function queryOneOf<const T extends string>(
  request: FastifyRequest,
  name: string,
  values: readonly T[],
): T | undefined {
  const value = queryText(request, name)
  const known = values.find(candidate => candidate === value)
  if (known === undefined && value !== undefined)
    throw brokenQuery(
      name,
      `"${name}" must be one of ${values.join(', ')}${notValue(value)}.${suggestion(value, values)}`,
    )
  return known
}

/** A flag of the query string. Absent, it is false. @throws AppError `broken_rule` */
export const queryFlag = (request: FastifyRequest, name: string): boolean =>
  queryOneOf(request, name, ['true', 'false']) === 'true'

/** An id, or null for the word that stands for none. @throws AppError `broken_rule` */
export function queryId(request: FastifyRequest, name: string, none: string): number | null | undefined {
  const value = queryText(request, name)
  if (value === undefined) return undefined
  if (value === none) return null
  const id = /^[1-9]\d{0,15}$/.test(value) ? Number(value) : 0
  if (id > 0 && Number.isSafeInteger(id)) return id
  throw brokenQuery(name, `"${name}" must be an id or ${none}${notValue(value)}.`)
}

export const brokenQuery = (field: string, message: string): AppError =>
  brokenRules([{ field, in: 'query', message }])
