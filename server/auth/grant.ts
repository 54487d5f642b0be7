import type { Guard, Session } from '../db/database.ts'
import { AppError } from '../errors.ts'
import type { Identity } from './identity.ts'
import type { Revocations } from './revocations.ts'

/**
 * What one request may do. Checked again directly before each write is sent and before a
 * transaction is committed, because a body may take 20 s to arrive and a write may wait in a queue.
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

  /**
   * Who makes a change, as the change log stores it: `session`, `issuer` (a token of another
   * issuer), or `token:` with the name of a personal access token.
   */
  get actor(): string {
    const { tokenName, sessionId } = this.identity
    if (tokenName !== undefined) return `token:${tokenName}`
    return sessionId === undefined ? 'issuer' : 'session'
  }

  /** The subjects whose revocation revokes it. */
  get subjects(): readonly string[] {
    return this.identity.subjects ?? []
  }

  /**
   * Returns undefined if the known revocations are fresh, else a promise.
   * @param session of the transaction in progress: the embedded database has no other
   * @throws AppError (or rejects with it) `token_invalid` if the caller was signed out, disabled or
   * deleted since the request began, even if reinstated; `database_away`
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
