import { tl } from '../texts/later-texts.ts'
import { addDays, formatOf, today, wallClock, weekdayOf } from './dates.ts'
import { addMonths } from './months.ts'
import { state } from './store.ts'
import type { When } from './types.ts'

/**
 * Parses a date in natural language, in English and in the user's language: `tomorrow 9am`, `fri`,
 * `in 3 days`, `24.12. 18:00`, `2026-12-01`. Returns undefined if the text is not a date.
 */
export function readWhen(text: string): When | undefined {
  let rest = ` ${text.trim().toLowerCase().replaceAll(/\s+/g, ' ')} `.replace(/ noon /, ' 12pm ')
  const time = takeTime()
  const date = readDate(
    rest
      .replaceAll(/ (at|um|on|am|by|bis|den|,) /g, ' ')
      .replace(/,/g, ' ')
      .trim(),
    time,
  )
  if (date === undefined) return undefined
  return time === undefined ? { date } : { date, time }

  function takeTime(): string | undefined {
    const found =
      /[ ,@](\d{1,2})(?:[:.](\d\d))?\s?(am|pm)(?= )/.exec(rest) ??
      /[ ,@](\d{1,2}):(\d\d)()(?: uhr)?(?= )/.exec(rest) ??
      /[ ,@](\d{1,2})()() uhr(?= )/.exec(rest)
    if (!found) return undefined
    const [whole, hours, minutes = '', half = ''] = found
    const hour = half === '' ? Number(hours) : (Number(hours) % 12) + (half === 'pm' ? 12 : 0)
    if (hour > 23 || Number(minutes) > 59 || (half !== '' && Number(hours) > 12)) return undefined
    rest = rest.replace(whole, ' ')
    return `${String(hour).padStart(2, '0')}:${(minutes || '00').padStart(2, '0')}`
  }
}

function readDate(text: string, time: string | undefined): string | undefined {
  const now = today()
  const words = { ...english, ...tl().dateWords }
  // A time without a date is today, or tomorrow if it has passed.
  if (text === '') return time && addDays(now, time < wallClock().time ? 1 : 0)
  const known = words[text]
  if (known !== undefined) return addDays(now, known)
  const weekday = weekdays().findIndex(names =>
    names.includes(text.replace(/^(this|next|diese[ns]?|nächste[ns]?|kommende[ns]?) /, '')),
  )
  if (weekday >= 0) return addDays(now, ((weekday - weekdayOf(now) + 6) % 7) + 1)
  const [, amount, unit] = distance.exec(text) ?? []
  if (amount !== undefined) return after(now, Number.parseInt(amount, 10) || 1, unit)
  const [, year, month, day] = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text) ?? []
  if (year !== undefined) return dateFrom(Number(year), Number(month), Number(day))
  const [, d, m, y] = /^(\d{1,2})\.\s?(\d{1,2})\.?\s?(\d{4})?$/.exec(text) ?? []
  if (d !== undefined) return withYear(Number(d), Number(m), y)
  const [, a, b, slashYear] = /^(\d{1,2})\/(\d{1,2})(?:\/(\d{4}))?$/.exec(text) ?? []
  const format = state.settings.date_format
  if (a !== undefined && format === 'DD/MM/YYYY') return withYear(Number(a), Number(b), slashYear)
  if (a !== undefined && format === 'MM/DD/YYYY') return withYear(Number(b), Number(a), slashYear)
  return readMonthName(text)
}

const english: Readonly<Record<string, number>> = {
  today: 0,
  tod: 0,
  tonight: 0,
  tomorrow: 1,
  tom: 1,
  tmr: 1,
  'day after tomorrow': 2,
}

/** As in "in 3 days", "in a week" and "next month". */
const distance =
  /^(?:in )?(\d{1,3}|(?<=in )(?:an?|one|eine[mnr]?)|next|nächste[nrs]?) (day|week|month|year|tag|woche|monat|jahr)[a-z]{0,2}$/

function after(date: string, count: number, unit = ''): string {
  if (/^[mjy]/.test(unit)) return addMonths(date, unit.startsWith('m') ? count : count * 12)
  return addDays(date, unit.startsWith('w') ? count * 7 : count)
}

const weekdayNames = new Map<string, string[][]>()

/** The names of each weekday in English and in the user's language. */
function weekdays(): string[][] {
  const { lang } = document.documentElement
  const found = weekdayNames.get(lang) ?? weekdaysIn(['en', lang])
  weekdayNames.set(lang, found)
  return found
}

function weekdaysIn(locales: readonly string[]): string[][] {
  return Array.from({ length: 7 }, (_, day) => {
    const ms = Date.UTC(2023, 0, 1 + day)
    const names = locales.flatMap(locale =>
      (['long', 'short'] as const).map(weekday =>
        formatOf(locale, { weekday, timeZone: 'UTC' }).format(ms).toLowerCase().replace('.', ''),
      ),
    )
    return day === 6 ? [...names, 'weekend', 'wochenende'] : names
  })
}

function readMonthName(text: string): string | undefined {
  const [, day = '', name = '', year] =
    /^(\d{1,2})(?:\.|st|nd|rd|th)? (\p{L}+)\.?(?: (\d{4}))?$/u.exec(text) ?? []
  const [, otherName = '', otherDay = '', otherYear] =
    /^(\p{L}+)\.? (\d{1,2})(?:st|nd|rd|th)?(?: (\d{4}))?$/u.exec(text) ?? []
  const wanted = name || otherName
  if (wanted.length < 3) return undefined
  const month = Array.from({ length: 12 }, (_, n) => n).find(n =>
    ['en', document.documentElement.lang].some(locale =>
      formatOf(locale, { month: 'long', timeZone: 'UTC' })
        .format(Date.UTC(2023, n, 1))
        .toLowerCase()
        .startsWith(wanted),
    ),
  )
  return month === undefined ? undefined : withYear(Number(day || otherDay), month + 1, year ?? otherYear)
}

/** Without a year, the next such day. */
function withYear(day: number, month: number, year: string | undefined): string | undefined {
  const now = wallClock().date
  const thisYear = Number(now.slice(0, 4))
  if (year !== undefined) return dateFrom(Number(year), month, day)
  const date = dateFrom(thisYear, month, day)
  return date !== undefined && date < now ? dateFrom(thisYear + 1, month, day) : date
}

function dateFrom(year: number, month: number, day: number): string | undefined {
  const date = new Date(Date.UTC(year, month - 1, day))
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day
    ? date.toISOString().slice(0, 10)
    : undefined
}
