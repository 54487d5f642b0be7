// Keeps statements on lists short, also if tasks are large: the embedded database runs one
// statement at a time, for all users.

/** Decides how many rows the next statement of a list reads. */
export class BatchSize {
  #next = firstRows
  #rows = 0
  #bytes = 0

  get next(): number {
    return this.#next
  }

  /** Notes a row and its size in bytes. */
  add(bytes: number): void {
    this.#rows += 1
    this.#bytes += bytes
    // At most doubled: long tasks may follow short ones.
    if (this.#rows < this.#next) return
    this.#next = within(4, Math.min(2 * this.#rows, (maxBytes * this.#rows) / this.#bytes), maxRows)
    this.#rows = 0
    this.#bytes = 0
  }
}

/** Rows of the first statement. */
export const firstRows = 100
/** Rows and bytes that one statement reads. */
const maxRows = 400
const maxBytes = 64 * 1024

const within = (least: number, value: number, most: number) =>
  Math.round(Math.min(most, Math.max(least, value)))
