import { createSecretKey, hash, type KeyObject } from 'node:crypto'
import type { ClaimRules, Config } from '../config.ts'
import { type AccessTokens, type Found, looksLikeAccessToken } from './access-tokens.ts'
import { type Identity, type Jwt, parseJwt, readClaims, TokenError, verifyHmac, verifyPublic } from './jwt.ts'
import type { OwnKeys } from './own-keys.ts'
import { Recent } from './recent.ts'
import type { RemoteKeys } from './remote-keys.ts'
import { type Revocations, subjectOf } from './revocations.ts'

/** Somebody else whose tokens are accepted. */
export interface RemoteIssuer {
  readonly keys: Pick<RemoteKeys, 'find'>
  /** What its tokens must carry. */
  readonly rules: ClaimRules
}

export interface TokenOptions extends Pick<Config, 'algorithms'> {
  /** Check HMAC tokens. None: no such token is accepted. */
  readonly secrets: readonly string[]
  /** What HMAC tokens must carry. */
  readonly rules: ClaimRules
  readonly remoteIssuers?: readonly RemoteIssuer[]
  /** Duly's own issuer, whose tokens are accepted whatever is set up for others. */
  readonly ownKeys?: OwnKeys | undefined
  readonly accessTokens?: AccessTokens
  readonly revocations?: Revocations
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  /** Verified tokens remembered, at most twice this many. */
  readonly remembered?: number
}

interface Known extends Found {
  /** The revision of the revocations under which it was admitted last. */
  admittedAt: number
}

const noRules: ClaimRules = { issuers: [], audiences: [] }

/**
 * Verifies bearer tokens. A token that was verified before costs a hash and a look-up, no signature check.
 * Answers at once unless a key, a personal access token or news of revocations have to be fetched.
 */
export class Tokens {
  readonly #options: TokenOptions
  readonly #secrets: readonly KeyObject[]
  readonly #now: () => number
  readonly #known: Recent<Known>

  constructor(options: TokenOptions) {
    this.#options = options
    this.#secrets = options.secrets.map(secret => createSecretKey(Buffer.from(secret)))
    this.#now = options.now ?? (() => Date.now())
    this.#known = new Recent(options.remembered ?? 10_000)
  }

  /** @throws TokenError (or rejects with one), with the reason for the log. */
  verify(token: string): Identity | Promise<Identity> {
    // First what was revoked, then what is remembered: keys that are accepted no more are forgotten in between.
    const fresh = this.#options.revocations?.fresh()
    return fresh ? fresh.then(() => this.#verify(token)) : this.#verify(token)
  }

  #verify(token: string): Identity | Promise<Identity> {
    // By hash, so that a look at the memory shows no token that could be used.
    const key = hash('sha256', token, 'base64')
    const known = this.#remembered(key) ?? this.#read(token, key)
    return known instanceof Promise ? known.then(read => this.#admit(read)) : this.#admit(known)
  }

  /** The next request waits for news of revocations: one has just been made here. */
  recheck(): void {
    this.#options.revocations?.expire()
  }

  /** Every token is checked again, by signature. */
  forget(): void {
    this.#known.clear()
  }

  #remembered(key: string): Known | undefined {
    const known = this.#known.get(key)
    if (!known) return undefined
    const now = this.#now()
    if (known.identity.expiresAt <= now) throw new TokenError('expired', true)
    return known.believedUntil > now ? known : undefined
  }

  #admit(known: Known): Identity {
    const { revocations, accessTokens } = this.#options
    if (revocations && known.admittedAt !== revocations.revision) {
      if (revocations.refuses(known.subjects)) throw new TokenError('revoked')
      known.admittedAt = revocations.revision
    }
    const { identity } = known
    if (identity.accessToken !== undefined) accessTokens?.noteUse(identity.accessToken)
    return identity
  }

  #read(token: string, key: string): Known | Promise<Known> {
    const { accessTokens, algorithms, ownKeys } = this.#options
    if (accessTokens && looksLikeAccessToken(token)) {
      return accessTokens.find(token).then(found => this.#remember(key, { ...found, admittedAt: -1 }))
    }
    const jwt = parseJwt(token)
    const accepted = algorithms.some(alg => alg === jwt.alg)
    if (jwt.alg.startsWith('HS')) {
      if (!accepted) throw new TokenError('an algorithm that is not accepted')
      const holds = this.#secrets.some(secret => verifyHmac(jwt, secret))
      return this.#accept(key, jwt, holds ? this.#options.rules : undefined)
    }
    const own = ownKeys?.find(jwt)
    const decide = (ownKey: KeyObject | undefined): Known | Promise<Known> => {
      if (ownKey) return this.#accept(key, jwt, verifyPublic(jwt, ownKey) ? noRules : undefined, true)
      if (!accepted) throw new TokenError('an algorithm that is not accepted')
      return this.#readRemote(key, jwt)
    }
    return own instanceof Promise ? own.then(decide) : decide(own)
  }

  #readRemote(key: string, jwt: Jwt): Known | Promise<Known> {
    const issuers = this.#options.remoteIssuers ?? []
    if (issuers.length === 0) throw new TokenError('a key that is not known')
    const found = issuers.map(({ keys }) => lenient(() => keys.find(jwt)))
    if (found.some(keys => keys instanceof Promise))
      return Promise.all(found).then(keys => this.#holds(key, jwt, keys))
    return this.#holds(key, jwt, found as Candidates[])
  }

  #holds(key: string, jwt: Jwt, found: readonly Candidates[]): Known {
    const issuers = this.#options.remoteIssuers ?? []
    const at = found.findIndex(
      keys => Array.isArray(keys) && keys.some(candidate => verifyPublic(jwt, candidate)),
    )
    // An issuer whose keys never came may have signed it, if none of the others has.
    const away = found.find(keys => keys instanceof Error)
    if (at < 0 && away instanceof Error) throw away
    return this.#accept(key, jwt, issuers[at]?.rules)
  }

  /** @param rules nothing where the signature does not hold */
  #accept(key: string, jwt: Jwt, rules: ClaimRules | undefined, own = false): Known {
    if (!rules) throw new TokenError('the signature does not match')
    const identity = readClaims(jwt.claims, rules, this.#now())
    const session = own && typeof jwt.claims.sid === 'string' ? [subjectOf('session', jwt.claims.sid)] : []
    const subjects = this.#options.revocations ? [subjectOf('user', identity.userId), ...session] : []
    return this.#remember(key, { identity, subjects, believedUntil: identity.expiresAt, admittedAt: -1 })
  }

  #remember(key: string, known: Known): Known {
    this.#known.set(key, known)
    return known
  }
}

type Candidates = readonly KeyObject[] | Error

/** One issuer that is away keeps nobody from the others. */
function lenient(
  find: () => readonly KeyObject[] | Promise<readonly KeyObject[]>,
): Candidates | Promise<Candidates> {
  try {
    const keys = find()
    return keys instanceof Promise ? keys.catch((error: Error) => error) : keys
  } catch (error) {
    return error as Error
  }
}
