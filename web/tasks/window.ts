import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Row } from '../model/views.ts'

// Which rows of a long list exist as elements, and where they are.

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

/** Where each row begins. A heading above a row takes the height of another. */
export function layout(rows: readonly Row[], height: number): { tops: readonly number[]; total: number } {
  let at = 0
  const tops = rows.map(({ heading }) => {
    if (heading !== undefined) at += height
    at += height
    return at - height
  })
  return { tops, total: at }
}

/** The first row that begins at `y` or below. */
function rowAt(tops: readonly number[], y: number): number {
  let low = 0
  let high = tops.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((tops[middle] ?? 0) < y) low = middle + 1
    else high = middle
  }
  return low
}

/** Which rows to show. When rows come or go above, the rows in the window stay where they are. */
export function useWindow(
  list: { readonly current: HTMLElement | null },
  rows: readonly Row[],
  tops: readonly number[],
) {
  // At first, about as many as fit.
  const [range, setRange] = useState({ first: 0, last: Math.ceil(innerHeight / 40) })
  const anchor = useRef<{ id: number; top: number } | undefined>(undefined)
  const look = useCallback(() => {
    const { current } = list
    if (!current) return
    const top = -current.getBoundingClientRect().top
    const index = rowAt(tops, top)
    const end = rowAt(tops, top + innerHeight)
    const around = (n: number) => ({ first: Math.max(0, index - n), last: Math.min(rows.length, end + n) })
    const least = around(margin / 2)
    setRange(was => (was.first <= least.first && was.last >= least.last ? was : around(margin)))
    const row = rows[index]
    anchor.current = index > 0 && row ? { id: row.task.id, top: tops[index] ?? 0 } : undefined
  }, [list, rows, tops])
  useLayoutEffect(() => {
    const { current } = anchor
    const index = current ? rows.findIndex(({ task }) => task.id === current.id) : -1
    const moved = current && index >= 0 ? (tops[index] ?? 0) - current.top : 0
    if (moved !== 0) scrollBy({ top: moved, behavior: 'instant' })
    look()
    addEventListener('scroll', look, { passive: true })
    addEventListener('resize', look)
    return () => {
      removeEventListener('scroll', look)
      removeEventListener('resize', look)
    }
  }, [look, rows, tops])
  return range
}
