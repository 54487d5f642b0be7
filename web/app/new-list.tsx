import { useRef, useState } from 'preact/hooks'
import { createList } from '../model/actions.ts'
import { focus } from '../parts/focus.ts'
import { Icon } from '../parts/icon.tsx'
import { t } from '../texts/texts.ts'
import { go } from './address.ts'
import { focusEntry } from './shortcuts.ts'

/** A button that is replaced by a field for the name of a new list. */
export function NewList() {
  const [name, setName] = useState<string | undefined>()
  const typed = useRef<string | undefined>(undefined)
  typed.current = name
  const create = (event: Event) => {
    event.preventDefault()
    const trimmed = typed.current?.trim() ?? ''
    // The field loses the focus when it is removed, and would create the list again.
    typed.current = undefined
    setName(undefined)
    if (trimmed === '') return
    go({ view: 'list', list: createList(trimmed) })
    setTimeout(focusEntry)
  }
  if (name === undefined) {
    return (
      <button type="button" class="nav-link quiet-button" onClick={() => setName('')}>
        <span class="nav-icon">
          <Icon name="plus" />
        </span>
        {t().newList}
      </button>
    )
  }
  return (
    <form class="new-list" onSubmit={create}>
      <input
        ref={focus}
        aria-label={t().nameOfList}
        placeholder={t().nameOfList}
        maxLength={200}
        value={name}
        dir="auto"
        onInput={event => setName(event.currentTarget.value)}
        onBlur={create}
        onKeyDown={event => event.key === 'Escape' && setName(undefined)}
      />
    </form>
  )
}
