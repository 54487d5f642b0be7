import type { FieldProblem } from '../errors.ts'
import { isBlank } from './fold.ts'

/** One task of one owner. Times are ISO 8601 in UTC with microseconds: `2026-01-31T09:30:00.000000Z`. */
export interface Task {
  readonly id: number
  readonly title: string
  readonly description: string | null
  readonly isCompleted: boolean
  readonly completedAt: string | null
  readonly createdAt: string
  readonly updatedAt: string
  /** The owner's revision at this task's last change. */
  readonly revision: number
}

export interface NewTask {
  readonly title: string
  readonly description: string | null
  readonly isCompleted: boolean
}

/** What is absent stays as it is; a `description` of `null` clears it. */
export interface TaskChange {
  readonly title?: string
  readonly description?: string | null
  readonly isCompleted?: boolean
}

/** Unicode code points at most. */
export interface TextLimits {
  readonly title: number
  readonly description: number
}

/** The trimmed title, or what is wrong with it. */
export function checkTitle(value: unknown, limits: TextLimits): string | FieldProblem {
  if (value === undefined) return { field: 'title', message: 'A title is required.' }
  if (typeof value !== 'string') return { field: 'title', message: 'The title must be a text.' }
  const title = value.trim()
  if (title === '') return { field: 'title', message: 'The title must not be empty.' }
  const problem = checkText('title', title, limits.title)
  if (problem) return problem
  return isBlank(title) ? { field: 'title', message: 'The title must contain a visible character.' } : title
}

/** The description, `null` where there is none, or what is wrong with it. */
export function checkDescription(value: unknown, limits: TextLimits): string | null | FieldProblem {
  if (value === undefined || value === null) return null
  if (typeof value !== 'string') return { field: 'description', message: 'The description must be a text.' }
  return checkText('description', value, limits.description) ?? value
}

// PostgreSQL stores neither a NUL nor half a surrogate pair; anything else comes back as it was sent.
function checkText(field: string, text: string, limit: number): FieldProblem | undefined {
  if (text.includes('\0')) return { field, message: `The ${field} must not contain a NUL character.` }
  if (!text.isWellFormed()) return { field, message: `The ${field} contains half of a surrogate pair.` }
  if (text.length > limit && Array.from(text).length > limit) {
    return { field, message: `The ${field} must have at most ${limit} characters.` }
  }
  return undefined
}
