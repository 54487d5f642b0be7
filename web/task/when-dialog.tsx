import { useState } from 'preact/hooks'
import { addDays, today } from '../model/dates.ts'
import type { When } from '../model/types.ts'
import { readWhen } from '../model/words.ts'
import { Dialog } from '../parts/dialog.tsx'
import { whenText } from '../parts/when-text.ts'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'
import { Calendar } from './calendar.tsx'

interface WhenDialogProps {
  readonly title: string
  readonly value: When | null
  readonly isDateOnly?: boolean
  readonly onChange: (value: When | null) => void
  readonly onClose: () => void
}

/** Chooses a date, by text, by a button or in a calendar, and optionally a time. */
export function WhenDialog({ title, value, isDateOnly = false, onChange, onClose }: WhenDialogProps) {
  const [words, setWords] = useState('')
  const [time, setTime] = useState(value?.time ?? '')
  const read = words.trim() === '' ? undefined : readWhen(words)
  const choose = (when: When | null) => {
    const { date, time: at } = when ?? {}
    const zone = value?.time_zone
    onClose()
    if (date === undefined) return onChange(null)
    if (at === undefined || isDateOnly) return onChange({ date })
    onChange({ date, time: at, ...(zone !== undefined && { time_zone: zone }) })
  }
  const withTime = (date: string): When => (time === '' ? { date } : { date, time })
  const submit = (event: Event) => {
    event.preventDefault()
    if (read) choose(isDateOnly || read.time !== undefined ? read : withTime(read.date))
    else if (words.trim() === '' && value) choose(withTime(value.date))
  }
  const now = today()
  return (
    <Dialog title={title} onClose={onClose} class="when-dialog">
      <form onSubmit={submit}>
        <label class="field">
          {tl().typeDate}
          <input
            value={words}
            // On a phone, the on-screen keyboard would cover the calendar.
            autofocus={matchMedia('(pointer: fine)').matches}
            placeholder={tl().dateExample}
            autocomplete="off"
            aria-invalid={words.trim() !== '' && !read}
            aria-describedby="when-read"
            onInput={event => setWords(event.currentTarget.value)}
          />
        </label>
        <p id="when-read" class="quiet" role="status">
          {words.trim() === '' ? ' ' : read ? whenText(read) : tl().dateNotRead(words.trim())}
        </p>
        <div class="actions">
          <button type="button" class="button" onClick={() => choose(withTime(now))}>
            {t().today}
          </button>
          <button type="button" class="button" onClick={() => choose(withTime(addDays(now, 1)))}>
            {tl().tomorrow}
          </button>
          <button type="button" class="button" onClick={() => choose(withTime(addDays(now, 7)))}>
            {tl().inAWeek}
          </button>
          {value ? (
            <button type="button" class="button" onClick={() => choose(null)}>
              {tl().none}
            </button>
          ) : null}
        </div>
        <Calendar value={value?.date} onChange={date => choose(withTime(date))} />
        {isDateOnly ? null : (
          <label class="field time-field">
            {tl().time}
            <input type="time" value={time} onInput={event => setTime(event.currentTarget.value)} />
          </label>
        )}
        <button type="submit" class="button primary">
          {tl().save}
        </button>
      </form>
    </Dialog>
  )
}
