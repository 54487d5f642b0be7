import type { DataRow } from '../db/data-row.ts'
import { isoTime } from './iso-time.ts'

// A kind of item (tasks, lists) is described once, as a table of fields. Columns, types,
// validation, statements, JSON, exports and the OpenAPI document are derived from it.

/** What a column holds. Another kind does not compile until each reader and printer handles it. */
export type Kind = 'integer' | 'text' | 'boolean' | 'time'

/** The PostgreSQL type of a column. */
export const sqlTypes: Readonly<Record<Kind, string>> = {
  integer: 'bigint',
  text: 'text',
  boolean: 'boolean',
  time: 'timestamptz',
}

interface Common {
  readonly description?: string
  /** The value in the examples of the OpenAPI document. */
  readonly example: string | number | boolean | null
  readonly nullable?: true
  /** Whether clients may set it. */
  readonly writable?: true
  /** Whether a new item must have it. Other writable fields begin as `initial`, or as null. */
  readonly required?: true
  readonly initial?: boolean | number | string
  /** Whether lists can be filtered by its value. */
  readonly filter?: true
}

export interface TextField extends Common {
  readonly kind: 'text'
  /** Unicode code points. Absent for texts that clients do not write. */
  readonly maxLength?: number
  /** Whether white space around it is removed. */
  readonly trimmed?: true
  /** Whether it must contain a visible character. */
  readonly visible?: true
  /** The column with the folded text, which searches and orders compare. */
  readonly folded?: string
}

export interface PlainField extends Common {
  readonly kind: 'integer' | 'boolean' | 'time'
  /**
   * Columns that follow the value: the SQL of each, from the SQL of the new value. `old` is the
   * row, `owner.at` the time.
   */
  readonly follows?: Readonly<Record<string, (value: string) => string>>
  readonly minimum?: number
}

export type Field = TextField | PlainField
export type Fields = Readonly<Record<string, Field>>

interface Plain {
  readonly integer: number
  readonly text: string
  readonly boolean: boolean
  /** ISO 8601 in UTC with microseconds: `2026-01-31T09:30:00.000000Z`. */
  readonly time: string
}

export type ValueOf<F extends Field> = Plain[F['kind']] | (F extends { nullable: true } ? null : never)
export type ItemOf<F extends Fields> = { readonly [Name in keyof F]: ValueOf<F[Name]> }

type Writable<F extends Fields> = {
  [Name in keyof F]: F[Name] extends { writable: true } ? Name : never
}[keyof F]
type Required<F extends Fields> = {
  [Name in keyof F]: F[Name] extends { required: true } ? Name : never
}[keyof F]

/** Some of the writable fields. */
export type ChangeOf<F extends Fields> = { readonly [Name in Writable<F>]?: ValueOf<F[Name]> }
export type NewOf<F extends Fields> = ChangeOf<F> & { readonly [Name in Required<F>]: ValueOf<F[Name]> }

/** A table of fields with what is derived from it. */
export interface FieldTable<F extends Fields> {
  readonly fields: F
  /** In the order of their columns. */
  readonly names: readonly (keyof F & string)[]
  readonly writable: readonly (Writable<F> & string)[]
  readonly filters: readonly (keyof F & string)[]
  /** Columns with texts, folded ones included: what a row weighs. */
  readonly texts: readonly string[]
  /** The columns as a select list, in their order. */
  columns(table: string): string
  /** Where a field stands in `columns`. */
  placeOf(name: keyof F): number
  /** Reads `columns`, which begin at `from`, in PostgreSQL's binary format. */
  read(row: DataRow, from?: number): ItemOf<F>
}

export function fieldTable<const F extends Fields>(fields: F): FieldTable<F> {
  const entries = Object.entries<Field>(fields) as [keyof F & string, Field][]
  const names = entries.map(([name]) => name)
  const places = new Map(names.map((name, place) => [name as keyof F, place]))
  const having = (flag: 'writable' | 'filter') =>
    entries.filter(([, field]) => field[flag]).map(([name]) => name)
  return {
    fields,
    names,
    writable: having('writable') as (Writable<F> & string)[],
    filters: having('filter'),
    texts: entries.flatMap(([name, field]) =>
      field.kind !== 'text' ? [] : field.folded === undefined ? [name] : [name, field.folded],
    ),
    columns: table => names.map(name => `${table}.${name}`).join(', '),
    placeOf: name => places.get(name) as number,
    read(row, from = 0) {
      const item: Record<string, unknown> = {}
      for (let n = 0; n < entries.length; n += 1) {
        const [name, { kind }] = entries[n] as [string, Field]
        item[name] = row.isNull(from + n) ? null : readers[kind](row, from + n)
      }
      return item as ItemOf<F>
    },
  }
}

/** A time that is not null. */
export const timeOf = (row: DataRow, column: number): string =>
  isoTime(row.second(column), row.microsecond(column))

const readers: Readonly<Record<Kind, (row: DataRow, column: number) => unknown>> = {
  integer: (row, column) => row.integer(column),
  text: (row, column) => row.text(column),
  boolean: (row, column) => row.flag(column),
  time: timeOf,
}
