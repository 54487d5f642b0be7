import type { Accounts } from '../accounts/accounts.ts'
import type { Database } from '../db/database.ts'

/** What an operator command works with, of the running server or opened by the command. */
export interface OperatorContext {
  readonly db: Database
  readonly accounts: Accounts | undefined
  /** Directory of the embedded database. */
  readonly dataDir: string
  /** The accepted secrets. */
  readonly secrets: readonly string[]
  /** Has the running server look for jobs. */
  readonly look?: (() => void) | undefined
}

/**
 * A command on the database of a server that may be running. Arguments are checked in the caller's
 * process, before a database is opened, and again where the command runs: the server may be another
 * version.
 */
export interface OperatorCommand {
  /** @throws StartError (EX_USAGE) for invalid arguments, and for invalid input once it is read */
  check(args: string[], input?: string): void
  /** @param input the contents of standard input, if an option asks for it */
  run(place: OperatorContext, args: string[], input: string): AsyncIterable<string>
}
