import { dayOf, daysBetween, formatDay, formatTime, today, wallClock } from '../model/dates.ts'
import type { When } from '../model/types.ts'
import { t } from '../texts/texts.ts'

/**
 * A date relative to today: "Today, 09:30". A time in another zone is converted to the local zone.
 */
export function whenText(when: When): string {
  const day = dayOf(when) ?? when.date
  const time = when.at === undefined ? when.time : wallClock(Date.parse(when.at)).time
  const distance = daysBetween(today(), day)
  const name = t().nearDays[String(distance)] ?? formatDay(day)
  return time === undefined ? name : `${name}, ${formatTime(time)}`
}
