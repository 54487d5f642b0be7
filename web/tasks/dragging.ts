import { moveTask } from '../model/actions.ts'
import type { Row } from '../model/views.ts'

export interface Dragged {
  readonly list: HTMLElement
  readonly rows: readonly Row[]
  readonly height: number
  /** Shows the drop position; undefined for none. */
  showLine(top: number | undefined): void
}

/** Drags a row by its grip, with a mouse, a pen or by touch: between two rows, or onto a list. */
export function beginDrag(event: PointerEvent, { list, rows, height, showLine }: Dragged): void {
  const grip = event.target instanceof Element ? event.target.closest<HTMLElement>('.grip') : null
  const row = rows[Number(grip?.parentElement?.dataset.index)]
  if (!grip || !row || event.button !== 0) return
  event.preventDefault()
  grip.setPointerCapture(event.pointerId)
  document.body.classList.add('is-dragging')
  const gapAt = (y: number) => {
    const gap = Math.round((y - list.getBoundingClientRect().top) / height)
    return Math.min(Math.max(gap, 0), rows.length)
  }
  let target: HTMLElement | undefined
  const aim = (at: HTMLElement | undefined) => {
    target?.classList.remove('is-target')
    target = at
    target?.classList.add('is-target')
  }
  const move = ({ clientX, clientY }: PointerEvent) => {
    aim(listAt(clientX, clientY))
    showLine(target ? undefined : gapAt(clientY) * height)
    // Scrolls near an edge.
    const step = clientY < 64 ? -16 : clientY > innerHeight - 64 ? 16 : 0
    if (step !== 0) scrollBy({ top: step, behavior: 'instant' })
  }
  const end = ({ type, clientY }: PointerEvent) => {
    const name = target?.dataset.list
    for (const event of ['pointerup', 'pointercancel'] as const) grip.removeEventListener(event, end)
    grip.removeEventListener('pointermove', move)
    document.body.classList.remove('is-dragging')
    aim(undefined)
    showLine(undefined)
    if (type !== 'pointerup') return
    // The inbox is not a list.
    if (name !== undefined)
      moveTask(row.task, { list_id: name === '' ? null : Number(name), parent_id: null })
    else drop(row, rows, gapAt(clientY))
  }
  grip.addEventListener('pointermove', move)
  for (const name of ['pointerup', 'pointercancel'] as const) grip.addEventListener(name, end)
}

/** The list in the navigation at this position. */
const listAt = (x: number, y: number): HTMLElement | undefined =>
  document.elementFromPoint(x, y)?.closest<HTMLElement>('[data-list]') ?? undefined

/** Drops a row before the one at `gap`, as its sibling, or at the end of the top level. */
function drop(row: Row, rows: readonly Row[], gap: number): void {
  const from = rows.indexOf(row)
  const below = rows.slice(from + 1).findIndex(({ depth }) => depth <= row.depth)
  const end = below === -1 ? rows.length : from + 1 + below
  // Not into itself or its own subtasks.
  if (gap >= from && gap <= end) return
  const target = rows[gap]
  moveTask(
    row.task,
    target ? { parent_id: target.task.parent_id, before: target.task.id } : { parent_id: null, before: null },
  )
}
