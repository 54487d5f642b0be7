import { dateOf, dayMs, format, numberOf } from './dates.ts'

// Date functions that only the calendar and typed dates need.

export function addMonths(date: string, months: number): string {
  const [year = 0, month = 1, day = 1] = date.split('-').map(Number)
  const first = new Date(Date.UTC(year, month - 1 + months, 1))
  const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate()
  return dateOf(first.getTime() + (Math.min(day, last) - 1) * dayMs)
}

export const formatLongDay = (date: string): string =>
  format({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }, numberOf(date))
export const formatMonth = (date: string): string =>
  format({ month: 'long', year: 'numeric' }, numberOf(date))
export const weekdayName = (date: string, weekday: 'short' | 'long'): string =>
  format({ weekday }, numberOf(date))
