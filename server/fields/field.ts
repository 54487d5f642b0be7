import type { DataRow } from '../db/data-row.ts'
import type { Element, Value } from '../db/database.ts'
import { isoTime } from './iso-time.ts'

// A kind of item (tasks, lists) is described once, as a table of fields. Columns, types,
// validation, statements, JSON, exports and the OpenAPI document are derived from it.

/** The kind of a value. A new kind compiles only when every reader and printer handles it. */
export type Kind = 'integer' | 'text' | 'boolean' | 'time' | 'json'

/** The PostgreSQL type of a column. */
export const sqlTypes: Readonly<Record<Kind, string>> = {
  integer: 'bigint',
  text: 'text',
  boolean: 'boolean',
  time: 'timestamptz',
  json: 'jsonb',
}

interface Common {
  readonly description?: string
  /** The value in the examples of the OpenAPI document. */
  readonly example: unknown
  readonly nullable?: true
  /** Whether clients may set it. */
  readonly writable?: true
  /** Whether a new item must have it. The default of other fields is `initial`, or null. */
  readonly required?: true
  readonly initial?: boolean | number | string
  /** Whether lists can be filtered by its value. */
  readonly filter?: true
  /** Stored for other contracts, and not part of `v1`. */
  readonly hidden?: true
  /**
   * Columns that follow the value: the SQL of each, from the SQL of the new value. `old` is the
   * row, `owner.at` the time.
   */
  readonly follows?: Readonly<Record<string, (value: string) => string>>
}

/** A column that is computed from a value and stored beside it, for searches and orders. */
interface Derived<T> {
  /** A PostgreSQL type. */
  readonly type: string
  of(value: T): Value
}

interface TextField extends Common {
  readonly kind: 'text'
  /** Unicode code points. Absent for texts that clients do not write. */
  readonly maxLength?: number
  /** Whether white space around it is removed. */
  readonly trimmed?: true
  /** Whether it must contain a visible character. */
  readonly visible?: true
  /** Whether it is a date: `2026-12-01`. */
  readonly date?: true
  /** A regular expression for the text, and a noun for messages. */
  readonly matches?: { readonly pattern: string; readonly as: string }
  /** The values that it may have. */
  readonly values?: readonly string[]
  readonly derived?: Readonly<Record<string, Derived<string>>>
}

interface PlainField extends Common {
  readonly kind: 'integer' | 'boolean' | 'time'
  readonly minimum?: number
  readonly maximum?: number
}

/** A structured value, stored as `jsonb`. An empty one is stored as null. */
export interface JsonField<T = unknown> extends Common {
  readonly kind: 'json'
  readonly schema: Readonly<Record<string, unknown>>
  /** The value that clients see for null. */
  readonly empty: T
  /** Reads a value that a client sent. @throws InvalidValue */
  read(value: unknown): T
  /** Whether a change names the members that it sets, with null for those that it removes. */
  readonly merges?: true
  /**
   * The bytes that a value counts as, instead of its length. Such a value may be empty without
   * being null.
   */
  readonly bytes?: number
  readonly derived?: Readonly<Record<string, Derived<T & {}>>>
}

/** A problem of a value: the end of a sentence that begins with the name of the field. */
export class InvalidValue extends Error {}

export type Field = TextField | PlainField | JsonField
export type Fields = Readonly<Record<string, Field>>

interface Plain {
  readonly integer: number
  readonly text: string
  readonly boolean: boolean
  /** ISO 8601 in UTC with microseconds: `2026-01-31T09:30:00.000000Z`. */
  readonly time: string
}

type ValueOf<F extends Field> = F extends { kind: 'json'; read(value: unknown): infer T }
  ? T
  : Plain[Exclude<F['kind'], 'json'>] | (F extends { nullable: true } ? null : never)
export type ItemOf<F extends Fields> = { readonly [Name in keyof F]: ValueOf<F[Name]> }

type Writable<F extends Fields> = {
  [Name in keyof F]: F[Name] extends { writable: true } ? Name : never
}[keyof F]
type Required<F extends Fields> = {
  [Name in keyof F]: F[Name] extends { required: true } ? Name : never
}[keyof F]

