import { state } from './store.ts'
import type { Task, When } from './types.ts'

// Dates are texts, `2026-12-01`. Calculations use UTC, where every day has 24 hours.

export const dayMs = 24 * 60 * 60 * 1000

export const numberOf = (date: string): number => Date.parse(`${date}T00:00:00Z`)
export const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

export const addDays = (date: string, days: number): string => dateOf(numberOf(date) + days * dayMs)

/** 0 is Sunday. */
export const weekdayOf = (date: string): number => new Date(numberOf(date)).getUTCDay()

export const daysBetween = (from: string, to: string): number =>
  Math.round((numberOf(to) - numberOf(from)) / dayMs)

const formats = new Map<string, Intl.DateTimeFormat>()

/** A formatter, which takes longer to create than to use. */
export function formatOf(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale}${JSON.stringify(options)}`
  const found = formats.get(key) ?? new Intl.DateTimeFormat(locale, options)
  formats.set(key, found)
  return found
}

/** The date and time in the user's time zone. */
export function wallClock(instant = Date.now(), timeZone = state.settings.time_zone) {
  // As in "2026-12-01 09:30:00".
  const [date = '', time = ''] = formatOf('sv', {
    timeZone: timeZone || undefined,
    dateStyle: 'short',
    timeStyle: 'short',
  })
    .format(instant)
    .split(' ')
  return { date, time }
}

export const today = (): string => wallClock().date

/** The date of a due time in the user's time zone, which may differ from that in its own zone. */
export function dayOf(when: When | null | undefined): string | undefined {
  if (!when) return undefined
  return when.at === undefined ? when.date : wallClock(Date.parse(when.at)).date
}

export function isOverdue({ due, is_completed }: Pick<Task, 'due' | 'is_completed'>): boolean {
  const when = due as When | null
  if (!when || is_completed) return false
  if (when.at !== undefined) return Date.parse(when.at) < Date.now()
  const now = wallClock()
  return when.date < now.date || (when.date === now.date && (when.time ?? '24:00') < now.time)
}

export const format = (options: Intl.DateTimeFormatOptions, ms: number): string =>
  formatOf(document.documentElement.lang, { timeZone: 'UTC', ...options }).format(ms)

/** A date of this year with its weekday, any other in the user's format. */
export function formatDay(date: string): string {
  const ms = numberOf(date)
  const [year = '', month = '', day = ''] = date.split('-')
  if (year !== today().slice(0, 4))
    return state.settings.date_format.replace('YYYY', year).replace('MM', month).replace('DD', day)
  return format({ weekday: 'short', day: 'numeric', month: 'short' }, ms)
}

export function formatTime(time: string): string {
  const is12 = state.settings.time_format === '12h'
  const ms = Date.parse(`1970-01-01T${time.slice(0, 5)}:00Z`)
  return format({ hour: 'numeric', minute: '2-digit', hourCycle: is12 ? 'h12' : 'h23' }, ms)
}

/** An instant in the user's time zone, with date and time. */
export function formatInstant(iso: string): string {
  const { date, time } = wallClock(Date.parse(iso))
  return `${formatDay(date)}, ${formatTime(time)}`
}
