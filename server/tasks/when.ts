import { Temporal } from 'temporal-polyfill'
import { InvalidValue } from '../fields/field.ts'
import { isDate } from '../fields/iso-time.ts'
import { notValue, quote } from '../quote.ts'

// Start and due dates. "On Monday", "at 9 wherever I am" and "at 9 in Berlin" are different, so a
// value is a date, a date with a local time, or both with a time zone. Wall time and zone are
// authoritative; the instant is derived.

export interface When {
  /** `2026-12-01`, from the year 1000 to 9999. */
  readonly date: string
  /** `09:30`, `09:30:15` or `09:30:15.250`: as short as possible. */
  readonly time?: string
  /** IANA name. Only with a time. */
  readonly time_zone?: string
  /** The instant in UTC. Only with a time zone. */
  readonly at?: string
}

/** @throws InvalidValue */
export function readWhen(value: unknown): When {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidValue(`must be an object such as {"date":"2026-12-01"}, or null${notValue(value)}`)
  const { date, time, time_zone: zone, at: _derived, ...others } = value as Record<string, unknown>
  const [other] = Object.keys(others)
  if (other !== undefined)
    throw new InvalidValue(`must not contain ${quote(other)}: it may have "date", "time" and "time_zone"`)
  if (typeof date !== 'string' || !isDate(date))
    throw new InvalidValue(
      `must have a "date" such as 2026-12-01, from the year 1000 to 9999${notValue(date)}`,
    )
  if (time === undefined || time === null) {
    if (zone !== undefined && zone !== null)
      throw new InvalidValue('must have a "time" beside its "time_zone"')
    return { date }
  }
  const clock = typeof time === 'string' ? shortTime(time) : undefined
  if (clock === undefined)
    throw new InvalidValue(`must have a "time" such as 09:30, 09:30:15 or 09:30:15.250${notValue(time)}`)
  if (zone === undefined || zone === null) return { date, time: clock }
  if (typeof zone !== 'string' || !isTimeZone(zone))
    throw new InvalidValue(
      `must have a "time_zone" that is an IANA name such as Europe/Berlin${notValue(zone)}`,
    )
  return zoned(date, clock, zone)
}

/** A time in a zone, with its instant. @throws InvalidValue for an instant beyond the year 9999 */
export function zoned(date: string, time: string, zone: string): When {
  const at = instantOf(date, time, zone)
  if (!/^[1-9]\d{3}-/.test(at)) throw new InvalidValue('must be between the years 1000 and 9999 in UTC')
  return { date, time, time_zone: zone, at }
}

/**
 * The instant of a wall time, `2026-12-01T08:30:00Z`. A time that a clock change skips moves
 * forward by the gap, a repeated one is the first (`compatible` in Temporal and RFC 5545).
 * PostgreSQL would take the second.
 */
function instantOf(date: string, time: string, zone: string): string {
  if (zone === 'UTC') return `${date}T${longTime(time)}Z`
  const wall = Temporal.PlainDateTime.from(`${date}T${time}`)
  return wall.toZonedDateTime(zone, { disambiguation: 'compatible' }).toInstant().toString()
}

/** An instant, `2026-12-01T09:30:00+01:00`, as a time in UTC. */
export function inUtc(instant: string): When {
  const [date = '', time = ''] = new Date(instant).toISOString().slice(0, -1).split('T')
  return zoned(date, shortTime(time) ?? time, 'UTC')
}

/**
 * A key to sort by wall time, with a date after all times of its day. Compare it by code point.
 */
export function sortKeyOf({ date, time }: When): string {
  return time === undefined ? `${date}~` : `${date}T${longTime(time)}`
}

/**
 * Whether `start` is after `due`: by instants if both have a time zone, otherwise by wall time. A
 * date is the whole day.
 */
export function isAfter(start: When, due: When): boolean {
  if (start.at !== undefined && due.at !== undefined) return Date.parse(start.at) > Date.parse(due.at)
  const wall = ({ date, time }: When, none: string) => `${date}T${time === undefined ? none : longTime(time)}`
  return wall(start, '00:00:00') > wall(due, '24')
}

/** A time of day in its shortest form; undefined if it is not valid. */
export function shortTime(text: string): string | undefined {
  const [, minutes, seconds = '00', fraction = ''] =
    /^((?:[01]\d|2[0-3]):[0-5]\d)(?::([0-5]\d)(?:\.(\d{3}))?)?$/.exec(text) ?? []
  if (minutes === undefined) return undefined
  if (Number(fraction) !== 0) return `${minutes}:${seconds}.${fraction}`
  return Number(seconds) === 0 ? minutes : `${minutes}:${seconds}`
}

const longTime = (time: string) => (time.length === 5 ? `${time}:00` : time)

const zones = new Map<string, boolean>()
const maxZones = 1000

/** Whether a name is an IANA time zone. Offsets such as `+01:00` are not. */
export function isTimeZone(name: string): boolean {
  const known = zones.get(name)
  if (known !== undefined) return known
  const isName = /^[A-Za-z][A-Za-z0-9_+/-]{0,49}$/.test(name) && isKnownToNode(name)
  if (zones.size < maxZones) zones.set(name, isName)
  return isName
}

function isKnownToNode(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** Start and due with the current instants; only those whose instant changes. */
export function derivedTimes({ start, due }: { readonly start?: When | null; readonly due?: When | null }) {
  const [newStart, newDue] = [derivedAgain(start), derivedAgain(due)]
  return { ...(newStart ? { start: newStart } : {}), ...(newDue ? { due: newDue } : {}) }
}

/**
 * A value with the instant according to the time zone data of this process.
 * @returns undefined if the instant is the same, the zone is no longer known, or the year is out of
 * range
 */
export function derivedAgain(value: When | null | undefined): When | undefined {
  if (value?.at === undefined || value.time === undefined || value.time_zone === undefined) return undefined
  try {
    const derived = zoned(value.date, value.time, value.time_zone)
    return derived.at === value.at ? undefined : derived
  } catch {
    return undefined
  }
}
