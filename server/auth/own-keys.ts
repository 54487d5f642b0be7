import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { type Session, statement } from '../db/database.ts'
import { type Jwt, keyFits } from './jwt.ts'

/** An unknown key is looked up no more often. */
export const pauseMs = 200
/** How long a new key is published before it signs, so that caches of the key set have it. */
export const announcedSeconds = 60
/**
 * How long a key is published after it has stopped signing: longer than its tokens are valid, which
 * is as long as a session.
 */
export const keptSeconds = 8 * 24 * 60 * 60

const published = statement(
  'own_keys',
  `select id, "publicKey" from duly.jwks where "expiresAt" is null or "expiresAt" > now() - interval '${keptSeconds} seconds'`,
)

/**
 * The public keys of Duly's own issuer, read from the database. An unknown `kid` is looked up at
 * most five times a second. A key is published a minute before it signs, so no token arrives before
 * its key.
 */
export class OwnKeys {
  readonly #db: Session
  readonly #now: () => number
  #keys: ReadonlyMap<string, KeyObject> | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #generation = 0
  #reading: Promise<void> | undefined

  constructor(db: Session, now: () => number = () => performance.now()) {
    this.#db = db
    this.#now = now
  }

  /** The key that may have signed this token, if known. @throws AppError `database_away` */
  find(jwt: Jwt): KeyObject | undefined | Promise<KeyObject | undefined> {
    const known = this.#fitting(jwt)
    if (known || jwt.kid === undefined) return known
    if (!this.#reading && this.#now() - this.#readAt < pauseMs) return undefined
    return this.#readOnce().then(() => this.#fitting(jwt))
  }

  /** Forgets the keys: they have changed. */
  forget(): void {
    this.#generation += 1
    this.#keys = undefined
    this.#readAt = Number.NEGATIVE_INFINITY
  }

  #fitting({ kid, alg }: Jwt): KeyObject | undefined {
    const key = kid === undefined ? undefined : this.#keys?.get(kid)
    return key && keyFits(key, alg) ? key : undefined
  }

  #readOnce(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #read(): Promise<void> {
    const startedAt = this.#now()
    const generation = this.#generation
    const rows = await this.#db.query(published)
    // The keys were forgotten during the query, so the result may be outdated.
    if (generation !== this.#generation) return this.#read()
    this.#keys = new Map(
      rows.map(([kid, jwk]) => {
        // Better Auth writes a JWK into this column.
        const key = JSON.parse(String(jwk)) as JsonWebKey
        return [String(kid), createPublicKey({ key, format: 'jwk' })]
      }),
    )
    this.#readAt = startedAt
  }
}
