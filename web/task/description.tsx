import { useRef, useState } from 'preact/hooks'
import type { Task } from '../model/types.ts'
import { Linked } from '../parts/linked.tsx'
import { tl } from '../texts/later-texts.ts'
import { useDraft } from './draft.ts'
import { useGrowth } from './title.tsx'

interface DescriptionProps {
  readonly task: Task
  readonly change: (description: string | null) => void
}

/** Plain text with links, replaced by a field while the user edits it. */
export function Description({ task, change }: DescriptionProps) {
  const [isEditing, setEditing] = useState(false)
  const text = task.description ?? ''
  if (isEditing || text === '') {
    return (
      <DescriptionField text={text} change={change} isFocused={isEditing} end={() => setEditing(false)} />
    )
  }
  return (
    <section class="description">
      <p dir="auto">
        <Linked text={text} />
      </p>
      <button type="button" class="button quiet" onClick={() => setEditing(true)}>
        {tl().editDescription}
      </button>
    </section>
  )
}

interface FieldProps {
  readonly text: string
  readonly change: (description: string | null) => void
  readonly isFocused: boolean
  readonly end: () => void
}

function DescriptionField({ text, change, isFocused, end }: FieldProps) {
  const field = useRef<HTMLTextAreaElement>(null)
  const draft = useDraft(text, typed => change(typed.trim() === '' ? null : typed))
  useGrowth(field, draft.text)
  return (
    <textarea
      ref={element => {
        field.current = element
        if (element && isFocused && document.activeElement !== element) element.focus()
      }}
      class="description-field"
      aria-label={tl().description}
      placeholder={tl().description}
      rows={3}
      maxLength={20_000}
      dir="auto"
      value={draft.text}
      onInput={draft.onInput}
      onBlur={() => {
        draft.onBlur()
        end()
      }}
      onKeyDown={event => {
        if (event.key !== 'Escape') return
        event.preventDefault()
        event.currentTarget.blur()
      }}
    />
  )
}
