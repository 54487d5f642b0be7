import pg from 'pg'
import driver from 'pg/lib/utils.js'
import type { DataRow } from './data-row.ts'
import type { Row, TakeRow } from './database.ts'

// A statement as the driver carries it, made cheap. The driver's own copies its settings, has PostgreSQL describe the columns
// each time, and copies every row through a parser for each column. Whoever wrote a statement knows its columns. It stands on
// the driver's internals, so the driver's version is pinned; what is not overridden here is the driver's.

/** As much of the driver's connection as a statement uses. */
interface Wire {
  readonly parsedStatements: Readonly<Record<string, string | undefined>>
  readonly submittedNamedStatements: Record<string, string | undefined>
  parse(statement: { text: string; name: string }): void
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
  hasBeenParsed(wire: Wire): boolean
  handleError(error: Error, wire: Wire): void
}

// The driver's types say nothing of what a subclass needs.
const Base = pg.Query as unknown as new (text: string) => DriverQuery

type Answer = (error: Error | null, result: { rows: Row[] }) => void

/** Gives a row or two, as texts, and nothing about their columns; or hands each of any number over in binary format. */
export class RowsQuery extends Base {
  readonly #rows: Row[] = []
  readonly #take: TakeRow

  constructor(
    name: string,
    text: string,
    values: readonly unknown[] | undefined,
    answer: Answer,
    take?: TakeRow,
  ) {
    super(text)
    this.name = name
    // Here, where nothing has been sent yet: a value that cannot be written fails alone.
    this.values = values?.map(driver.prepareValue) ?? []
    this.binary = take !== undefined
    this.#take = take ?? (({ fields }) => this.#rows.push(fields))
    this.callback = error => answer(error, { rows: this.#rows })
  }

  requiresPreparation(): true {
    return true
  }

  prepare(wire: Wire): void {
    const { name, text, values, binary } = this
    if (!name || !this.hasBeenParsed(wire)) {
      wire.parse({ text, name })
      if (name) wire.submittedNamedStatements[name] = text
    }
    wire.bind({ portal: '', statement: name, values, binary })
    wire.execute({ portal: '', rows: 0 })
    wire.sync()
  }

  handleDataRow(row: DataRow): void {
    if (this._canceledDueToError) return
    try {
      if (this.binary) row.locate()
      this.#take(row)
    } catch (error) {
      // The driver's way: the statement ends first, and fails then.
      this._canceledDueToError = error
    }
  }

  handleCommandComplete(_message: { text: string }): void {}
}
