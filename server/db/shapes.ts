import { type Statement, statement, type Value } from './database.ts'

export interface BuiltStatement {
  readonly statement: Statement
  readonly values: readonly Value[]
}

/** Numbers the parameters of a statement and collects their values. `$1` is the owner. */
export class Parameters {
  readonly values: Value[]

  constructor(owner: string) {
    this.values = [owner]
  }

  /** @returns the placeholder */
  add(value: Value, type: string): string {
    return `$${this.values.push(value)}::${type}`
  }
}

/**
 * Statements that are built: one for each shape (which fields are set, which filters are used),
 * never for each value. Each is prepared under its own name, up to a number that bounds the memory
 * of a session.
 */
export class Shapes {
  readonly #name: string
  readonly #known = new Map<string, Statement>()
  readonly #most: number

  /** @param name prefix of the statements' names */
  constructor(name: string, most = 256) {
    this.#name = name
    this.#most = most
  }

  /** @param build makes the statement of a new shape, with the given name */
  get(shape: string, build: (name: string) => Statement): Statement {
    const known = this.#known.get(shape)
    if (known) return known
    const isFull = this.#known.size >= this.#most
    const made = {
      ...build(isFull ? '' : `${this.#name}_${this.#known.size + 1}`),
      operation: this.#name,
    }
    if (!isFull) this.#known.set(shape, made)
    return made
  }
}

/** Like `get`, with the text as the shape. */
export const prepared = (shapes: Shapes, text: string): Statement =>
  shapes.get(text, name => statement(name, text))
