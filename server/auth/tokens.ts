import { createSecretKey, hash, type KeyObject } from 'node:crypto'
import type { Config } from '../config.ts'
import { type Identity, type Jwt, parseJwt, readClaims, TokenError, verifyHmac, verifyPublic } from './jwt.ts'
import type { RemoteKeys } from './remote-keys.ts'

export interface TokenOptions extends Pick<Config, 'algorithms' | 'issuer' | 'audience'> {
  /** Checks HMAC tokens. Absent: none is accepted. */
  readonly secret: string | undefined
  /** Public keys of other issuers. Absent: no token with a public-key signature is accepted. */
  readonly remoteKeys?: RemoteKeys | undefined
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  /** Verified tokens remembered, at most twice this many. */
  readonly remembered?: number
}

/**
 * Verifies bearer tokens. A token that was verified before costs a hash and a look-up, no signature check.
 * Answers at once unless a key has to be fetched.
 */
export class Tokens {
  readonly #options: TokenOptions
  readonly #secret: KeyObject | undefined
  readonly #now: () => number
  // Two generations: when the young one is full it becomes the old one, and what is not asked for again is forgotten.
  readonly #generation: number
  #young = new Map<string, Identity>()
  #old = new Map<string, Identity>()

  constructor(options: TokenOptions) {
    this.#options = options
    this.#secret = options.secret === undefined ? undefined : createSecretKey(Buffer.from(options.secret))
    this.#now = options.now ?? Date.now
    this.#generation = options.remembered ?? 10_000
  }

  /** @throws TokenError (or rejects with one), with the reason for the log. */
  verify(token: string): Identity | Promise<Identity> {
    // By hash, so that a look at the memory shows no token that could be used.
    const key = hash('sha256', token, 'base64')
    const known = this.#young.get(key) ?? this.#old.get(key)
    if (known) {
      if (known.expiresAt <= this.#now()) throw new TokenError('expired', true)
      if (!this.#young.has(key)) this.#remember(key, known)
      return known
    }
    const jwt = parseJwt(token)
    const { algorithms, remoteKeys } = this.#options
    if (!algorithms.some(alg => alg === jwt.alg)) throw new TokenError('an algorithm that is not accepted')
    if (jwt.alg.startsWith('HS')) {
      return this.#accept(key, jwt, this.#secret !== undefined && verifyHmac(jwt, this.#secret))
    }
    if (!remoteKeys) throw new TokenError('no public keys are set up')
    const keys = remoteKeys.find(jwt)
    const check = (candidates: readonly KeyObject[]) =>
      this.#accept(
        key,
        jwt,
        candidates.some(candidate => verifyPublic(jwt, candidate)),
      )
    return keys instanceof Promise ? keys.then(check) : check(keys)
  }

  #accept(key: string, jwt: Jwt, signatureHolds: boolean): Identity {
    if (!signatureHolds) throw new TokenError('the signature does not match')
    const identity = readClaims(jwt.claims, this.#options, this.#now())
    this.#remember(key, identity)
    return identity
  }

  #remember(key: string, identity: Identity): void {
    if (this.#young.size >= this.#generation) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, identity)
  }
}
