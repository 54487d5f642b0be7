import { createSecretKey, hash, type KeyObject } from 'node:crypto'
import type { Config } from '../config/config.ts'
import type { ClaimRules } from '../config/tokens.ts'
import { looksLikeAccessToken } from './access-token-format.ts'
import type { AccessTokenVerifier, Caller, Found } from './access-token-verifier.ts'
import { readClaims } from './claims.ts'
import { Grant } from './grant.ts'
import type { Identity } from './identity.ts'
import { canonical, type Jwt, parseJwt, verifyHmac, verifyPublic } from './jwt.ts'
import type { OwnKeys } from './own-keys.ts'
import { Recent } from './recent.ts'
import type { RemoteKeys } from './remote-keys.ts'
import { forgottenSeconds, type Revocations, subjectOf } from './revocations.ts'
import type { Tickets } from './tickets.ts'
import { TokenError } from './token-error.ts'

/** Another issuer whose tokens are accepted. */
interface RemoteIssuer {
  readonly keys: Pick<RemoteKeys, 'find' | 'holds'>
  /** The claims that its tokens need. */
  readonly rules: ClaimRules
}

export interface TokenOptions extends Pick<Config, 'algorithms'> {
  /** Verify HMAC tokens. If empty, no HMAC token is accepted. */
  readonly secrets: readonly string[]
  /** The claims that HMAC tokens need. */
  readonly rules: ClaimRules
  /** The claim with the user's id in tokens of other issuers. Default: `sub` and alternatives. */
  readonly userClaim?: string | undefined
  /** Seconds of tolerance for `nbf` and `iat`. */
  readonly clockSkew?: number
  readonly remoteIssuers?: readonly RemoteIssuer[]
  /** Duly's own issuer. Its tokens are always accepted. */
  readonly ownKeys?: OwnKeys | undefined
  /** Whether a session of this server exists. */
  readonly sessionExists?: (id: string) => Promise<boolean>
  readonly accessTokens?: AccessTokenVerifier
  readonly tickets?: Tickets
  readonly revocations?: Revocations
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  /** Verified tokens in the cache: at least this many, at most twice as many. */
  readonly remembered?: number
}

interface Known extends Found {
  /** The revision of the revocations when it was last accepted. */
  admittedAt: number
  /** The key of another issuer that signed it. The issuer may withdraw the key. */
  readonly signer?: { readonly keys: RemoteIssuer['keys']; readonly key: KeyObject }
}

/**
 * How long a token is accepted without another look for its session. Revocations take effect at
 * once.
 */
const believedMs = (forgottenSeconds * 1000) / 2

const noRules: ClaimRules = { issuers: [], audiences: [] }

