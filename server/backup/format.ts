import { exit, StartError } from '../errors.ts'

// A backup is gzipped lines of JSON. The first line is a `Header`. Each table follows as a
// `TableStart`, one array per row with the columns' values in PostgreSQL's text format, and a
// `TableEnd`. The last line is an `End`. No value from the file becomes part of a statement's text.

export interface Header {
  readonly duly: 'backup'
  readonly format: number
  /** Version of Duly that wrote it. */
  readonly version: string
  readonly madeAt: string
  /** Names of the applied migrations, oldest first. */
  readonly migrations: readonly string[]
  /** The secret in DATA_DIR, if Duly generated one. */
  readonly secret?: string
}

export interface TableStart {
  readonly table: string
  readonly columns: readonly string[]
  /** By identity column: the last value that was used. */
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

/** The size and checksum of a table. */
export interface Content extends TableEnd {
  readonly table: string
}

export type DataRow = readonly (string | null)[]

export const format = 1

export function damaged(file: string, what: string): StartError {
  return new StartError(`The backup "${file}" cannot be used: ${what}\nNothing was changed.`, exit.dataErr)
}
