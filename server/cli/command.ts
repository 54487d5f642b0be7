/** One word after `duly`. What it prints with --help is its documentation. */
export interface Command {
  readonly help: string
  /** Checks the arguments before it reads the settings, and both before it opens a database. */
  run(args: string[]): Promise<void>
}
