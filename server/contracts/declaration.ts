import type { ErrorCode } from '../errors.ts'
import type { Collection } from '../http/register.ts'

/** A contract of existing front ends, declared by its names, limits, statuses and shapes. */
export interface Legacy {
  readonly name: string
  readonly about: string
  /** Of the names of its schemas. */
  readonly prefix: string
  /** Its own paths; by default `/api/{user_id}/tasks` and `/api/tasks`. */
  readonly collections?: readonly Collection[]
  /** The fields of a task in their order, by their names on the wire. The extra fields follow. */
  readonly shows: readonly string[]
  /** The name of the done flag. */
  readonly completed: string
  /** The description of a task without one. */
  readonly absent: string | null
  /** Unicode code points. */
  readonly limits: { readonly title: number; readonly description: number }
  readonly list: ListKind
  /**
   * Whether PUT replaces the whole task, and PATCH refuses a body without a field. Otherwise both
   * change what is sent.
   */
  readonly replaces?: boolean
  /** Whether tasks have routes such as `/complete`, which set or flip the flag. */
  readonly toggles?: boolean
  /** Whether a deletion is answered with `{"success":true}` instead of 204. */
  readonly confirmsDeletion?: boolean
  /** Statuses that differ from the usual ones. */
  readonly statuses?: Readonly<Partial<Record<ErrorCode, number>>>
  readonly errors: LegacyErrors
}

/**
 * `bare`: an array. `window`: the same, with `skip` and `limit`. `count`: with the number of tasks.
 * `page`: `limit`, `offset` and totals.
 */
export type ListKind = 'bare' | 'window' | 'count' | 'page'

export type ErrorCodes = Readonly<Partial<Record<ErrorCode, string>>>

/**
 * A contract's own codes, with `otherwise` for those that are not named: its errors then have a
 * code and a time.
 */
export type LegacyErrors = 'plain' | { readonly codes: ErrorCodes; readonly otherwise: string }
