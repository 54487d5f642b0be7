import { isoLength, secondLength, writeFraction, writeSecond } from '../fields/iso-time.ts'

// Bytes are copied four at a time in a loop: most texts are titles, for which a call that copies
// memory costs more. V8 compiles each access of a DataView to one instruction.

/** If no size is expected. */
const firstSize = 4096
/** Limits what one long text makes later lists reserve. */
const maxExpected = 1024 * 1024

/** Shared, because even an empty ArrayBuffer is expensive to allocate and to collect. */
const none = { bytes: Buffer.alloc(0), view: new DataView(new ArrayBuffer(0)) }

/** Bytes that are printed often, prepared for copying. */
export interface Piece {
  readonly words: Int32Array
  readonly length: number
}

export function pieceOf(text: string): Piece {
  const bytes = Buffer.from(text)
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4)
  padded.set(bytes)
  const view = new DataView(padded.buffer)
  const words = Int32Array.from({ length: padded.length / 4 }, (_, n) => view.getInt32(4 * n, true))
  return { words, length: bytes.length }
}

/** Appends bytes to memory that grows, and hands it over without a copy. */
export class Printer {
  #bytes: Buffer = none.bytes
  #view: DataView = none.view
  #at = 0
  #expected = firstSize
  #second = Number.NaN
  #secondAt = 0

  /**
   * Reserves memory for so many more bytes. Call it before every method that prints, except `text`,
   * which does so itself.
   */
  reserve(length: number): void {
    // The last bytes are written as a word of four.
    const needed = this.#at + length + 4
    if (needed <= this.#bytes.length) return
    const printed = this.#bytes.subarray(0, this.#at)
    this.#use(Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, needed, this.#expected)))
    this.#bytes.set(printed)
  }

  /**
   * Announces how many bytes will be printed, so that memory grows to that size, and a little more,
   * at once.
   */
  expect(length: number): void {
    this.#expected = Math.min(maxExpected, Math.ceil(length * 1.125))
  }

  /** The bytes printed since the last `take`. */
  get length(): number {
    return this.#at
  }

  text(text: string): void {
    this.reserve(3 * text.length)
    this.#at += this.#bytes.write(text, this.#at)
  }

  copy({ words, length }: Piece): void {
    const view = this.#view
    const at = this.#at
    for (let n = 0; n < words.length; n += 1) view.setInt32(at + 4 * n, words[n] as number, true)
    this.#at = at + length
  }

  /**
   * Copies a text. Bytes that have an entry in `instead` are replaced by it.
   */
  copyEscaped(
    source: DataView,
    start: number,
    end: number,
    instead: readonly (Uint8Array | undefined)[],
  ): void {
    const bytes = this.#bytes
    const view = this.#view
    let at = this.#at
    for (let from = start; from < end; ) {
      for (; from + 4 <= end; from += 4) {
        const word = source.getInt32(from, true)
        if (mayNeedEscape(word)) break
        view.setInt32(at, word, true)
        at += 4
      }
      for (const until = Math.min(from + 4, end); from < until; from += 1) {
        const byte = source.getUint8(from)
        const escaped = instead[byte]
        if (escaped === undefined) bytes[at++] = byte
        else for (const other of escaped) bytes[at++] = other
      }
    }
    this.#at = at
  }

  /** @throws RangeError unless it is a safe integer */
  integer(number: number): void {
    if (!Number.isSafeInteger(number)) throw new RangeError(`${number} is no integer that can be printed`)
    if (number < 0) {
      this.#bytes[this.#at++] = 0x2d
      this.#natural(-number)
    } else this.#natural(number)
  }

  #natural(number: number): void {
    if (number > 999_999_999) {
      const high = Math.floor(number / 1e9)
      this.#natural(high)
      this.#digits(number - high * 1e9, 9)
      return
    }
    let digits = 1
    for (let power = 10; power <= number; power *= 10) digits += 1
    this.#digits(number, digits)
  }

  /** Prints the same text as `isoTime`. */
  time(second: number, microsecond: number): void {
    // A task that was never changed has two equal times.
    if (second === this.#second) this.#repeatSecond()
    else {
      writeSecond(this.#bytes, this.#at, second)
      this.#second = second
      this.#secondAt = this.#at
    }
    writeFraction(this.#bytes, this.#at + secondLength, microsecond)
    this.#at += isoLength
  }

  /** Returns what was printed since the last call. */
  take(): Buffer {
    const printed = this.#bytes.subarray(0, this.#at)
    this.#bytes = none.bytes
    this.#view = none.view
    // The next batch of a list has about the same size.
    this.#expected = printed.length
    this.#at = 0
    this.#second = Number.NaN
    return printed
  }

  #use(bytes: Buffer): void {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  #repeatSecond(): void {
    const view = this.#view
    for (let n = 0; n < secondLength; n += 4) view.setInt32(this.#at + n, view.getInt32(this.#secondAt + n))
  }

  #digits(number: number, count: number): void {
    const bytes = this.#bytes
    const end = this.#at + count
    let rest = number | 0
    for (let at = end - 1; at >= this.#at; at -= 1) {
      const tenth = (rest / 10) | 0
      bytes[at] = 0x30 + rest - 10 * tenth
      rest = tenth
    }
    this.#at = end
  }
}

/**
 * Whether one of four bytes is a control character, a quote or a backslash. Can be true for other
 * bytes, never false for these.
 */
function mayNeedEscape(word: number): boolean {
  const [quote, backslash] = [word ^ 0x22222222, word ^ 0x5c5c5c5c]
  return (((word - 0x20202020) | (quote - 0x01010101) | (backslash - 0x01010101)) & ~word & 0x80808080) !== 0
}
