import { openTask } from '../app/address.ts'
import { chosen } from '../app/appearance.ts'
import { changeTask, completeTask, deleteTasks, moveTask } from '../model/actions.ts'
import { stableId } from '../model/copy.ts'
import { state, update } from '../model/store.ts'
import type { Row } from '../model/views.ts'
import { t } from '../texts/texts.ts'
import type { Range } from './range.ts'
import { toggleSelected } from './task-row.tsx'
import type { TopOf } from './window.ts'

interface ListKeys {
  readonly list: { readonly current: HTMLElement | null }
  readonly rows: readonly Row[]
  readonly activeIndex: number
  readonly setActive: (id: number) => void
  readonly topOf: TopOf
  readonly isMovable: boolean
  readonly range: Range
}

/** The keys of a list of tasks. One row has the focus; arrow keys move it. */
export function useListKeys({ list, rows, activeIndex, setActive, topOf, isMovable, range }: ListKeys) {
  const focus = (index: number) => {
    const row = rows[Math.min(Math.max(index, 0), rows.length - 1)]
    if (!row) return
    setActive(stableId(row.task.id))
    const top = (list.current?.getBoundingClientRect().top ?? 0) + topOf(rows.indexOf(row))
    if (top < 120) scrollBy({ top: top - 120, behavior: 'instant' })
    if (top > innerHeight - 120) scrollBy({ top: top - innerHeight + 120, behavior: 'instant' })
    requestAnimationFrame(() => focusActive(list.current))
  }
  const step = (by: number, isShift: boolean) => {
    const index = Math.min(Math.max(activeIndex + by, 0), rows.length - 1)
    if (isShift) range.extend(activeIndex, index)
    else range.begin(undefined)
    focus(index)
  }
  return (event: KeyboardEvent) => {
    const row = rows[activeIndex]
    if (!row || event.ctrlKey || event.metaKey) return
    const { task } = row
    const { key } = event
    if (event.altKey) {
      if (!isMovable || !moveByKey(key, rows, activeIndex)) return
    } else if (key === 'ArrowDown' || key === 'j') step(1, event.shiftKey)
    else if (key === 'ArrowUp' || key === 'k') step(-1, event.shiftKey)
    else if (key === 'Home') focus(0)
    else if (key === 'End') focus(rows.length - 1)
    else if (key === 'PageDown') focus(activeIndex + 10)
    else if (key === 'PageUp') focus(activeIndex - 10)
    else if (key === 'Delete' || key === 'Backspace') {
      deleteTasks(state.selected.size > 0 ? state.selected : [task.id])
    } else if (key === 'Escape' && state.selected.size > 0) {
      update({ selected: new Set() })
      range.begin(undefined)
    } else if (chosen('shortcuts') === 'off') return
    else if (key === 'x') {
      toggleSelected(task.id)
      range.begin(activeIndex)
    } else if (key === 'e') openTask(task.id)
    else if (key === ' ') completeTask(task)
    else if (/^[0-3]$/.test(key)) {
      const priority = ([null, 'high', 'medium', 'low'] as const)[Number(key)] ?? null
      changeTask(task.id, { priority }, t().changedTask(task.title))
    } else return
    event.preventDefault()
    event.stopPropagation()
  }
}

function focusActive(list: HTMLElement | null): void {
  list?.querySelector<HTMLElement>('.task-title[tabindex="0"]')?.focus()
}

/** Moves a task among its siblings, below the one above it, or out of its parent. */
function moveByKey(key: string, rows: readonly Row[], index: number): boolean {
  const row = rows[index]
  if (!row) return false
  const { task, depth } = row
  const siblings = rows.filter(one => one.task.parent_id === task.parent_id && one.depth === depth)
  const at = siblings.indexOf(row)
  if (key === 'ArrowUp' && at > 0) moveTask(task, { before: siblings[at - 1]?.task.id ?? null })
  else if (key === 'ArrowDown' && at < siblings.length - 1)
    moveTask(task, { after: siblings[at + 1]?.task.id ?? null })
  else if (key === 'ArrowRight' && at > 0 && depth < 7)
    moveTask(task, { parent_id: siblings[at - 1]?.task.id ?? null })
  else if (key === 'ArrowLeft' && task.parent_id !== null) {
    const parent = state.tasks.get(task.parent_id)
    if (!parent) return false
    moveTask(task, { parent_id: parent.parent_id, after: parent.id })
  } else return key.startsWith('Arrow')
  return true
}
