import { exit, StartError } from '../errors.ts'

// A backup is gzipped text: lines of JSON. The first is a `Header`. Then, for each table, a `TableStart`, a line per row, which is an
// array of the columns' values as PostgreSQL writes them in text, and a `TableEnd`. The last is an `End`. Nothing of it is ever
// part of a statement.

export interface Header {
  readonly duly: 'backup'
  readonly format: number
  /** Which version of Duly has written it. */
  readonly version: string
  readonly madeAt: string
  /** The names of those that had been applied, oldest first. */
  readonly migrations: readonly string[]
  /** The secret that was kept in DATA_DIR, where it was. */
  readonly secret?: string
}

export interface TableStart {
  readonly table: string
  readonly columns: readonly string[]
  /** By identity column: the last number that was given out. */
  readonly given: Readonly<Record<string, string>>
}

export interface TableEnd {
  readonly rows: number
  /** SHA-256 of the rows' lines, hexadecimal. */
  readonly sha256: string
}

export interface End {
  readonly tables: number
}

/** What a table holds, for people and for comparing. */
export interface Content extends TableEnd {
  readonly table: string
}

export type DataRow = readonly (string | null)[]

export const format = 1

export function damaged(file: string, what: string): StartError {
  return new StartError(`The backup "${file}" cannot be used: ${what}\nNothing was changed.`, exit.dataErr)
}
