import type { Guard, Session } from '../db/database.ts'
import { AppError } from '../errors.ts'
import type { Identity } from './identity.ts'
import type { Revocations } from './revocations.ts'

/**
 * What one request is allowed, on the knowledge with which it was let in. A body may take 20 s to arrive and a write may wait in a
 * queue, so it is checked again directly before each write is sent, and before a transaction is committed.
 */
export class Grant implements Guard {
  readonly identity: Identity
  readonly #revocations: Revocations | undefined
  readonly #revision: number

  constructor(identity: Identity, revocations: Revocations | undefined) {
    this.identity = identity
    this.#revocations = revocations
    this.#revision = revocations?.revision ?? 0
  }

  /** Whether the caller may read tasks. */
  get mayRead(): boolean {
    const { scopes } = this.identity
    return scopes === undefined || scopes.includes('tasks:read')
  }

  /** By what it can be revoked. */
  get subjects(): readonly string[] {
    return this.identity.subjects ?? []
  }

  /**
   * Nothing where what is known of revocations is fresh; else a promise.
   * @param session of the transaction that is under way: the embedded database has no other
   * @throws AppError `token_invalid`, or rejects with it, where the caller was signed out, disabled or removed meanwhile, even if
   * that has been taken back; `database_away`
   */
  check(session?: Session): void | Promise<void> {
    const fresh = this.#revocations?.fresh(session)
    if (fresh) return fresh.then(() => this.#judge())
    this.#judge()
  }

  #judge(): void {
    const { subjects } = this.identity
    if (!subjects || !this.#revocations || this.#revocations.revision === this.#revision) return
    if (!this.#revocations.haveChangedSince(this.#revision, subjects)) return
    throw new AppError('token_invalid', 'The token is invalid.')
  }
}
