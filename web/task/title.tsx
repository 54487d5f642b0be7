import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Task } from '../model/types.ts'
import { tl } from '../texts/later-texts.ts'
import { useDraft } from './draft.ts'

interface TitleProps {
  readonly task: Task
  readonly change: (title: string) => void
}

/** The title, which can be edited in place. It has no line breaks and any number of rows. */
export function Title({ task, change }: TitleProps) {
  const field = useRef<HTMLTextAreaElement>(null)
  const { text, onInput, onBlur, flush, reset } = useDraft(task.title, title => {
    if (title.trim() !== '') change(title.trim())
  })
  useGrowth(field, text)
  return (
    <textarea
      ref={field}
      class="title-field"
      aria-label={tl().title}
      rows={1}
      maxLength={500}
      dir="auto"
      value={text}
      onInput={onInput}
      onBlur={onBlur}
      onKeyDown={event => {
        if (event.key === 'Enter') {
          event.preventDefault()
          flush()
          event.currentTarget.blur()
        } else if (event.key === 'Escape' && text !== task.title) {
          event.preventDefault()
          reset()
        }
      }}
    />
  )
}

/** A field as high as its text. */
export function useGrowth(field: { readonly current: HTMLElement | null }, text: string): void {
  useLayoutEffect(() => {
    const { current } = field
    if (!current) return
    current.style.height = 'auto'
    current.style.height = `${current.scrollHeight + 2}px`
  }, [field, text])
}
