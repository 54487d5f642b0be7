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
  const { id, title, description, isCompleted, completedAt, createdAt, updatedAt, revision } = viewOf(
    row,
    from,
  )
  return { id, title, description, isCompleted, completedAt, createdAt, updatedAt, revision }
}

/** The same, for lists: what nobody looks at is not read, and no contract looks at everything. */
export function viewOf(row: Row, from = 0): Task {
  return new View(row, from)
}

class View implements Task {
  readonly #row: Row
  readonly #from: number

  constructor(row: Row, from: number) {
    this.#row = row
    this.#from = from
  }

  get id(): number {
    return Number(this.#row[this.#from])
  }

  get title(): string {
    return this.#row[this.#from + 1] as string
  }

  get description(): string | null {
    return this.#row[this.#from + 2] as string | null
  }

  get isCompleted(): boolean {
    return this.#row[this.#from + 3] === 't'
  }

  get completedAt(): string | null {
    const time = this.#row[this.#from + 4]
    return time ? isoTime(time) : null
  }

  get createdAt(): string {
    return isoTime(this.#row[this.#from + 5] as string)
  }

  get updatedAt(): string {
    return isoTime(this.#row[this.#from + 6] as string)
  }

  get revision(): number {
    return Number(this.#row[this.#from + 7])
  }
}

// PostgreSQL writes `2026-01-31 09:30:00.25`, without trailing zeros; clients get six digits always.
function isoTime(text: string): string {
  const day = text.slice(0, 10)
  const time = text.slice(11)
  if (time.length === 15) return `${day}T${time}Z`
  return `${day}T${time.length === 8 ? `${time}.000000` : time.padEnd(15, '0')}Z`
}
