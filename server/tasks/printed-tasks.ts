import type { DataRow } from '../db/data-row.ts'
import type { Kind } from '../fields/field.ts'
import { type TaskField, tasks } from './fields.ts'
import { type Piece, Printer, pieceOf } from './printer.ts'

// Lists are printed from the bytes that PostgreSQL sends: no text and no object is made of a row in
// between.

/** A column of a task, or its owner, who is the same for all of a list. */
export type PrintedField = TaskField | 'user_id'

/** A value that is computed, as JSON, from the row whose columns begin at `from`. */
export type Computed = (row: DataRow, from: number) => string

/** Where the tasks of a list go, one by one, as rows whose columns begin at `from`. */
export interface TakeTasks {
  /** Called before the first, where the number of tasks is known. */
  expect(count: number): void
  add(row: DataRow, from: number): void
}

/** How a task is written in a list. Texts are in quotes. */
export interface TaskForm {
  /**
   * What is written before each value, the value, and what is written where it is null, if not
   * `noText` or `noValue`.
   */
  readonly parts: readonly (readonly [before: string, field: PrintedField | Computed, none?: string])[]
  /** What is written after a task, and between two. */
  readonly end: string
  readonly between: string
  /** What is written where a text, and another value, is null. */
  readonly noText: string
  readonly noValue: string
  /** What stands around a time. */
  readonly timeQuote: string
  /** Whether structured values are written as texts: JSON within quotes. */
  readonly quotesJson?: boolean
  /** What stands for an ASCII character of a text: mostly itself, and at most six bytes. */
  readonly escaped: (character: string) => string
  /**
   * Whether U+0085, U+2028 and U+2029, at which some readers end a line, are written as in JSON:
   * `\u2028`.
   */
  readonly escapesLineBreaks?: boolean
}

export type ReadyForm = ReturnType<typeof ready>

/** Makes a form what rows are printed by. To be done once, not for each list. */
export function ready({
  parts,
  end,
  between,
  noText,
  noValue,
  timeQuote,
  escaped,
  quotesJson = false,
  escapesLineBreaks = false,
}: TaskForm) {
  const befores = parts.reduce((sum, [before]) => sum + before.length, 0)
  const longestValue = Math.max(
    ...[String(Number.MIN_SAFE_INTEGER), longestTime, noText].map(text => text.length),
  )
  return {
    parts: parts.map(([before, field, none]) => {
      if (typeof field === 'function') return { before: pieceOf(before), compute: field }
      const kind: Kind | 'owner' = field === 'user_id' ? 'owner' : tasks.fields[field].kind
      return {
        before: pieceOf(before),
        kind,
        place: field === 'user_id' ? 0 : tasks.placeOf(field),
        none: pieceOf(none ?? (kind === 'text' ? noText : noValue)),
      }
    }),
    end: pieceOf(end),
    between: pieceOf(between),
    timeQuote: pieceOf(timeQuote),
    quotesJson,
    escapesLineBreaks,
    /** By byte; none for those that stay. */
    escapes: Array.from({ length: 256 }, (_, byte) => {
      const character = String.fromCharCode(byte)
      const instead = byte < 0x80 ? escaped(character) : character
      return instead === character ? undefined : Buffer.from(instead)
    }),
    /** Bytes at most, beside the texts and the owner. */
    most: befores + parts.length * longestValue + end.length + between.length,
  }
}

/** Texts become six times as long at most: `\u0000`. */
const longestEscape = 6
const longestTime = '"2026-01-31T09:30:00.000000Z"'
const [quote, yes, no] = [pieceOf('"'), pieceOf('true'), pieceOf('false')]

/** A list while it is printed. */
export class PrintedTasks {
  readonly #form: ReadyForm
  readonly #owner: Piece
  readonly #printer = new Printer()
  #count = 0
  #expected = 0

