import type { DataRow } from '../db/data-row.ts'
import { isoTime } from './iso-time.ts'
import type { Task } from './task.ts'

/** The columns of a task, in this order. Times come in binary format, whatever the session's time zone is. */
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

/** What a column holds. Another kind does not compile until `PrintedTasks` handles it. */
export type Kind = 'integer' | 'text' | 'boolean' | 'time'

const kinds: Readonly<Record<Column, Kind>> = {
  id: 'integer',
  title: 'text',
  description: 'text',
  is_completed: 'boolean',
  created_at: 'time',
  updated_at: 'time',
  completed_at: 'time',
  revision: 'integer',
}

export const kindOf = (column: Column): Kind => kinds[column]

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
export const timeOf = (row: DataRow, column: number): string =>
  isoTime(row.second(column), row.microsecond(column))
