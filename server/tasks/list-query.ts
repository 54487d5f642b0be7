import type { Passed, Period } from './days.ts'
import type { TaskField } from './fields.ts'

export const sortOrders = [
  'created_at',
  '-created_at',
  'updated_at',
  '-updated_at',
  'title',
  '-title',
  'due',
  '-due',
  'priority',
  '-priority',
  'deadline',
  '-deadline',
  'completed_at',
  '-completed_at',
  'position',
  '-position',
] as const
export type SortOrder = (typeof sortOrders)[number]

/**
 * Where a page ends: the sort key of its last task, as text, and its id. `isPosition` checks those
 * of clients.
 */
export interface Position {
  readonly key: string
  readonly id: number
}

/**
 * Filters by field: a value, or several texts, of which null matches tasks without a value.
 */
export type TaskFilters = Readonly<
  Partial<Record<TaskField, string | number | boolean | null | readonly (string | null)[]>>
>

/** The filters of a list. */
export interface ListFilters {
  /** Only tasks whose fields have these values. */
  readonly filters?: TaskFilters
  /** Words that must all be in the title or the description. */
  readonly search?: string
  /** Keys of tags that a task must all have. */
  readonly tags?: readonly string[]
  /** `category` of the metadata. */
  readonly category?: string
  /** The spelling of an unknown priority; null for tasks without priority and spelling. */
  readonly priorityWord?: string | null
  /** Only tasks of this list; null for the inbox. */
  readonly list?: number | null
  /** Excludes tasks of archived lists. */
  readonly hidesArchived?: true
  /** Only children of this task; null for the top level. */
  readonly parent?: number | null
  /** Only tasks with a due date, or only those without. */
  readonly hasDue?: boolean
  /** Only open tasks whose due date has passed. */
  readonly overdue?: Passed
  /** Only tasks that are due in all of these periods. */
  readonly dueIn?: readonly Period[]
  readonly startIn?: readonly Period[]
  /** Dates, both inclusive. */
  readonly deadlineIn?: readonly [first: string, last: string]
  /** Instants; `end` is exclusive. */
  readonly completedIn?: readonly [first: string, end: string]
}

export interface ListQuery extends ListFilters {
  /**
   * Titles are ordered by the first 64 characters of the folded title; equal keys by id, in the
   * same direction. Tasks without a due date or a priority come last in both directions. Positions
   * order siblings.
   */
  readonly sort: SortOrder
  readonly limit: number
  readonly after?: Position
}
