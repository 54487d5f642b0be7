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
 * A command on the database of a server that may be running. It is checked where it was typed, and done where the database is.
 * @throws StartError for words that it does not know
 */
export interface OperatorCommand {
  /** @param input what was read from the standard input, where a flag has asked for it */
  run(place: Workplace, args: string[], input: string): AsyncIterable<string>
}
