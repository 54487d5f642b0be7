/** One word after `duly`. What it prints with --help is its documentation. */
export interface Command {
  readonly help: string
  run(args: string[]): Promise<void>
}
