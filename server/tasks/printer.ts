import { isoLength, secondLength, writeFraction, writeSecond } from '../fields/iso-time.ts'

// Bytes are copied four at a time, by hand: texts are as short as titles are, and a call that
// copies many at once costs more than they do. V8 makes each access of a DataView one instruction.

/** Where nothing tells how long it will be. */
const firstSize = 4096
/** The most bytes reserved ahead: one long text does not make all later ones costly. */
const maxExpected = 512 * 1024

/** Bytes that are printed often, made ready. */
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

/** Writes bytes one after the other into memory that grows and is handed over without a copy. */
export class Printer {
  #bytes: Buffer = Buffer.alloc(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  #at = 0
  #expected = firstSize
  #second = Number.NaN
  #secondAt = 0

  /**
   * Makes room for so many bytes more. What is printed without it, except by `text`, must fit into
   * what was asked for.
   */
  reserve(length: number): void {
    // Four bytes are written where there may be one.
    const needed = this.#at + length + 4
    if (needed <= this.#bytes.length) return
    const printed = this.#bytes.subarray(0, this.#at)
    this.#use(Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, needed, this.#expected)))
    this.#bytes.set(printed)
  }

  /**
   * How much is printed until it is taken, about: when what there is does not suffice, there will
   * be as much, and a little more.
   */
  expect(length: number): void {
    this.#expected = Math.min(maxExpected, Math.ceil(length * 1.125))
  }

  /** Of what was printed since it was last taken. */
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
   * Copies a text; an ASCII character that has something at its place in `instead` becomes that.
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

  /** @throws RangeError for what is no integer, or beyond 2^53 */
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

  /** As `isoTime`. */
  time(second: number, microsecond: number): void {
    // A task that was never changed has the same time twice.
    if (second === this.#second) this.#repeatSecond()
    else {
      writeSecond(this.#bytes, this.#at, second)
      this.#second = second
      this.#secondAt = this.#at
    }
    writeFraction(this.#bytes, this.#at + secondLength, microsecond)
    this.#at += isoLength
  }

  /** What was printed since it was last taken. */
  take(): Buffer {
    const printed = this.#bytes.subarray(0, this.#at)
    this.#use(Buffer.alloc(0))
    // What follows is the next batch of a list.
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
 * Whether one of four bytes is a control character, a quote or a backslash; and now and then where
 * none is.
 */
function mayNeedEscape(word: number): boolean {
  const [quote, backslash] = [word ^ 0x22222222, word ^ 0x5c5c5c5c]
  return (((word - 0x20202020) | (quote - 0x01010101) | (backslash - 0x01010101)) & ~word & 0x80808080) !== 0
}
