import { useEffect, useRef, useState } from 'preact/hooks'

/**
 * The text of a field while the user edits it, independent of changes by other devices. `save` gets
 * the text when the field loses the focus, after a pause, and when the field is removed.
 */
export function useDraft(value: string, save: (text: string) => void) {
  const [draft, setDraft] = useState<string | undefined>()
  const latest = useRef({ draft, value, save })
  latest.current = { draft, value, save }
  const flush = () => {
    const { draft: text, value: before, save: keep } = latest.current
    if (text === undefined || text === before) return
    // The field is rendered later with the saved text.
    latest.current.value = text
    keep(text)
  }
  useEffect(() => {
    if (draft === undefined) return
    const timer = setTimeout(flush, 1500)
    return () => clearTimeout(timer)
  }, [draft])
  useEffect(() => flush, [])
  return {
    text: draft ?? value,
    onInput: (event: { readonly currentTarget: { readonly value: string } }) =>
      setDraft(event.currentTarget.value),
    onBlur: () => {
      flush()
      setDraft(undefined)
    },
    /** Discards the typed text. */
    reset: () => setDraft(undefined),
    flush,
  }
}