/**
 * Verifies bearer tokens. A token that was verified before costs a hash and a look-up, and no
 * signature check. Returns a promise only if a key, a personal access token or news of revocations
 * must be read.
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

  /**
   * @param from the client, for limits of look-ups
   * @throws TokenError (or rejects with one), with the reason for the log.
   */
  verify(token: string, from?: Caller): Identity | Promise<Identity> {
    // Revocations first: news may clear the cache, because keys were removed.
    const fresh = this.#options.revocations?.fresh()
    return fresh ? fresh.then(() => this.#verify(token, from)) : this.#verify(token, from)
  }

  /** The grant of one request. Call it directly after `verify`. */
  grant(identity: Identity): Grant {
    return new Grant(identity, this.#options.revocations)
  }

  /** Creates a ticket that stands for this caller's token. */
  createTicket({ identity }: Grant): Promise<string> {
    return this.#tickets.create(identity)
  }

  /**
   * The caller whose token created the ticket, which is used up.
   * @throws TokenError
   */
  async takeTicket(ticket: string, from?: Caller): Promise<Identity> {
    await this.#options.revocations?.fresh()
    const identity = await this.#tickets.take(ticket, from)
    if (identity.expiresAt <= this.#now()) throw new TokenError('expired', true)
    if (this.#options.revocations?.refuses(identity.subjects ?? [])) throw new TokenError('revoked')
    return identity
  }

  get #tickets(): Tickets {
    const { tickets } = this.#options
    if (!tickets) throw new Error('no tickets are accepted here')
    return tickets
  }

  #verify(token: string, from?: Caller): Identity | Promise<Identity> {
    // By hash, so that memory dumps contain no usable tokens.
    const key = hash('sha256', token, 'base64')
    const known = this.#remembered(key) ?? this.#read(token, key, from)
    return known instanceof Promise ? known.then(read => this.#admit(read)) : this.#admit(known)
  }

  /** The next request waits for news of revocations. Call it after a revocation. */
  recheck(): void {
    this.#options.revocations?.expire()
  }

  /** Clears the caches of verified tokens and of Duly's own keys: the keys have changed. */
  forget(): void {
    this.#options.ownKeys?.forget()
    this.#known.clear()
  }

  #remembered(key: string): Known | undefined {
    const known = this.#known.get(key)
    if (!known) return undefined
    const now = this.#now()
    if (known.identity.expiresAt <= now) throw new TokenError('expired', true)
    if (known.signer && !known.signer.keys.holds(known.signer.key)) return undefined
    return known.believedUntil > now ? known : undefined
  }

  #admit(known: Known): Identity {
    const { revocations, accessTokens } = this.#options
    if (revocations && known.admittedAt !== revocations.revision) {
      if (revocations.refuses(known.identity.subjects ?? [])) throw new TokenError('revoked')
      known.admittedAt = revocations.revision
    }
    const { identity } = known
    if (identity.accessToken !== undefined) accessTokens?.noteUse(identity.accessToken)
    return identity
  }

  #read(token: string, key: string, from?: Caller): Known | Promise<Known> {
    const { accessTokens, algorithms, ownKeys } = this.#options
    if (accessTokens && looksLikeAccessToken(token)) {
      return accessTokens.find(token, from).then(found => this.#remember(key, { ...found, admittedAt: -1 }))
    }
    const jwt = parseJwt(token)
    const accepted = algorithms.some(alg => canonical(alg) === canonical(jwt.alg))
    if (jwt.alg.startsWith('HS')) {
      if (!accepted) throw new TokenError('an algorithm that is not accepted')
      const holds = this.#secrets.some(secret => verifyHmac(jwt, secret))
      return this.#accept(key, jwt, holds ? this.#options.rules : undefined)
    }
    const own = ownKeys?.find(jwt)
    const decide = (ownKey: KeyObject | undefined): Known | Promise<Known> => {
      if (ownKey) return this.#acceptOwn(key, jwt, ownKey)
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
    for (const [n, candidates] of found.entries()) {
      const issuer = issuers[n]
      const signed = issuer && Array.isArray(candidates) && candidates.find(one => verifyPublic(jwt, one))
      if (signed) return this.#accept(key, jwt, issuer.rules, { keys: issuer.keys, key: signed })
    }
    // If no other issuer has signed it, the issuer without keys may have.
    const away = found.find(keys => keys instanceof Error)
    if (away instanceof Error) throw away
    return this.#accept(key, jwt, undefined)
  }

  /**
   * Accepts a token of a session of this server. One that may outlive the memory of its revocation
   * is accepted only while its session exists.
   */
  #acceptOwn(key: string, jwt: Jwt, ownKey: KeyObject): Known | Promise<Known> {
    if (!verifyPublic(jwt, ownKey)) throw new TokenError('the signature does not match')
    const { clockSkew, sessionExists } = this.#options
    const now = this.#now()
    const identity = readClaims(jwt.claims, { ...noRules, clockSkew, userClaim: 'sub' }, now)
    const { sid, iat } = jwt.claims
    if (typeof sid !== 'string') throw new TokenError('no sid')
    const subjects = [subjectOf('session', sid), subjectOf('keys', '')]
    const known = this.#knownOf({ ...identity, sessionId: sid }, subjects)
    if (identity.expiresAt / 1000 - Number(iat) <= forgottenSeconds) return this.#remember(key, known)
    if (!sessionExists) throw new TokenError('valid for too long')
    return sessionExists(sid).then(exists => {
      if (!exists) throw new TokenError('its session has ended')
      const believedUntil = Math.min(identity.expiresAt, now + believedMs)
      return this.#remember(key, { ...known, believedUntil })
    })
  }

  /** @param rules undefined if the signature is invalid */
  #accept(key: string, jwt: Jwt, rules: ClaimRules | undefined, signer?: Known['signer']): Known {
    if (!rules) throw new TokenError('the signature does not match')
    const { clockSkew, userClaim } = this.#options
    const identity = readClaims(jwt.claims, { ...rules, clockSkew, userClaim }, this.#now())
    return this.#remember(key, { ...this.#knownOf(identity, []), ...(signer && { signer }) })
  }

  #knownOf(identity: Identity, otherSubjects: readonly string[]): Known {
    const subjects = [subjectOf('user', identity.userId), ...otherSubjects]
    return {
      identity: this.#options.revocations ? { ...identity, subjects } : identity,
      believedUntil: identity.expiresAt,
      admittedAt: -1,
    }
  }

  #remember(key: string, known: Known): Known {
    this.#known.set(key, known)
    return known
  }
}

type Candidates = readonly KeyObject[] | Error

/** An issuer whose keys are unavailable does not affect tokens of the others. */
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
