import { byPosition } from '../../client/sync/positions.ts'
import type { Address } from '../app/address.ts'
import { whenText } from '../parts/when-text.ts'
import { t } from '../texts/texts.ts'
import { childrenOf } from './copy.ts'
import { addDays, dayOf, isOverdue, today } from './dates.ts'
import { state } from './store.ts'
import type { List, Task, When } from './types.ts'

// The tasks of a view, and their order.

export interface Row {
  readonly task: Task
  /** 0 at the top level. */
  readonly depth: number
  /** The heading above the row. */
  readonly heading?: string
}

export const dueOf = (task: Task): When | null => task.due as When | null

/** Whether the view has an order that the user can change. */
export const isOrdered = ({ view, tags, priorities }: Address): boolean =>
  (view === 'inbox' || view === 'list') && tags.length === 0 && priorities.length === 0

export function rowsOf(address: Address): Row[] {
  const { view, query } = address
  const list = view === 'list' ? address.list : null
  if (isOrdered(address)) return tree(list)
  const isShown = filterOf(address)
  const open = [...state.tasks.values()].filter(task => !task.is_completed && isShown(task))
  switch (view) {
    case 'today': {
      const now = today()
      return grouped(open.filter(task => isForDay(task, now)).sort(byDue), task =>
        isOverdue(task) ? t().overdue : t().today,
      )
    }
    case 'upcoming': {
      const from = addDays(today(), 1)
      const later = open.filter(task => (dayOf(dueOf(task)) ?? '') >= from)
      return grouped(later.sort(byDue), task => whenText({ date: dayOf(dueOf(task)) ?? '' }))
    }
    case 'completed': {
      const done = [...state.tasks.values()].filter(task => task.is_completed && isShown(task))
      return done
        .sort((a, b) => ((a.completed_at ?? '~') < (b.completed_at ?? '~') ? 1 : -1))
        .map(task => ({ task, depth: 0 }))
    }
    case 'search': {
      const words = folded(query).split(/\s+/).filter(Boolean)
      if (words.length + address.tags.length + address.priorities.length === 0) return []
      const found = [...state.tasks.values()].filter(
        task => isShown(task) && words.every(word => textOf(task).includes(word)),
      )
      return found.sort(byDue).map(task => ({ task, depth: 0 }))
    }
    default: {
      const here = open.filter(task => task.list_id === list)
      return here.sort(byPosition).map(task => ({ task, depth: 0 }))
    }
  }
}

const textOf = ({ title, description, tags }: Task): string =>
  folded([title, description, ...tags].join('\n'))

/** Without accents and apostrophes. The server also folds other characters. */
const folded = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f'’]/g, '')
    .toLowerCase()

export function filterOf({ tags, priorities }: Address): (task: Task) => boolean {
  const wanted = tags.map(tag => tag.toLowerCase())
  return task =>
    wanted.every(tag => task.tags.some(one => one.toLowerCase() === tag)) &&
    (priorities.length === 0 || priorities.includes(task.priority ?? 'none'))
}

function isForDay(task: Task, day: string): boolean {
  const due = dayOf(dueOf(task))
  return (due !== undefined && due <= day) || (task.deadline != null && task.deadline <= day)
}

/** By due date, dates after the times of their day and tasks without one last; then by priority. */
function byDue(a: Task, b: Task): number {
  return compare(dueKey(a), dueKey(b)) || rank(b) - rank(a) || a.id - b.id
}

function dueKey(task: Task): string {
  const due = dueOf(task)
  return due ? `${due.date}T${due.time ?? '~'}` : (task.deadline ?? '~')
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const rank = ({ priority }: Task): number => (priority ? ['low', 'medium', 'high'].indexOf(priority) + 1 : 0)

function grouped(tasks: readonly Task[], headingOf: (task: Task) => string): Row[] {
  let last = ''
  return tasks.map(task => {
    const heading = headingOf(task)
    const isNew = heading !== last
    last = heading
    return { task, depth: 0, ...(isNew && { heading }) }
  })
}

/** The open tasks of a list, each below its parent. Open subtasks replace a completed task. */
function tree(list: number | null): Row[] {
  const rows: Row[] = []
  const add = (tasks: readonly Task[], depth: number) => {
    for (const task of tasks) {
      if (!task.is_completed) rows.push({ task, depth })
      add(childrenOf(task.id, list), task.is_completed ? depth : depth + 1)
    }
  }
  add(childrenOf(null, list), 0)
  return rows
}

/** The lists in their order. @param also an archived list that is included */
export const activeLists = (also?: number | null): List[] =>
  [...state.lists.values()].filter(({ id, is_archived }) => !is_archived || id === also).sort(byPosition)

/** The number of open tasks of each view. */
export function countOpen(): { inbox: number; today: number; lists: Map<number, number> } {
  const now = today()
  const counts = { inbox: 0, today: 0, lists: new Map<number, number>() }
  for (const task of state.tasks.values()) {
    if (task.is_completed) continue
    if (task.list_id === null) counts.inbox += 1
    else counts.lists.set(task.list_id, (counts.lists.get(task.list_id) ?? 0) + 1)
    if ((task.due || task.deadline) && isForDay(task, now)) counts.today += 1
  }
  return counts
}

/** Tags of open tasks, the most frequent first. */
export function tagsInUse(): string[] {
  const counts = new Map<string, number>()
  for (const task of state.tasks.values())
    if (!task.is_completed) for (const tag of task.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1] || compare(a[0], b[0])).map(([tag]) => tag)
}
