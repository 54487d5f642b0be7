import type { Duplex } from 'node:stream'
import type pg from 'pg'
import { Parser } from 'pg-protocol/dist/parser.js'

// The driver converts each value to a string, needed or not. Here a row stays bytes, and the code
// that uses it reads the values. This relies on internals of the driver, so the versions of `pg`
// and `pg-protocol` are pinned.

// Shared, because even an empty ArrayBuffer is expensive to allocate and to collect.
const nothing = { bytes: Buffer.alloc(0), view: new DataView(new ArrayBuffer(0)) }

/** A row, valid until the parser reads the next one, which reuses the object and its memory. */
export class DataRow {
  readonly name = 'dataRow'
  view: DataView = nothing.view
  #bytes: Buffer = nothing.bytes
  /** Where the values begin. */
  #start = 0
  /** Size in bytes, and a little more. */
  length = 0
  readonly #starts: number[] = []
  readonly #ends: number[] = []

  point(bytes: Buffer, start: number, length: number): this {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    }
    this.#start = start
    this.length = length
    return this
  }

  /** Copies the bytes. `point` turns them into a row again. */
  copy(): Buffer {
    const copy = Buffer.allocUnsafe(this.length)
    this.#bytes.copy(copy, 0, this.#start, this.#start + this.length)
    return copy
  }

  /** The values as strings, for the driver. Only for rows in text format. */
  get fields(): (string | null)[] {
    this.locate()
    const count = this.view.getInt16(this.#start)
    const texts = new Array<string | null>(count)
    for (let column = 0; column < count; column += 1) texts[column] = this.text(column)
    return texts
  }

  /** Finds the values. Call it once before you read any of them. */
  locate(): void {
    const { view } = this
    const count = view.getInt16(this.#start)
    let at = this.#start + 2
    for (let column = 0; column < count; column += 1) {
      const length = view.getInt32(at)
      at += 4
      this.#starts[column] = at
      // -1 means null: its end is before its start.
      this.#ends[column] = at + length
      if (length > 0) at += length
    }
  }

  startOf(column: number): number {
    return this.#starts[column] as number
  }

  endOf(column: number): number {
    return this.#ends[column] as number
  }

  isNull(column: number): boolean {
    return this.endOf(column) < this.startOf(column)
  }

  text(column: number): string | null {
    return this.isNull(column) ? null : this.#bytes.toString('utf8', this.startOf(column), this.endOf(column))
  }

  /**
   * Where the text of a `jsonb` in binary format begins: after its version.
   * @throws RangeError for null and for another version
   */
  startOfJson(column: number): number {
    const at = this.startOf(column)
    if (this.endOf(column) <= at || this.view.getInt8(at) !== 1) throw this.#unreadable(column, 'jsonb')
    return at + 1
  }

  /** The text of a `jsonb` in binary format. */
  json(column: number): string {
    return this.#bytes.toString('utf8', this.startOfJson(column), this.endOf(column))
  }

  /** A boolean in binary format. @throws RangeError for null and for other types */
  flag(column: number): boolean {
    const at = this.startOf(column)
    if (this.endOf(column) - at !== 1) throw this.#unreadable(column, 'boolean')
    return this.view.getInt8(at) === 1
  }

  /**
   * An `int2`, `int4` or `int8` in binary format.
   * @throws RangeError for null, other types, and beyond 2^53
   */
  integer(column: number): number {
    const at = this.startOf(column)
    const length = this.endOf(column) - at
    if (length === 8) {
      const number = this.view.getInt32(at) * 0x1_0000_0000 + this.view.getUint32(at + 4)
      if (Number.isSafeInteger(number)) return number
      throw new RangeError(`column ${column} holds an integer beyond 2^53`)
    }
    if (length === 4) return this.view.getInt32(at)
    if (length === 2) return this.view.getInt16(at)
    throw this.#unreadable(column, 'integer')
  }

  // A `timestamptz` in binary format is an int8 of microseconds since 2000, which is a safe integer
  // only until 2285. So it is read as seconds and the rest. 2^32 = 4294 * 10^6 + 967296.

  /**
   * The seconds of a `timestamptz` since 2000.
   * @throws RangeError for null, other types, and infinity
   */
  second(column: number): number {
    const at = this.startOf(column)
    if (this.endOf(column) - at !== 8) throw this.#unreadable(column, 'time')
    const high = this.view.getInt32(at)
    const low = this.view.getUint32(at + 4)
    const isInfinite = (high === 0x7fff_ffff && low === 0xffff_ffff) || (high === -0x8000_0000 && low === 0)
    if (isInfinite) throw new RangeError(`column ${column} holds ${high < 0 ? '-' : ''}infinity`)
    return high * 4294 + Math.floor((high * 967_296 + low) / 1e6)
  }

  /** The microseconds of a `timestamptz` beyond its `second`. */
  microsecond(column: number): number {
    const at = this.startOf(column)
    const rest = this.view.getInt32(at) * 967_296 + this.view.getUint32(at + 4)
    return rest - Math.floor(rest / 1e6) * 1e6
  }

  #unreadable(column: number, kind: string): RangeError {
    const length = this.endOf(column) - this.startOf(column)
    const found = length < 0 ? 'null' : `a value of ${length} bytes`
    return new RangeError(`column ${column} holds ${found}, which is no ${kind}`)
  }
}

interface Message {
  readonly name: string
}

interface Framing {
  parse(bytes: Buffer, each: (message: Message) => void): void
  handlePacket(start: number, code: number, length: number, bytes: Buffer): Message
}

// The driver's types declare as private what a subclass needs.
const Base = Parser as unknown as new () => Framing

const dataRow = 0x44
const errorResponse = 0x45
const severity = 0x56

class RowParser extends Base {
  readonly #row = new DataRow()

  override handlePacket(start: number, code: number, length: number, bytes: Buffer): Message {
    if (code === dataRow) return this.#row.point(bytes, start, length)
    const message = super.handlePacket(start, code, length, bytes)
    return code === errorResponse ? Object.assign(message, { severity: severityOf(bytes, start) }) : message
  }
}

/** The severity in English (field V); the driver reads S, which is in the server's language. */
function severityOf(bytes: Buffer, start: number): string | undefined {
  for (let at = start; bytes[at]; at = bytes.indexOf(0, at) + 1) {
    if (bytes[at] === severity) return bytes.toString('latin1', at + 1, bytes.indexOf(0, at))
  }
  return undefined
}

/** Makes a client emit its rows as `DataRow`. Call it before the client connects. */
export function leaveRowsAsBytes(client: pg.Client): pg.Client {
  // The driver's types lack both.
  const { connection } = client as unknown as {
    connection: { emit(event: string, message: Message): void; attachListeners(stream: Duplex): void }
  }
  // Called with the stream that messages come from: the socket, or TLS on top of it.
  connection.attachListeners = stream => {
    const parser = new RowParser()
    const each = (message: Message) =>
      connection.emit(message.name === 'error' ? 'errorMessage' : message.name, message)
    stream.on('data', bytes => parser.parse(bytes, each))
  }
  return client
}
