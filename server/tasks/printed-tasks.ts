import type { DataRow } from '../db/data-row.ts'
import type { Kind } from '../fields/field.ts'
import { type TaskField, tasks } from './fields.ts'
import { type Piece, Printer, pieceOf } from './printer.ts'

// Prints lists from the bytes that PostgreSQL sends, without strings or objects for the rows
// (docs/decisions/0012-lists-are-printed-from-bytes.md).

/** A column of a task, or its owner, which is the same for the whole list. */
export type PrintedField = TaskField | 'user_id'

/** Computes a value, as JSON, from the row whose columns begin at `from`. */
export type Computed = (row: DataRow, from: number) => string

/** Receives the tasks of a list, one by one, as rows whose columns begin at `from`. */
export interface TakeTasks {
  /** Called before the first task, if the number of tasks is known. */
  expect(count: number): void
  add(row: DataRow, from: number): void
}

/** The format of a task in a list. Texts are in quotes. */
export interface TaskForm {
  /**
   * Each value, with the text before it and, if it is not `noText` or `noValue`, the text that
   * represents null.
   */
  readonly parts: readonly (readonly [before: string, field: PrintedField | Computed, none?: string])[]
  /** The text after each task, and between two tasks. */
  readonly end: string
  readonly between: string
  /** The text that represents null, for texts and for other values. */
  readonly noText: string
  readonly noValue: string
  /** The text before and after a time. */
  readonly timeQuote: string
  /** Whether structured values are texts that contain JSON. */
  readonly quotesJson?: boolean
  /** Escapes an ASCII character of a text, to at most six bytes. Returns most unchanged. */
  readonly escaped: (character: string) => string
  /**
   * Whether U+0085, U+2028 and U+2029 are escaped as in JSON (`\u2028`): some readers end a line at
   * them.
   */
  readonly escapesLineBreaks?: boolean
}

export type ReadyForm = ReturnType<typeof ready>

/** Prepares a format for printing. Call it once, not for each list. */
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
    /** By byte; undefined if the byte is not escaped. */
    escapes: Array.from({ length: 256 }, (_, byte) => {
      const character = String.fromCharCode(byte)
      const instead = byte < 0x80 ? escaped(character) : character
      return instead === character ? undefined : Buffer.from(instead)
    }),
    /** Maximum bytes of a task without its texts and its owner. */
    most: befores + parts.length * longestValue + end.length + between.length,
  }
}

/** The longest escape has six bytes: `\u0000`. */
const longestEscape = 6
const longestTime = '"2026-01-31T09:30:00.000000Z"'
const [nothing, quote, yes, no] = [pieceOf(''), pieceOf('"'), pieceOf('true'), pieceOf('false')]

/** Prints a list. */
export class PrintedTasks {
  readonly #form: ReadyForm
  readonly #owner: Piece
  readonly #printer = new Printer()
  /** Printed with the first task, since many reads are rejected before it. */
  #head: string
  #count = 0
  #expected = 0

  /** @param owner the printed owner @param head the text before the first task */
  constructor(form: ReadyForm, owner: string, head: string) {
    this.#form = form
    this.#owner = owner === '' ? nothing : pieceOf(owner)
    this.#head = head
  }

  /** The number of printed tasks. */
  get count(): number {
    return this.#count
  }

  /** Returns what was printed since the last call, followed by `tail`. */
  take(tail = ''): Buffer {
    this.#printer.text(this.#head + tail)
    this.#head = ''
    return this.#printer.take()
  }

  /** Reserves memory for so many tasks at once. */
  expect(count: number): void {
    this.#expected = count
  }

  /** Prints the task whose `columns` begin at `from`. */
  add(row: DataRow, from: number): void {
    const printer = this.#printer
    const { parts, most, between, end } = this.#form
    if (this.#head !== '') {
      printer.text(this.#head)
      this.#head = ''
    }
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
    // Assumes that the other tasks are as long as the first.
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
