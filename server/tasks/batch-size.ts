/** How many rows the next statement of a list reads, so that it is short whatever the rows are like. */
export class BatchSize {
  readonly #first: number
  #rows = 0
  #bytes = 0

  constructor(first = firstRows) {
    this.#first = first
  }

  /** Notes a row and its size in bytes. */
  add(bytes: number): void {
    this.#rows += 1
    this.#bytes += bytes
  }

  get next(): number {
    if (this.#rows === 0) return this.#first
    return within(10, (mostBytes * this.#rows) / this.#bytes, Math.max(500, this.#first))
  }
}

/** Rows of the first statement, unless the caller says otherwise. */
export const firstRows = 100
const mostBytes = 256 * 1024

/** How many rows the next turn of a scan looks at, so that it takes some milliseconds whatever their texts are like. */
export class TurnSize {
  #rows = 100

  get next(): number {
    return this.#rows
  }

  /** Notes how long a turn took, in milliseconds. It may double at most: waiting for a processor is no reason to grow or to starve. */
  add(ms: number): void {
    this.#rows = within(50, Math.min(2 * this.#rows, (this.#rows * turnMs) / Math.max(ms, 0.1)), 4000)
  }
}

const turnMs = 3

const within = (least: number, value: number, most: number) =>
  Math.round(Math.min(most, Math.max(least, value)))
