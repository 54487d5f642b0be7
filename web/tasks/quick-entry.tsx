import { useState } from 'preact/hooks'
import type { Address } from '../app/address.ts'
import { createTask, type Fields } from '../model/actions.ts'
import { addDays, today } from '../model/dates.ts'
import { Icon } from '../parts/icon.tsx'
import { t } from '../texts/texts.ts'

/** Adds a task to the view: in Today it is due today, below a tag it has the tag. */
export function QuickEntry({ address }: { readonly address: Address }) {
  const [title, setTitle] = useState('')
  const add = (event: Event) => {
    event.preventDefault()
    if (title.trim() === '') return
    setTitle('')
    createTask({ title: title.trim(), ...fieldsFor(address) })
  }
  return (
    <form class="entry" onSubmit={add}>
      <Icon name="plus" />
      <input
        id="entry"
        aria-label={t().addTask}
        placeholder={t().addTask}
        value={title}
        maxLength={500}
        autocomplete="off"
        enterkeyhint="done"
        dir="auto"
        onInput={event => setTitle(event.currentTarget.value)}
        onKeyDown={event => event.key === 'Escape' && event.currentTarget.blur()}
      />
    </form>
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
