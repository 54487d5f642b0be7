import type { DataRow } from '../db/data-row.ts'
import { isoTime } from './iso-time.ts'
import type { Task } from './task.ts'

const usual = ['id', 'title', 'description', 'is_completed', 'created_at', 'updated_at'] as const
const all = [...usual, 'completed_at', 'revision'] as const
export type Column = (typeof all)[number]

/**
 * What tells a task, in this order. Times are microseconds since 2000 in binary format, whatever the session's time zone is. `usual`
 * is how they begin, and enough for most lists: a column costs PostgreSQL a tenth of a list.
 */
export const columnNames = { usual, all }
export type Columns = keyof typeof columnNames

const place = Object.fromEntries(all.map((name, at) => [name, at])) as Record<Column, number>

export const placeOf = (column: Column): number => place[column]

export const isUsual = (column: string): boolean => usual.some(name => name === column)

export const columns = (table: string, which: Columns = 'all') =>
  columnNames[which].map(name => `${table}.${name}`).join(', ')

/** Where the tasks of a list go, one by one, as rows whose `columns` begin at `from`. */
export interface TakeTasks {
  /** What it looks at. */
  readonly columns: Columns
  /** Told before the first, where it is known: how many come. */
  expect(count: number): void
  add(row: DataRow, from: number): void
}

/** Reads `columns`, which begin at `from`. */
export function taskOf(row: DataRow, from = 0): Task {
  return {
    id: row.integer(from + place.id),
    // Not null in the table.
    title: row.text(from + place.title) as string,
    description: row.text(from + place.description),
    isCompleted: row.flag(from + place.is_completed),
    completedAt: row.isNull(from + place.completed_at) ? null : timeOf(row, from + place.completed_at),
    createdAt: timeOf(row, from + place.created_at),
    updatedAt: timeOf(row, from + place.updated_at),
    revision: row.integer(from + place.revision),
  }
}

/** A time that is not null. */
export const timeOf = (row: DataRow, column: number): string => isoTime(row.integer(column))
