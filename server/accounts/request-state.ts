import { AsyncLocalStorage } from 'node:async_hooks'
import type { Session } from '../db/database.ts'
import type { AppError } from '../errors.ts'
import type { Guess } from './count-guesses.ts'

/** What the caller of Better Auth knows about a request. */
export interface Caller {
  readonly cookies?: string | undefined
  readonly address?: string
  /** Send no email. */
  readonly isQuiet?: boolean
  /** The client gets a token instead of the cookie of the session. */
  readonly isBearer?: boolean
  /** Called when no more passwords are hashed. */
  readonly endTurn?: () => void
}

/** What Better Auth's callbacks find out while it answers one request. */
export interface RequestState {
  readonly caller?: Caller
  error?: AppError
  /** Of the transaction in progress. */
  session?: Session | undefined
  /** The id of the user who was signed in, or is now. */
  user?: string
  /** Whether this request ends sessions, perhaps its own. */
  endsSessions?: true
  /** The hash of the given password, if the password is right. */
  verified?: string
  code?: Guess
  hashed?: { readonly password: string; readonly hash: string }
}

/** The state of the request that Better Auth is answering, in its async context. */
export class RequestStates {
  readonly #storage = new AsyncLocalStorage<RequestState>()

  get current(): RequestState | undefined {
    return this.#storage.getStore()
  }

  run<T>(state: RequestState, work: () => T): T {
    return this.#storage.run(state, work)
  }

  note(facts: RequestState): void {
    Object.assign(this.current ?? {}, facts)
  }

  /** The session of the current transaction, else `db`. The embedded database has no other. */
  sessionOf(db: Session): Session {
    return this.current?.session ?? db
  }
}