  /** @param owner what stands for the owner @param head what stands before the first task */
  constructor(form: ReadyForm, owner: string, head: string) {
    this.#form = form
    this.#owner = pieceOf(owner)
    this.#printer.text(head)
  }

  /** How many tasks there are so far. */
  get count(): number {
    return this.#count
  }

  /** What was printed since this was last called, and `tail` after it. */
  take(tail = ''): Buffer {
    this.#printer.text(tail)
    return this.#printer.take()
  }

  /** Makes room for so many tasks at once. */
  expect(count: number): void {
    this.#expected = count
  }

  /** Prints the task whose `columns` begin at `from`. */
  add(row: DataRow, from: number): void {
    const printer = this.#printer
    const { parts, most, between, end } = this.#form
    printer.reserve(most + this.#owner.length + longestEscape * row.length)
    if (this.#count > 0) printer.copy(between)
    this.#count += 1
    for (const part of parts) {
      printer.copy(part.before)
      if (part.compute) {
        printer.text(part.compute(row, from))
        printer.reserve(most + this.#owner.length + longestEscape * row.length)
        continue
      }
      const { kind, place, none } = part
      if (kind !== 'owner' && row.isNull(from + place)) printer.copy(none)
      else this.#value(row, kind, from + place)
    }
    printer.copy(end)
    // As if the others were as long.
    if (this.#count === 1 && this.#expected > 1) printer.expect(this.#expected * printer.length)
  }

  #value(row: DataRow, kind: Kind | 'owner', column: number): void {
    const printer = this.#printer
    switch (kind) {
      case 'owner':
        printer.copy(this.#owner)
        break
      case 'integer':
        printer.integer(row.integer(column))
        break
      case 'boolean':
        printer.copy(row.flag(column) ? yes : no)
        break
      case 'text':
        this.#quoted(row, column)
        break
      case 'time':
        this.#time(row, column)
        break
      case 'json':
        if (this.#form.quotesJson) printer.copy(quote)
        this.#text(row.view, row.startOfJson(column), row.endOf(column), !this.#form.quotesJson)
        if (this.#form.quotesJson) printer.copy(quote)
        break
      default:
        throw new TypeError(`a kind of column that cannot be printed: ${kind satisfies never}`)
    }
  }

  #quoted(row: DataRow, column: number): void {
    const printer = this.#printer
    printer.copy(quote)
    this.#text(row.view, row.startOf(column), row.endOf(column))
    printer.copy(quote)
  }

  #time(row: DataRow, column: number): void {
    const printer = this.#printer
    const { timeQuote } = this.#form
    printer.copy(timeQuote)
    printer.time(row.second(column), row.microsecond(column))
    printer.copy(timeQuote)
  }

  /** @param isJson whether the text is JSON already */
  #text(bytes: DataView, start: number, end: number, isJson = false): void {
    const { escapesLineBreaks } = this.#form
    const escapes = isJson ? noEscapes : this.#form.escapes
    let from = start
    for (let at = start; escapesLineBreaks && at < end; at += 1) {
      const found = lineBreakAt(bytes, at, end)
      if (!found) continue
      this.#printer.copyEscaped(bytes, from, at, escapes)
      this.#printer.copy(found.escaped)
      from = at + found.length
      at = from - 1
    }
    this.#printer.copyEscaped(bytes, from, end, escapes)
  }
}

const noEscapes: readonly undefined[] = []

const lineBreaks = ['\u0085', '\u2028', '\u2029'].map(character => ({
  bytes: Buffer.from(character),
  length: Buffer.byteLength(character),
  escaped: pieceOf(`\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`),
}))

function lineBreakAt(view: DataView, at: number, end: number) {
  const first = view.getUint8(at)
  if (first !== 0xc2 && first !== 0xe2) return undefined
  return lineBreaks.find(
    ({ bytes, length }) => at + length <= end && bytes.every((byte, n) => view.getUint8(at + n) === byte),
  )
}
