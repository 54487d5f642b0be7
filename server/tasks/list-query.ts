import type { TaskField } from './fields.ts'

export const sortOrders = [
  'created_at',
  '-created_at',
  'updated_at',
  '-updated_at',
  'title',
  '-title',
] as const
export type SortOrder = (typeof sortOrders)[number]

/**
 * Where a page ended: the sort key of its last task, as text, and its id. One from outside is first
 * seen by `isPosition`.
 */
export interface Position {
  readonly key: string
  readonly id: number
}

/** Of fields that lists can be filtered by. */
export type TaskFilters = Readonly<Partial<Record<TaskField, string | number | boolean | null>>>

export interface ListQuery {
  /**
   * Titles are ordered by the first 64 characters of the folded title; equal keys by id, in the
   * same direction.
   */
  readonly sort: SortOrder
  /** Only tasks whose fields have these values. */
  readonly filters?: TaskFilters
  /** The title or the description contains each word of it. */
  readonly search?: string
  readonly limit: number
  readonly after?: Position
}
