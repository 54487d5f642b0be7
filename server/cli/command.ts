/** A command of `duly`. Its help is its documentation. */
export interface Command {
  readonly help: string
  /** Checks arguments first, then settings, and opens a database last. */
  run(args: string[]): Promise<void>
}
