import { moveTask } from '../model/actions.ts'
import type { Row } from '../model/views.ts'

export interface Dragged {
  readonly list: HTMLElement
  readonly rows: readonly Row[]
  readonly height: number
  /** Shows where the row would go; undefined for nowhere. */
  showLine(top: number | undefined): void
}

/** Drags a row by its grip, with a mouse, a pen or a finger: between two rows, or onto a list. */
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
  const move = ({ clientX, clientY }: PointerEvent) =>
    showLine(listAt(clientX, clientY) === undefined ? gapAt(clientY) * height : undefined)
  const end = ({ type, clientX, clientY }: PointerEvent) => {
    for (const name of ['pointerup', 'pointercancel'] as const) grip.removeEventListener(name, end)
    grip.removeEventListener('pointermove', move)
    document.body.classList.remove('is-dragging')
    showLine(undefined)
    if (type !== 'pointerup') return
    const target = listAt(clientX, clientY)
    if (target !== undefined) moveTask(row.task, { list_id: Number(target), parent_id: null })
    else drop(row, rows, gapAt(clientY))
  }
  grip.addEventListener('pointermove', move)
  for (const name of ['pointerup', 'pointercancel'] as const) grip.addEventListener(name, end)
}

/** The list in the navigation at this place. */
const listAt = (x: number, y: number): string | undefined =>
  document.elementFromPoint(x, y)?.closest<HTMLElement>('[data-list]')?.dataset.list

/** Drops a row before the one at `gap`, as its sibling, or at the end of the top level. */
function drop(row: Row, rows: readonly Row[], gap: number): void {
  const from = rows.indexOf(row)
  const below = rows.slice(from + 1).findIndex(({ depth }) => depth <= row.depth)
  const end = below === -1 ? rows.length : from + 1 + below
  // Into itself or its own subtasks.
  if (gap >= from && gap <= end) return
  const target = rows[gap]
  moveTask(
    row.task,
    target ? { parent_id: target.task.parent_id, before: target.task.id } : { parent_id: null, before: null },
  )
}
