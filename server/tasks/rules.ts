import { isDeepStrictEqual } from 'node:util'
import { brokenRules } from '../errors.ts'
import type { Field } from '../fields/field.ts'
import { problemOf } from '../fields/input.ts'
import type { Task, TaskChange } from './fields.ts'
import { tasks } from './fields.ts'
import { patchMetadata } from './metadata.ts'
import { type Spellings, spellingsOf } from './spellings.ts'
import { isAfter } from './when.ts'

// Rules for the fields of a task, and the effects of a change on other fields.

/** @throws AppError `broken_rule` if the task would start after it is due */
export function checkOrder({ start, due }: Pick<TaskChange, 'start' | 'due'>): void {
  if (start && due && isAfter(start, due))
    throw brokenRules([{ field: 'start', message: 'Start must not be after the due date.' }])
}

/**
 * The change with the resulting metadata instead of its patch.
 * @throws AppError `broken_rule` if the metadata becomes too long, or the task would start after it
 * is due
 */
export function wholeChange(task: Task, change: TaskChange): TaskChange {
  if (change.start || change.due) checkOrder({ start: task.start, due: task.due, ...change })
  if (!change.metadata) return change
  try {
    return { ...change, metadata: patchMetadata(task.metadata, change.metadata) }
  } catch (error) {
    throw brokenRules([problemOf(error, 'metadata', 'Metadata')])
  }
}

/** The fields that a change sets, and those that follow them. @param at the time of the change */
export function changedFields(task: Task, change: TaskChange, at: string): Partial<Task> {
  const { is_completed: isDone } = change
  const values: Record<string, unknown> = {}
  for (const name of Object.keys(change) as (keyof TaskChange)[]) {
    const field: Field = tasks.fields[name]
    const value = change[name]
    values[name] = value === null && field.kind === 'json' ? field.empty : value
  }
  if (isDone !== undefined) values.completed_at = isDone ? (task.completed_at ?? at) : null
  const spellings = spellingsOf(change)
  const status =
    isDone === undefined || isDone === task.is_completed
      ? undefined
      : { status: restatedStatus(task, isDone) }
  if (spellings || status) values.spellings = withoutNull({ ...task.spellings, ...spellings, ...status })
  return values
}

/** The same as `restated` in spellings.ts, which is SQL. */
function restatedStatus({ spellings: { status } }: Task, isDone: boolean): string | null {
  if (status == null) return null
  const isCapitals = status === status.toUpperCase() && status !== status.toLowerCase()
  return isCapitals ? (isDone ? 'DONE' : 'TO_DO') : null
}

const withoutNull = (spellings: Spellings): Spellings =>
  Object.fromEntries(Object.entries(spellings).filter(([, value]) => value !== null))

/** Whether two values of a field are the same. */
export const isSame = (a: unknown, b: unknown): boolean => Object.is(a, b) || isDeepStrictEqual(a, b)
