import type { Row } from '../db/database.ts'
import type { Task } from './task.ts'

/** What `taskOf` reads, in its order. Times come as UTC text, whatever the session's time zone is. */
export const columns = (
  table: string,
) => `${table}.id, ${table}.title, ${table}.description, ${table}.is_completed,
  ${table}.completed_at at time zone 'UTC', ${table}.created_at at time zone 'UTC',
  ${table}.updated_at at time zone 'UTC', ${table}.revision`

/** Reads `columns`, which begin at `from`. */
export function taskOf(row: Row, from = 0): Task {
  return {
    id: Number(row[from]),
    title: row[from + 1] as string,
    description: row[from + 2] as string | null,
    isCompleted: row[from + 3] === 't',
    completedAt: row[from + 4] ? isoTime(row[from + 4] as string) : null,
    createdAt: isoTime(row[from + 5] as string),
    updatedAt: isoTime(row[from + 6] as string),
    revision: Number(row[from + 7]),
  }
}

// PostgreSQL writes `2026-01-31 09:30:00.25`, without trailing zeros; clients get six digits always.
function isoTime(text: string): string {
  const fraction = text.length > 19 ? text.slice(20) : ''
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(6, '0')}Z`
}
