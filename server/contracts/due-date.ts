import { InvalidValue } from '../fields/field.ts'
import { isDate } from '../fields/iso-time.ts'
import { notValue } from '../quote.ts'
import { inUtc, shortTime, type When } from '../tasks/when.ts'

// `due_date` of the contracts of existing front ends: `2026-12-01`, `2026-12-01T09:30`, or an
// instant with an offset or `Z`.

const form =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?$/i

/**
 * Whether a value is an instant. It can equal a stored one that was written in another time zone.
 */
export const isInstant = (value: unknown): boolean =>
  typeof value === 'string' && form.exec(value.trim())?.[4] !== undefined

/**
 * @returns the value, and its spelling if `dueDate` would show it differently
 * @throws InvalidValue
 */
export function readDueDate(value: unknown): { readonly due: When | null; readonly spelling: string | null } {
  if (value === null || value === '') return { due: null, spelling: null }
  const sent = typeof value === 'string' ? value.trim() : ''
  const [, date = '', clock, fraction = '', offset] = form.exec(sent) ?? []
  if (!isDate(date)) throw wrong(value)
  if (clock === undefined) return { due: { date }, spelling: null }
  const milliseconds = fraction.slice(0, 3).padEnd(3, '0')
  const seconds = clock.length === 5 ? `${clock}:00` : clock
  const time = shortTime(`${seconds}.${milliseconds}`)
  if (time === undefined) throw wrong(value)
  const due =
    offset === undefined ? { date, time } : inUtc(`${date}T${seconds}.${milliseconds}${colon(offset)}`)
  const isShownAsSent = (offset === undefined || /z/i.test(offset)) && sent !== dueDate(due)
  return { due, spelling: isShownAsSent ? sent : null }
}

/** The form of a due date without a spelling. */
export function dueDate(due: When | null): string | null {
  if (!due) return null
  if (due.at !== undefined) return due.at
  return due.time === undefined ? due.date : `${due.date}T${due.time}`
}

const colon = (offset: string) =>
  offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset.toUpperCase()

const wrong = (value: unknown) =>
  new InvalidValue(`must be a date such as 2026-12-01 or 2026-12-01T09:30:00Z${notValue(value)}`)
