import type { Accounts } from '../accounts/accounts.ts'
import type { Database } from '../db/database.ts'

/** What operators' commands work with: the server's, where it runs, else their own. */
export interface Workplace {
  readonly db: Database
  readonly accounts: Accounts | undefined
  /** Where the embedded database is. */
  readonly dataDir: string
  /** Those that are accepted. */
  readonly secrets: readonly string[]
}

/**
 * A command on the database of a server that may be running. Its arguments are checked where it was typed, before a database is opened,
 * and again where it runs: that server may be of another version.
 */
export interface OperatorCommand {
  /** @throws StartError (EX_USAGE) for arguments that it does not take, and for an input, once that was read */
  check(args: string[], input?: string): void
  /** @param input what was read from the standard input, where an option asks for it */
  run(place: Workplace, args: string[], input: string): AsyncIterable<string>
}
