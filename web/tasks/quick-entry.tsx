import { useState } from 'preact/hooks'
import type { Address } from '../app/address.ts'
import { createTask, type Fields } from '../model/actions.ts'
import { addDays, today } from '../model/dates.ts'
import { focusList } from '../parts/focus.ts'
import { Icon } from '../parts/icon.tsx'
import { lazy } from '../parts/lazy.tsx'
import { t } from '../texts/texts.ts'

let words: typeof import('./entry-words.tsx') | undefined
const loadWords = async () => {
  words ??= await import('./entry-words.tsx')
  return words
}
const Parts = lazy(() => loadWords().then(it => it.Parts))

/** Adds a task to the view: in Today it is due today, in the view of a tag it has the tag. */
export function QuickEntry({ address }: { readonly address: Address }) {
  const [title, setTitle] = useState('')
  const [kept, setKept] = useState<readonly string[]>([])
  const add = async (event: Event) => {
    event.preventDefault()
    if (title.trim() === '') return
    setTitle('')
    setKept([])
    let entry = { title: title.trim(), fields: {} as Fields }
    if (entry.title.includes(' ')) {
      // It is missing if the network was lost before it was loaded.
      const read = words ?? (await loadWords().catch(() => undefined))
      if (read) entry = read.readEntry(title, kept)
    }
    const fields = fieldsFor(address)
    const tags = new Set([...(fields.tags ?? []), ...(entry.fields.tags ?? [])])
    createTask({ ...fields, ...entry.fields, title: entry.title, tags: [...tags] })
  }
  return (
    <>
      <form class="entry" onSubmit={add}>
        <Icon name="plus" />
        <input
          id="entry"
          aria-label={t().addTask}
          placeholder={t().entryExample}
          value={title}
          maxLength={500}
          autocomplete="off"
          enterkeyhint="done"
          dir="auto"
          onInput={event => setTitle(event.currentTarget.value)}
          onKeyDown={event => /^(Escape|ArrowDown)$/.test(event.key) && focusList()}
        />
      </form>
      {title.includes(' ') ? (
        <Parts typed={title} kept={kept} keep={text => setKept([...kept, text])} />
      ) : null}
    </>
  )
}

function fieldsFor({ view, list, tags, priorities }: Address): Fields {
  const [priority] = priorities
  return {
    ...(view === 'list' && { list_id: list }),
    ...(view === 'today' && { due: { date: today() } }),
    ...(view === 'upcoming' && { due: { date: addDays(today(), 1) } }),
    ...(tags.length > 0 && { tags: [...tags] }),
    ...((priority === 'low' || priority === 'medium' || priority === 'high') && { priority }),
  }
}
