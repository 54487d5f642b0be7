import type { FastifyRequest } from 'fastify'
import { AppError, brokenRules, type FieldProblem } from '../errors.ts'
import type { JsonObject } from '../http/json-body.ts'
import {
  checkDescription,
  checkTitle,
  type NewTask,
  type TaskChange,
  type TextLimits,
} from '../tasks/task.ts'

// What the contracts read alike: the same fields under the same rules, with limits and names of their own.

/**
 * A path's task id: 1 to 2^53-1, in plain digits.
 * @throws AppError `task_not_found` for a UUID: front ends that made one for a task look it up here
 */
export function taskId(request: FastifyRequest): number {
  const { id = '' } = request.params as { id?: string }
  const number = /^[1-9]\d{0,15}$/.test(id) ? Number(id) : 0
  if (Number.isSafeInteger(number) && number > 0) return number
  if (/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id)) {
    throw new AppError('task_not_found', 'There is no such task.')
  }
  throw brokenRules([{ field: 'id', in: 'path', message: 'The task id must be a whole number from 1.' }])
}

/** A whole number of the query string; out of range is refused, never clamped. */
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
    { field: name, in: 'query', message: `${name} must be a whole number from ${min} to ${max}.` },
  ])
}

/**
 * A new task. What its contract does not ask for at creation is ignored, whatever it is.
 * @param completed what the contract calls `isCompleted`, where it lets a new task be completed already
 */
export function readNewTask(
  body: JsonObject,
  owner: string,
  limits: TextLimits,
  completed?: string,
): NewTask {
  const problems = ownerProblems(body, owner)
  const title = collect(problems, checkTitle(body.title, limits), '')
  const description = collect(problems, checkDescription(body.description, limits), null)
  const isCompleted = completed !== undefined && (readFlag(body, completed, problems) ?? false)
  if (problems.length > 0) throw brokenRules(problems)
  return { title, description, isCompleted }
}

/** The fields that were sent, and none else. @param completed what the contract calls `isCompleted` */
export function readChange(
  body: JsonObject,
  owner: string,
  limits: TextLimits,
  completed: string,
): TaskChange {
  const problems = ownerProblems(body, owner)
  const change: { -readonly [Field in keyof TaskChange]: TaskChange[Field] } = {}
  if (body.title !== undefined) change.title = collect(problems, checkTitle(body.title, limits), '')
  if (body.description !== undefined) {
    change.description = collect(problems, checkDescription(body.description, limits), null)
  }
  const isCompleted = readFlag(body, completed, problems)
  if (isCompleted !== undefined) change.isCompleted = isCompleted
  if (problems.length > 0) throw brokenRules(problems)
  return change
}

/** The owner as it stands on the wire: a number where the id is a canonical decimal number, else a text. */
export function ownerJson(owner: string): string {
  const number = /^(0|[1-9]\d{0,15})$/.test(owner) && Number.isSafeInteger(Number(owner))
  return number ? owner : JSON.stringify(owner)
}

function readFlag(body: JsonObject, name: string, problems: FieldProblem[]): boolean | undefined {
  const value = body[name]
  if (value === undefined || typeof value === 'boolean') return value
  problems.push({ field: name, message: `${name} must be true or false.` })
  return undefined
}

/** A body may say whose it is, but nothing else than the truth. */
export function ownerProblems(body: JsonObject, owner: string): FieldProblem[] {
  return ['user_id', 'owner_id']
    .filter(field => body[field] !== undefined && body[field] !== null && !isOwner(body[field], owner))
    .map(field => ({ field, message: `${field} must be your own or left out.` }))
}

function isOwner(value: unknown, owner: string): boolean {
  return typeof value === 'number' ? String(value) === owner : value === owner
}

function collect<T extends string | null>(
  problems: FieldProblem[],
  checked: T | FieldProblem,
  instead: T,
): T {
  if (typeof checked !== 'object' || checked === null) return checked
  problems.push(checked)
  return instead
}
