import { generateKeyBetween, generateNKeysBetween } from 'fractional-indexing'

// Positions are keys of `fractional-indexing`: compared as ASCII, there is always one between two
// others. Equal positions are allowed; siblings are then ordered by id.

/** Compares siblings in their order. */
export const byPosition = (a: Placed, b: Placed): number =>
  a.position < b.position ? -1 : a.position > b.position ? 1 : a.id - b.id

interface Placed {
  readonly position: string
  readonly id: number
}

/** Siblings get new positions instead of longer ones. */
const longest = 24

/**
 * A position after all positions of the owner: the key of an integer, whose first character encodes
 * the number of digits. `appended` in create-statement.ts is the same in SQL.
 * @param number follows from the owner's revision, so no sibling has to be read
 * @param nth index among the positions that one change appends
 */
export function appendedPosition(number: number, nth = 0): string {
  const digits = String(number)
  const key = `${String.fromCharCode(96 + digits.length)}${digits}`
  return nth === 0 ? key : `${key}${String(nth).padStart(6, '0')}V`
}

/**
 * A position between two siblings; null is the start or the end.
 * @returns undefined if there is no short one
 */
export function positionBetween(low: string | null, high: string | null): string | undefined {
  if (low !== null && high !== null && low >= high) return undefined
  const key = generateKeyBetween(low, high)
  return key.length > longest ? undefined : key
}

/** Like `positionBetween`, for several positions in order. */
export function positionsBetween(
  low: string | null,
  high: string | null,
  count: number,
): readonly string[] | undefined {
  if (low !== null && high !== null && low >= high) return undefined
  const keys = generateNKeysBetween(low, high, count)
  return keys.some(key => key.length > longest - 4) ? undefined : keys
}
