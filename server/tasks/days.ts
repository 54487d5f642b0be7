import { Temporal } from 'temporal-polyfill'

// The boundaries of days in a time zone. A value with a zone is compared by its instant; a floating
// one or a date by its key, which is its wall time as text (when.ts).

/** The time of a request, and the time zone of its days. */
export interface Clock {
  /** An instant in UTC: `2026-12-01T08:30:00Z`. */
  readonly now: string
  /** IANA name. */
  readonly zone: string
}

/** Consecutive days. */
export interface Period {
  /** The first and the last key. */
  readonly keys: readonly [first: string, last: string]
  /** Instants: the first, and the end, exclusive. */
  readonly instants: readonly [first: string, end: string]
}

/** The days from `first` to `last`, both inclusive. If one is undefined, there is no bound. */
export function daysBetween(first: string | undefined, last: string | undefined, zone: string): Period {
  return {
    keys: [first ?? '', last === undefined ? allKeys : `${last}~`],
    instants: [
      first === undefined ? '-infinity' : startOf(dateOf(first), zone),
      last === undefined ? 'infinity' : startOf(dateOf(last).add({ days: 1 }), zone),
    ],
  }
}

/** `count` days, beginning with today. */
export function daysFromToday(clock: Clock, count: number): Period {
  const today = todayOf(clock)
  return daysBetween(today.toString(), today.add({ days: count - 1 }).toString(), clock.zone)
}

/** Bounds of what has passed at a time. */
export interface Passed {
  /** Instants before this one have passed. */
  readonly instantsBefore: string
  /** Dates before this one have passed. */
  readonly datesBefore: string
  /** Floating times with keys before this one have passed. */
  readonly timesBefore: string
  /** Except those from the first key to the second, exclusive. */
  readonly except: readonly [from: string, until: string]
}

/**
 * A date has passed if its day has ended, a floating time if the instant that it stands for has
 * passed: a repeated time is its first occurrence, a skipped one moves forward by the gap. So the
 * times that have passed are those before the wall clock, with two exceptions. While an hour is
 * repeated, all of its times have passed. After a gap, its times follow the old clock.
 */
export function passedAt(clock: Clock): Passed {
  const at = Temporal.Instant.from(clock.now).toZonedDateTimeISO(clock.zone)
  const passed: Passed = {
    instantsBefore: clock.now,
    datesBefore: todayOf(clock).toString(),
    timesBefore: keyOf(at),
    except: [allKeys, allKeys],
  }
  // Without the nanosecond, a change at this very instant would not be found.
  const change = at.add({ nanoseconds: 1 }).getTimeZoneTransition('previous')
  if (!change) return passed
  const gained = change.offsetNanoseconds - change.subtract({ nanoseconds: 1 }).offsetNanoseconds
  const since = at.epochMilliseconds - change.epochMilliseconds
  if (since * 1e6 >= Math.abs(gained)) return passed
  const onOldClock = (time: Temporal.ZonedDateTime) =>
    keyOf(time.toPlainDateTime().subtract({ nanoseconds: gained }))
  return gained < 0
    ? { ...passed, timesBefore: onOldClock(change) }
    : { ...passed, except: [onOldClock(at), keyOf(change)] }
}

/** A day lasts from its first midnight to that of the next day, also where a change repeats one. */
function todayOf({ now, zone }: Clock): Temporal.PlainDate {
  const at = Temporal.Instant.from(now)
  const date = at.toZonedDateTimeISO(zone).toPlainDate()
  const next = date.add({ days: 1 })
  return Temporal.Instant.compare(at, next.toZonedDateTime(zone).toInstant()) < 0 ? date : next
}

/** The first instant of a day. */
function startOf(date: Temporal.PlainDate, zone: string): string {
  if (date.year > 9999) return 'infinity'
  return date.toZonedDateTime(zone).toInstant().toString()
}

/**
 * Two dates, as keys, that enclose all keys of a period in every time zone: wall times of two zones
 * differ by at most 26 hours.
 */
export function keysAround({ keys: [first, last] }: Period): readonly [first: string, last: string] {
  return [
    first === '' ? '' : dayFrom(first, -2),
    `${last === allKeys ? lastDay : dayFrom(last.slice(0, 10), 2)}~`,
  ]
}

/** Like `keysAround`: a key after all keys that have passed. */
export const lastKeyPassed = ({ datesBefore }: Passed): string => dayFrom(datesBefore, 3)

const dayFrom = (date: string, days: number) => {
  const day = dateOf(date).add({ days })
  return day.year > 9999 ? lastDay : day.year < 1000 ? '' : day.toString()
}

const dateOf = (date: string) => Temporal.PlainDate.from(date)

/** After all keys. */
const allKeys = '~~'
const lastDay = '9999-12-31'

/** Like `sortKeyOf` in when.ts, to the millisecond. */
function keyOf(wall: Temporal.ZonedDateTime | Temporal.PlainDateTime): string {
  const { year, month, day, hour, minute, second, millisecond } = wall
  const two = (number: number) => String(number).padStart(2, '0')
  const fraction = millisecond === 0 ? '' : `.${String(millisecond).padStart(3, '0')}`
  const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`
  return `${date}T${two(hour)}:${two(minute)}:${two(second)}${fraction}`
}
