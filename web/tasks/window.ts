import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Row } from '../model/views.ts'

// The rows of a long list that are rendered, and their positions.

const margin = 8

/** The height of a row in pixels, which follows the size of text and the density. */
export function useRowHeight(): number {
  const read = () => {
    const root = getComputedStyle(document.documentElement)
    const rows = Number.parseFloat(root.getPropertyValue('--row')) || 2.75
    return Math.round(rows * Number.parseFloat(root.fontSize))
  }
  const [height, setHeight] = useState(read)
  useEffect(() => {
    const look = () => setHeight(read())
    addEventListener('resize', look)
    return () => removeEventListener('resize', look)
  }, [])
  return height
}

/** The top of the row with an index; with the number of rows, the bottom of the last one. */
export type TopOf = (index: number) => number

/** A heading above a row has the height of another row. If one row has a heading, the first has. */
export function layout(rows: readonly Row[], height: number): TopOf {
  if (rows[0]?.heading === undefined) return index => index * height
  let at = 0
  const tops = rows.map(({ heading }) => {
    if (heading !== undefined) at += height
    at += height
    return at - height
  })
  return index => tops[index] ?? at
}

/** The first row that begins at `y` or below. */
function rowAt(topOf: TopOf, count: number, y: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (topOf(middle) < y) low = middle + 1
    else high = middle
  }
  return low
}

/** The rows to render. When rows are added or removed above, the visible rows do not move. */
export function useWindow(
  list: { readonly current: HTMLElement | null },
  rows: readonly Row[],
  topOf: TopOf,
) {
  // At first, approximately the visible rows.
  const [range, setRange] = useState({ first: 0, last: Math.ceil(innerHeight / 40) })
  const anchor = useRef<{ id: number; top: number } | undefined>(undefined)
  const look = useCallback(() => {
    const { current } = list
    if (!current) return
    const top = -current.getBoundingClientRect().top
    const index = rowAt(topOf, rows.length, top)
    const end = rowAt(topOf, rows.length, top + innerHeight)
    const around = (n: number) => ({ first: Math.max(0, index - n), last: Math.min(rows.length, end + n) })
    const least = around(margin / 2)
    setRange(was => (was.first <= least.first && was.last >= least.last ? was : around(margin)))
    const row = rows[index]
    anchor.current = index > 0 && row ? { id: row.task.id, top: topOf(index) } : undefined
  }, [list, rows, topOf])
  useLayoutEffect(() => {
    const { current } = anchor
    const index = current ? rows.findIndex(({ task }) => task.id === current.id) : -1
    const moved = current && index >= 0 ? topOf(index) - current.top : 0
    if (moved !== 0) scrollBy({ top: moved, behavior: 'instant' })
    look()
    addEventListener('scroll', look, { passive: true })
    addEventListener('resize', look)
    return () => {
      removeEventListener('scroll', look)
      removeEventListener('resize', look)
    }
  }, [look, rows, topOf])
  return range
}
