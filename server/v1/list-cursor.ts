import { hash } from 'node:crypto'
import type { AppError } from '../errors.ts'
import { isInstant } from '../fields/iso-time.ts'
import { brokenQuery } from '../http/parameters.ts'
import { notValue, quote } from '../quote.ts'
import type { Clock } from '../tasks/days.ts'
import { isPosition } from '../tasks/list.ts'
import type { OwnerState } from '../tasks/list-page.ts'
import type { ListQuery, Position, SortOrder } from '../tasks/list-query.ts'
import { isTimeZone } from '../tasks/when.ts'

// The cursors that lead from page to page, and the entity tag of a page.

/** A cursor: where a page begins. */
interface Cursor {
  /** Of the order and the filters: the cursor is valid only for these. */
  readonly fingerprint: string
  readonly position: Position
  /** Of the first page, so that all pages have the same days. */
  readonly clock: Clock | undefined
}

/** Equal for equal JSON. */
export const fingerprintOf = (value: unknown): string =>
  hash('sha256', JSON.stringify(value), 'base64url').slice(0, 16)

/** Opaque to clients. */
export function writeCursor({ fingerprint, position: { key, id }, clock }: Cursor): string {
  const parts = [fingerprint, key, id, ...(clock ? [clock.now, clock.zone] : [])]
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

/** @throws AppError `broken_rule` unless it is a cursor of such a query */
export function readCursor(
  cursor: string,
  query: { readonly sort: SortOrder; readonly fingerprint: string; readonly usesDays: boolean },
): Cursor {
  const mistaken = () => notCursor(cursor, 'a page of the same query')
  let read: unknown
  try {
    read = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    throw mistaken()
  }
  if (!Array.isArray(read)) throw mistaken()
  const [fingerprint, key, id, now, zone] = read as unknown[]
  const isOfOther = typeof fingerprint === 'string' && fingerprint !== query.fingerprint
  if (isOfOther && /^[\w-]{16}$/.test(fingerprint))
    throw brokenQuery(
      'cursor',
      `The "cursor" ${quote(cursor)} is of a page with another order or other filters. Repeat these, or leave "cursor" out to begin at the first page.`,
    )
  if (fingerprint !== query.fingerprint || !isPosition(query.sort, key, id)) throw mistaken()
  const clock = query.usesDays ? clockOf(now, zone) : undefined
  if (query.usesDays && !clock) throw mistaken()
  // Checked by `isPosition`.
  return { fingerprint: query.fingerprint, position: { key, id } as Position, clock }
}

/** @param page describes the response in which clients find cursors */
export const notCursor = (cursor: string, page: string): AppError =>
  brokenQuery('cursor', `"cursor" must be the \`next_cursor\` of ${page}${notValue(cursor)}.`)

function clockOf(now: unknown, zone: unknown): Clock | undefined {
  if (typeof now !== 'string' || typeof zone !== 'string') return undefined
  return isInstant(now) && isTimeZone(zone) ? { now, zone } : undefined
}

/** The address of the next page, for `Link` (RFC 8288): the same query with another cursor. */
export function nextPage(path: string, query: unknown, cursor: string): string {
  const { cursor: _previous, ...others } = query as Readonly<Record<string, string | readonly string[]>>
  const parameters = Object.entries(others).flatMap(([name, value]) =>
    [value].flat().map(entry => [name, entry] as [string, string]),
  )
  return `${path}?${new URLSearchParams([...parameters, ['cursor', cursor]])}`
}

/** What a response depends on, in addition to its owner. */
interface Asked {
  readonly query: Pick<ListQuery, 'limit' | 'after'>
  readonly fields: readonly string[] | undefined
  readonly fingerprint: string
  readonly clock: Clock | undefined
}

/**
 * The entity tag of one owner's response to one query at one revision. The epoch differs between a
 * removed owner and a later one with the same id.
 */
export function listTag(
  owner: string,
  { query: { limit, after }, fields, fingerprint, clock }: Asked,
  { revision, epoch }: OwnerState,
): string {
  const asked = fingerprintOf([owner, epoch, limit, fingerprint, fields, clock?.zone, after?.key, after?.id])
  return `"${revision}-${asked}"`
}
