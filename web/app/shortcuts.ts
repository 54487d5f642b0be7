import { useEffect } from 'preact/hooks'
import { redo, undo } from '../model/undo.ts'
import { closeTask, go, readAddress, type View } from './address.ts'
import { chosen } from './appearance.ts'

type Overlay = 'palette' | 'shortcuts'

const views: Readonly<Record<string, View>> = {
  i: 'inbox',
  t: 'today',
  u: 'upcoming',
  c: 'completed',
  d: 'trash',
  a: 'account',
}

/** Global shortcuts. Those of a list of tasks are in tasks/keyboard.ts. */
export function useShortcuts(open: (overlay: Overlay) => void): void {
  useEffect(() => {
    let isAfterG = false
    const press = (event: KeyboardEvent) => {
      const key = event.key.toLowerCase()
      const isCommand = event.ctrlKey || event.metaKey
      if (isCommand && key === 'k') {
        event.preventDefault()
        return open('palette')
      }
      // A field undoes its own text, and a dialog has its own keys.
      if (isTyping(event.target) || document.querySelector('dialog[open]')) return
      if (isCommand && key === 'z') {
        event.preventDefault()
        return event.shiftKey ? redo() : undo()
      }
      if (isCommand || event.altKey || chosen('shortcuts') === 'off') return
      const view = isAfterG ? views[key] : undefined
      isAfterG = key === 'g'
      if (view) go({ view })
      else if (key === '?') open('shortcuts')
      else if (key === '/') go({ view: 'search' })
      else if (key === 'n' || key === 'q') focusEntry()
      else if (key === 'escape' && readAddress().task !== null) closeTask()
      else return
      event.preventDefault()
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [open])
}

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
    !(target instanceof HTMLInputElement && target.type === 'checkbox')
  )
}

export const focusEntry = (): void => document.getElementById('entry')?.focus()
