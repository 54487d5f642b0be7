import { useRef } from 'preact/hooks'
import { stableId } from '../model/copy.ts'
import { update } from '../model/store.ts'
import type { Row } from '../model/views.ts'

export type Range = ReturnType<typeof useRange>

/** Selects all rows from one to another, as Shift does in most lists. */
export function useRange(rows: readonly Row[]) {
  const anchor = useRef<number | undefined>(undefined)
  const begin = (index: number | undefined) => {
    const row = index === undefined ? undefined : rows[index]
    anchor.current = row && stableId(row.task.id)
  }
  const extend = (from: number, to: number) => {
    if (anchor.current === undefined) begin(from)
    const found = rows.findIndex(({ task }) => stableId(task.id) === anchor.current)
    const first = found < 0 ? from : found
    const chosen = rows.slice(Math.min(first, to), Math.max(first, to) + 1)
    update({ selected: new Set(chosen.map(({ task }) => task.id)) })
  }
  const click = ({ target, shiftKey }: MouseEvent) => {
    const title = target instanceof Element ? target.closest('.task-title') : null
    if (!title) return
    const index = Number(title.closest<HTMLElement>('.task')?.dataset.index)
    if (shiftKey) extend(index, index)
    else begin(index)
  }
  return { begin, extend, click }
}
