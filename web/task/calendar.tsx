import { useEffect, useRef, useState } from 'preact/hooks'
import { addDays, today, weekdayOf } from '../model/dates.ts'
import { addMonths, formatLongDay, formatMonth, weekdayName } from '../model/months.ts'
import { state } from '../model/store.ts'
import { Icon } from '../parts/icon.tsx'
import { tl } from '../texts/later-texts.ts'

interface CalendarProps {
  readonly value: string | undefined
  readonly onChange: (date: string) => void
}

const steps: Readonly<Record<string, (date: string) => string>> = {
  ArrowLeft: date => addDays(date, document.dir === 'rtl' ? 1 : -1),
  ArrowRight: date => addDays(date, document.dir === 'rtl' ? -1 : 1),
  ArrowUp: date => addDays(date, -7),
  ArrowDown: date => addDays(date, 7),
  PageUp: date => addMonths(date, -1),
  PageDown: date => addMonths(date, 1),
}

/** One month. Arrow keys move by days and weeks, Page Up and Page Down by months. */
export function Calendar({ value, onChange }: CalendarProps) {
  const [focused, setFocused] = useState(value ?? today())
  const [hasMoved, setMoved] = useState(false)
  const grid = useRef<HTMLTableElement>(null)
  useEffect(() => {
    if (hasMoved) grid.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus()
  }, [focused, hasMoved])
  const move = (event: KeyboardEvent) => {
    const step = steps[event.key]
    if (!step) return
    event.preventDefault()
    setMoved(true)
    setFocused(step)
  }
  const weeks = weeksOf(focused)
  const month = focused.slice(0, 7)
  const turn = (months: number) => {
    setMoved(false)
    setFocused(date => addMonths(date, months))
  }
  return (
    <div class="calendar">
      <div class="calendar-head">
        <button type="button" class="icon-button" aria-label={tl().previousMonth} onClick={() => turn(-1)}>
          <Icon name="back" />
        </button>
        <strong aria-live="polite">{formatMonth(focused)}</strong>
        <button type="button" class="icon-button" aria-label={tl().nextMonth} onClick={() => turn(1)}>
          <Icon name="chevron" />
        </button>
      </div>
      <table ref={grid} onKeyDown={move}>
        <thead>
          <tr>
            {weeks[0]?.map(date => (
              <th key={date} scope="col" aria-label={weekdayName(date, 'long')}>
                {weekdayName(date, 'short')}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeks.map(week => (
            <tr key={week[0]}>
              {week.map(date => (
                <td key={date}>
                  <button
                    type="button"
                    class={date.startsWith(month) ? 'day' : 'day other'}
                    tabIndex={date === focused ? 0 : -1}
                    aria-label={formatLongDay(date)}
                    aria-current={date === today() ? 'date' : undefined}
                    aria-pressed={date === value}
                    onClick={() => onChange(date)}
                  >
                    {Number(date.slice(8))}
                  </button>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Six weeks, which begin on the user's first day of the week. */
function weeksOf(date: string): string[][] {
  const first = `${date.slice(0, 7)}-01`
  const firstDay = { sunday: 0, monday: 1, saturday: 6 }[state.settings.week_start] ?? 1
  const begin = addDays(first, -((weekdayOf(first) - firstDay + 7) % 7))
  return Array.from({ length: 6 }, (_, week) =>
    Array.from({ length: 7 }, (__, day) => addDays(begin, week * 7 + day)),
  )
}
