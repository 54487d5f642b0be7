import pg from 'pg'
import driver from 'pg/lib/utils.js'
import type { DataRow } from './data-row.ts'
import type { Row, TakeRow } from './database.ts'

// Cheaper queries for the driver. Its own class copies its settings, makes PostgreSQL describe the
// columns each time, and copies every row through a parser for each column. Callers know the
// columns of their statements. This relies on internals of the driver, so its version is pinned.
//
// Callbacks are assigned to a constant before they become a property: see "Callbacks" in
// docs/decisions/0029-code-for-v8.md.

/** The part of the driver's connection that a statement uses. */
interface Wire {
  readonly parsedStatements: Readonly<Record<string, string | undefined>>
  readonly submittedNamedStatements: Record<string, string | undefined>
  parse(statement: { text: string; name: string }): void
  describe(of: { type: 'S'; name: string }): void
  bind(values: object): void
  execute(portal: { portal: string; rows: number }): void
  sync(): void
}

interface DriverQuery {
  name: string
  text: string
  values: readonly unknown[]
  binary: boolean
  callback: (error: Error | null) => void
  _canceledDueToError: unknown
  handleError(error: Error, wire: Wire): void
}

// The driver's types lack what a subclass needs.
const Base = pg.Query as unknown as new (text: string) => DriverQuery

/**
 * What `DataRow` reads in binary format, as pg_type.dat numbers it: bool, int8, int2, int4, text,
 * varchar, timestamptz, jsonb.
 */
const readable: ReadonlySet<number> = new Set([16, 20, 21, 23, 25, 1043, 1184, 3802])

interface Columns {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[]
}

/** @returns an error if `DataRow` cannot read the type of a column in binary format */
function unreadable({ fields }: Columns): TypeError | undefined {
  const unknown = fields.find(({ dataTypeID }) => !readable.has(dataTypeID))
  return (
    unknown &&
    new TypeError(`column "${unknown.name}" is of a type (${unknown.dataTypeID}) that cannot be read`)
  )
}

type Answer = (error: Error | null, result: { rows: Row[] }) => void

/** Returns rows as strings, without their columns; or passes each to `take` in binary format. */
export class RowsQuery extends Base {
  readonly describe: boolean
  readonly #rows: Row[] = []
  readonly #take: TakeRow

  /** @param describe whether to check the types of the columns: once per statement is enough */
  constructor(
    name: string,
    text: string,
    values: readonly unknown[] | undefined,
    answer: Answer,
    take?: TakeRow,
    describe = false,
  ) {
    super(text)
    this.name = name
    // Before anything is sent: a value that cannot be serialized affects no other statement.
    this.values = written(values ?? [])
    this.binary = take !== undefined
    this.describe = describe
    this.#take = take ?? (({ fields }) => this.#rows.push(fields))
    const callback = (error: Error | null) => answer(error, { rows: this.#rows })
    this.callback = callback
  }

  requiresPreparation(): true {
    return true
  }

  prepare(wire: Wire): void {
    start(wire, this)
    wire.sync()
  }

  handleRowDescription(columns: Columns): void {
    this._canceledDueToError ||= unreadable(columns)
  }

  handleDataRow(row: DataRow): void {
    if (this._canceledDueToError) return
    try {
      if (this.binary) row.locate()
      this.#take(row)
    } catch (error) {
      // The driver rejects when the statement ends.
      this._canceledDueToError = error
    }
  }

  handleCommandComplete(_message: { text: string }): void {}
}

/** One statement of a transaction. */
export interface Part {
  readonly name: string
  readonly text: string
  readonly values: readonly unknown[]
  /** Whether its rows come in binary format. */
  readonly binary: boolean
  /** Whether the types of its columns are checked. */
  readonly describe: boolean
}

// Like `DriverQuery`, without the properties that become accessors.
interface QueryOfSeveral extends Omit<DriverQuery, 'name' | 'text' | 'handleError'> {
  handleError(error: Error, wire: Wire): void
}
const BaseOfSeveral = pg.Query as unknown as new (text: string) => QueryOfSeveral

/** @param rows copied rows of each statement; if one failed, of those before it */
type AnswerOfAll = (error: Error | null, rows: readonly (readonly Buffer[])[]) => void

/**
 * Statements that PostgreSQL runs as one transaction, because one Sync ends them (PostgreSQL
 * manual, "Pipelining"). Those with a name are prepared on this session.
 */
export class TransactionQuery extends BaseOfSeveral {
  readonly #parts: readonly Part[]
  readonly #rows: Buffer[][] = []
  #ofThis: Buffer[] = []
  #wire: Wire | undefined

  constructor(parts: readonly Part[], answer: AnswerOfAll) {
    super('')
    this.#parts = parts
    const callback = (error: Error | null) => answer(error, this.#rows)
    this.callback = callback
  }

  // When PostgreSQL has parsed a statement, the driver stores the name and text of this query as
  // prepared. Statements are parsed in order, so these are those of the first one not yet parsed.

  get name(): string {
    return this.#parsing?.name ?? ''
  }

  set name(_: string) {}

  get text(): string {
    return this.#parsing?.text ?? ''
  }

  set text(_: string) {}

  get #parsing(): Part | undefined {
    return this.#parts.find(({ name }) => this.#wire?.submittedNamedStatements[name] !== undefined)
  }

  requiresPreparation(): true {
    return true
  }

  prepare(wire: Wire): void {
    this.#wire = wire
    // Before any is run: after a failure, none would be prepared.
    for (const part of this.#parts) if (part.name) parse(wire, part)
    for (const part of this.#parts) start(wire, part)
    wire.sync()
  }

  override handleError(error: Error, wire: Wire): void {
    for (const { name } of this.#parts) delete wire.submittedNamedStatements[name]
    super.handleError(error, wire)
  }

  handleRowDescription(columns: Columns): void {
    this._canceledDueToError ||= unreadable(columns)
  }

  handleDataRow(row: DataRow): void {
    this.#ofThis.push(row.copy())
  }

  handleCommandComplete(_message: { text: string }): void {
    this.#rows.push(this.#ofThis)
    this.#ofThis = []
  }
}

/** Serializes the values as the driver does. */
export function written(values: readonly unknown[]): readonly unknown[] {
  return values.map(value => (Array.isArray(value) ? arrayLiteral(value) : driver.prepareValue(value)))
}

/** The text of an array. The driver appends to a text, which takes five times the memory. */
export const arrayLiteral = (values: readonly unknown[]): string => `{${values.map(elementLiteral).join()}}`

function elementLiteral(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'string') return `"${value.replace(/["\\]/g, '\\$&')}"`
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new TypeError(`a parameter that is an array cannot contain a value of the type ${typeof value}`)
}

function parse(wire: Wire, { name, text }: Pick<Part, 'name' | 'text'>): void {
  const { parsedStatements, submittedNamedStatements } = wire
  if (name && (parsedStatements[name] ?? submittedNamedStatements[name]) !== undefined) return
  wire.parse({ text, name })
  if (name) submittedNamedStatements[name] = text
}

function start(wire: Wire, { name, text, values, binary, describe }: Part): void {
  parse(wire, { name, text })
  if (describe) wire.describe({ type: 'S', name })
  wire.bind({ portal: '', statement: name, values, binary })
  wire.execute({ portal: '', rows: 0 })
}
