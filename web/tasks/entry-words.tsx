import type { Fields } from '../model/actions.ts'
import type { Priority } from '../model/types.ts'
import { readWhen } from '../model/words.ts'
import { Icon } from '../parts/icon.tsx'
import { whenText } from '../parts/when-text.ts'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'

// Parses the last words of a new task: `Call Ann tomorrow 9am #phone !high`.

interface Part {
  readonly text: string
  readonly label: string
  readonly fields: Fields
}

let last: { typed: string; kept: readonly string[]; entry: ReturnType<typeof read> } | undefined

/** @param kept parts that the user wants to keep in the title */
export function readEntry(typed: string, kept: readonly string[]) {
  if (last?.typed !== typed || last.kept !== kept) last = { typed, kept, entry: read(typed, kept) }
  return last.entry
}

function read(typed: string, kept: readonly string[]) {
  const words = typed.trim().split(/\s+/)
  const title: string[] = []
  const parts: Part[] = []
  const fields: { -readonly [Name in keyof Fields]: Fields[Name] } = {}
  for (let part = lastPart(words, false); part; part = lastPart(words, 'due' in fields)) {
    words.length -= part.text.split(' ').length
    if (kept.includes(part.text)) title.unshift(part.text)
    else {
      parts.unshift(part)
      const { tags = [] } = part.fields
      Object.assign(fields, part.fields, { tags: [...tags, ...(fields.tags ?? [])] })
    }
  }
  if (parts.length === 0) return { title: typed.trim(), parts, fields }
  return { title: [...words, ...title].join(' ').replace(/,$/, ''), parts, fields }
}

const priorities = ['high', 'medium', 'low'] as const satisfies readonly Priority[]

/** The tag, priority or date at the end. At least one word stays for the title. */
function lastPart(words: readonly string[], hasDate: boolean): Part | undefined {
  if (words.length < 2) return undefined
  const text = words.at(-1) ?? ''
  const [, tag] = /^#(\p{L}[^,#]{0,49})$/u.exec(text) ?? []
  if (tag !== undefined) return { text, label: text, fields: { tags: [tag] } }
  const priority = priorities.find((name, n) =>
    [name, t().priorities[name], n + 1].some(word => `!${word}`.toLowerCase() === text.toLowerCase()),
  )
  if (priority) return { text, label: t().priorities[priority], fields: { priority } }
  for (let count = hasDate ? 0 : Math.min(6, words.length - 1); count > 0; count -= 1) {
    const last = words.slice(-count).join(' ')
    const isNoDate = notDates.test(last) || articles.test(words.at(-count - 1) ?? '')
    const due = isNoDate ? undefined : readWhen(last)
    if (due) return { text: last, label: whenText(due), fields: { due: due as NonNullable<Fields['due']> } }
  }
  return undefined
}

/** Words that a date field accepts, but that have other meanings in a title: "Tom", "so", "3.5". */
const notDates =
  /^([Tt]om|[Tt]od|\p{Ll}\p{Ll}|\d+[./]\d+|\d+ ([Dd]ay|[Ww]eek|[Mm]onth|[Yy]ear|[Tt]ag|[Ww]oche|[Mm]onat|[Jj]ahr).*)$/u

/** After these words, "sun" is not a day. */
const articles = /^(the|an?|my|der|die|das|de[nm])$/i

interface PartsProps {
  readonly typed: string
  readonly kept: readonly string[]
  readonly keep: (text: string) => void
}

/** The parsed parts, each with a button that keeps it in the title instead. */
export function Parts({ typed, kept, keep }: PartsProps) {
  return (
    <div role="status" class="filters">
      {readEntry(typed, kept).parts.map(({ text, label }) => (
        <button
          key={text}
          type="button"
          class="chip"
          dir="auto"
          aria-label={tl().asText(label)}
          onClick={() => keep(text)}
        >
          {label} <Icon name="close" />
        </button>
      ))}
    </div>
  )
}