/** Some of the writable fields. Null stands for an empty structured value. */
export type ChangeOf<F extends Fields> = {
  readonly [Name in Writable<F>]?: ValueOf<F[Name]> | (F[Name] extends { kind: 'json' } ? null : never)
}
export type NewOf<F extends Fields> = ChangeOf<F> & { readonly [Name in Required<F>]: ValueOf<F[Name]> }

/** A table of fields with what is derived from it. */
export interface FieldTable<F extends Fields> {
  readonly fields: F
  /** In the order of their columns. */
  readonly names: readonly (keyof F & string)[]
  readonly writable: readonly (Writable<F> & string)[]
  /** Without those that are hidden. */
  readonly shown: readonly (keyof F & string)[]
  readonly filters: readonly (keyof F & string)[]
  /** Columns of variable length, with the SQL of their bytes. */
  readonly sized: Readonly<Record<string, (sql: string) => string>>
  /** The columns as a select list, in their order. */
  columns(table: string): string
  /** Where a field stands in `columns`. */
  placeOf(name: keyof F): number
  /** Reads one of `columns`, which begin at `from`. */
  readOne(name: keyof F & string, row: DataRow, from: number): unknown
  /** Reads `columns`, which begin at `from`, in PostgreSQL's binary format. */
  read(row: DataRow, from?: number): ItemOf<F>
}

export function fieldTable<const F extends Fields>(fields: F): FieldTable<F> {
  const entries = Object.entries<Field>(fields) as [keyof F & string, Field][]
  const names = entries.map(([name]) => name)
  const places = new Map(names.map((name, place) => [name as keyof F, place]))
  const having = (flag: 'writable' | 'filter') =>
    entries.filter(([, field]) => field[flag]).map(([name]) => name)
  const readValue = (field: Field, row: DataRow, column: number) => {
    if (row.isNull(column)) return field.kind === 'json' ? field.empty : null
    return readers[field.kind](row, column)
  }
  return {
    fields,
    names,
    writable: having('writable') as (Writable<F> & string)[],
    shown: entries.filter(([, { hidden }]) => !hidden).map(([name]) => name),
    filters: having('filter'),
    sized: Object.fromEntries(
      entries.flatMap(([name, field]) => {
        if (field.kind === 'json') return [[name, jsonBytesOf(field)]]
        if (field.kind !== 'text' || !field.writable) return []
        return [name, ...Object.keys(field.derived ?? {})].map(column => [column, bytesOf] as const)
      }),
    ),
    columns: table => names.map(name => `${table}.${name}`).join(', '),
    placeOf: name => places.get(name) as number,
    readOne: (name, row, from) => readValue(fields[name] as Field, row, from + (places.get(name) as number)),
    read(row, from = 0) {
      const item: Record<string, unknown> = {}
      for (let n = 0; n < entries.length; n += 1) {
        const [name, field] = entries[n] as [string, Field]
        item[name] = readValue(field, row, from + n)
      }
      return item as ItemOf<F>
    },
  }
}

/** The SQL of a text's bytes. */
const bytesOf = (sql: string) => `coalesce(octet_length(${sql}), 0)`

const jsonBytesOf =
  ({ bytes }: JsonField) =>
  (sql: string) =>
    bytes === undefined ? bytesOf(`(${sql})::text`) : `case when (${sql}) is null then 0 else ${bytes} end`

/** The parameter that stores a value. */
export function valueIn(field: Field, value: unknown): Element {
  if (field.kind !== 'json') return value as Element
  const text = JSON.stringify(value)
  return value === null || text === '[]' || text === '{}' ? null : text
}

/** A time that is not null. */
export const timeOf = (row: DataRow, column: number): string =>
  isoTime(row.second(column), row.microsecond(column))

const readers: Readonly<Record<Kind, (row: DataRow, column: number) => unknown>> = {
  integer: (row, column) => row.integer(column),
  text: (row, column) => row.text(column),
  boolean: (row, column) => row.flag(column),
  time: timeOf,
  json: (row, column) => JSON.parse(row.json(column)),
}
