import type { DataRow } from '../db/data-row.ts'
import { isoTime } from './iso-time.ts'
import type { Task } from './task.ts'

/**
 * The columns of a task, in this order. Times are microseconds since 2000 in binary format, whatever the session's time zone
 * is.
 */
const columnNames = [
  'id',
  'title',
  'description',
  'is_completed',
  'created_at',
  'updated_at',
  'completed_at',
  'revision',
] as const
export type Column = (typeof columnNames)[number]

export const columnCount = columnNames.length

const place = Object.fromEntries(columnNames.map((name, at) => [name, at])) as Record<Column, number>

export const placeOf = (column: Column): number => place[column]

export const columns = (table: string) => columnNames.map(name => `${table}.${name}`).join(', ')

/** Where the tasks of a list go, one by one, as rows whose `columns` begin at `from`. */
export interface TakeTasks {
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
