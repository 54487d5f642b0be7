import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Address } from '../app/address.ts'
import { loadLater } from '../app/load-later.ts'
import { stableId } from '../model/copy.ts'
import { useStore } from '../model/store.ts'
import { isOrdered, type Row } from '../model/views.ts'
import { t } from '../texts/texts.ts'
import { useListKeys } from './keyboard.ts'
import { useRange } from './range.ts'
import { TaskRow } from './task-row.tsx'
import { layout, useRowHeight, useWindow } from './window.ts'

interface TaskListProps {
  readonly rows: readonly Row[]
  readonly address: Address
  readonly moment: object
}

/** Loaded once the tasks are on the screen. */
let later: typeof import('../app/later.ts') | undefined

/** The tasks of a view. Only rows near the viewport are rendered. All rows have the same height. */
export function TaskList({ rows, address, moment }: TaskListProps) {
  const list = useRef<HTMLUListElement>(null)
  const selected = useStore(state => state.selected)
  const [active, setActive] = useState<number | undefined>()
  const height = useRowHeight()
  const topOf = useMemo(() => layout(rows, height), [rows, height])
  const { first, last } = useWindow(list, rows, topOf)
  const isMovable = isOrdered(address)
  useEffect(() => {
    void loadLater().then(loaded => {
      later = loaded
    })
  }, [])
  const isActive = ({ task }: Row) => stableId(task.id) === active
  const found = active === undefined ? -1 : rows.findIndex(isActive)
  // When a row is removed, the next one gets its focus.
  const lastIndex = useRef(0)
  const activeIndex = found >= 0 ? found : Math.min(lastIndex.current, rows.length - 1)
  lastIndex.current = activeIndex
  const range = useRange(rows)
  const onKeyDown = useListKeys({ list, rows, activeIndex, setActive, topOf, isMovable, range })
  const [line, setLine] = useState<number | undefined>()
  const drag = (event: PointerEvent) => {
    if (isMovable && list.current)
      later?.beginDrag(event, { list: list.current, rows, height, showLine: setLine })
  }
  const focusRow = useCallback((id: number) => setActive(stableId(id)), [])
  const shown = rows.slice(first, last)
  const activeRow = rows[activeIndex]
  // The row with the focus stays rendered at any position.
  if (activeRow && (activeIndex < first || activeIndex >= last)) shown.push(activeRow)
  return (
    <ul
      ref={list}
      class="tasks"
      aria-label={t().tasks}
      style={{ height: `${topOf(rows.length)}px` }}
      onKeyDown={onKeyDown}
      onClick={range.click}
      onPointerDown={drag}
    >
      {shown.map(row => {
        const index = row === activeRow ? activeIndex : first + shown.indexOf(row)
        return (
          <TaskRow
            key={stableId(row.task.id)}
            task={row.task}
            heading={row.heading}
            depth={row.depth}
            index={index}
            count={rows.length}
            top={topOf(index)}
            isActive={index === activeIndex}
            isSelected={selected.has(row.task.id)}
            isOpen={address.task === row.task.id}
            isMovable={isMovable}
            view={address.view}
            onFocus={focusRow}
            moment={moment}
          />
        )
      })}
      {line === undefined ? null : <li class="drop-line" role="presentation" style={{ top: `${line}px` }} />}
    </ul>
  )
}
