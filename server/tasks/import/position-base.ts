import { generateKeyBetween } from 'fractional-indexing'
import { type Session, statement } from '../../db/database.ts'

// Appended positions are numbers above the owner's `position_base`. An import raises it above its
// own positions, so that later items come after the imported ones.

/** Far enough below 10^15 that all later positions have 15 digits too. */
const most = 9e14
const longest = 64

/** Whether an account of Duly can have this position. The largest positions are numbers. */
export function isPlace(text: string): boolean {
  if (text.length > longest || !/^([A-Za-n]|o\d{15})[0-9A-Za-z]*$/.test(text)) return false
  try {
    generateKeyBetween(text, null)
    return true
  } catch {
    return false
  }
}

/** The smallest number whose appended position is after this one. */
export function numberAfter(position: string): number {
  const digits = position.charCodeAt(0) - 96
  if (digits < 1) return 0
  const whole = position.slice(1, 1 + digits)
  // Not a decimal number but base 62: the next power of ten is greater.
  return Math.min(/^\d+$/.test(whole) ? Number(whole) + 1 : 10 ** digits, most)
}

/** $2 the number of the next appended position. */
const raise = statement(
  'duly_import_position_base',
  `update duly.owners set position_base = greatest(owners.position_base, $2::bigint - owners.revision)
  where owners.id = $1`,
)

export const raiseBase = (db: Session, owner: string, next: number) => db.query(raise, [owner, next])
