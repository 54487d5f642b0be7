import { useEffect, useState } from 'preact/hooks'
import { get } from '../model/api.ts'
import { formatInstant } from '../model/dates.ts'
import { state, useStore } from '../model/store.ts'
import type { HistoryPage, Priority, When } from '../model/types.ts'
import { problemOf } from '../parts/problem.ts'
import { whenText } from '../parts/when-text.ts'
import { tl } from '../texts/later-texts.ts'
import { t } from '../texts/texts.ts'

type Entry = HistoryPage['history'][number]

/** The history of a task, loaded when the user opens it. */
export function History({ id }: { readonly id: number }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details class="history" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>{tl().history}</summary>
      {isOpen ? <Entries id={id} /> : null}
    </details>
  )
}

function Entries({ id }: { readonly id: number }) {
  const [entries, setEntries] = useState<readonly Entry[] | undefined>()
  const [problem, setProblem] = useState('')
  const revision = useStore(from => from.tasks.get(id)?.revision)
  useEffect(() => {
    get<HistoryPage>(`/tasks/${id}/history`).then(
      ({ history }) => setEntries(history),
      error => setProblem(problemOf(error)),
    )
  }, [id, revision])
  if (problem !== '') return <p role="alert">{problem}</p>
  if (!entries) return <p class="quiet">{t().loading}</p>
  return (
    <ol>
      {entries.map(entry => (
        <li key={entry.revision}>
          <span class="quiet">
            {formatInstant(entry.at)}
            {entry.by.kind === 'session' ? '' : ` · ${entry.by.name ?? entry.by.kind}`}
          </span>
          <strong>{tl().historyActions[entry.action]}</strong>
          {Object.entries(entry.fields ?? {}).map(([name, { from, to }]) =>
            isTold(name) ? null : (
              <span key={name} dir="auto">
                {fieldName(name)}: {shown(name, from)} → {shown(name, to)}
              </span>
            ),
          )}
        </li>
      ))}
    </ol>
  )
}

const fieldName = (name: string): string => (tl().fields as Readonly<Record<string, string>>)[name] ?? name

/** Whether the name of the action already implies the field. */
const isTold = (name: string): boolean => /^(position|is_completed|completed_at)$/.test(name)

function shown(name: string, value: unknown): string {
  if (name === 'list_id' && value === null) return t().views.inbox
  if (name === 'list_id') return state.lists.get(Number(value))?.name ?? `${value}`
  if (name === 'parent_id' && value !== null) return state.tasks.get(Number(value))?.title ?? `${value}`
  if (name === 'priority') return t().priorities[(value ?? 'none') as Priority]
  if (name === 'deadline' && value !== null) return whenText({ date: String(value) })
  if (value === null || value === undefined || value === '') return '–'
  if (Array.isArray(value)) return value.join(', ')
  if (typeof value === 'object') return 'date' in value ? whenText(value as When) : JSON.stringify(value)
  const text = String(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
