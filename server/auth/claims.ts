import type { ClaimRules } from '../config/tokens.ts'
import type { Identity } from './identity.ts'
import type { Jwt } from './jwt.ts'
import { TokenError } from './token-error.ts'

/** What `readClaims` checks, and where it finds the user. */
export interface ClaimOptions extends ClaimRules {
  /** The claim with the user's id, as a name or a dotted path. Absent: the first usual one. */
  readonly userClaim?: string | undefined
  /** Seconds by which `nbf` and `iat` may be ahead of this server's clock; absent: 30. */
  readonly clockSkew?: number | undefined
}

/** Claims with the user's id, unless one is named. The last is in Better Auth's cookie cache. */
const userClaims = ['sub', 'user_id', 'id', 'user.id']

/**
 * Checks the registered claims (RFC 7519, 4.1) of a token whose signature holds. A claim that is
 * null is absent.
 * @param now in milliseconds
 */
export function readClaims(claims: Jwt['claims'], options: ClaimOptions, now: number): Identity {
  const { issuers, audiences, userClaim, clockSkew = 30 } = options
  const seconds = now / 1000
  const expiry = time(claims, 'exp')
  if (expiry === undefined) throw new TokenError('no exp')
  const userId = userIdIn(claims, userClaim === undefined ? userClaims : [userClaim])
  if (expiry <= seconds) throw new TokenError('expired', true)
  if ((time(claims, 'nbf') ?? 0) > seconds + clockSkew) throw new TokenError('not valid yet (nbf)')
  if ((time(claims, 'iat') ?? 0) > seconds + clockSkew) throw new TokenError('issued in the future (iat)')
  if (issuers.length > 0 && !issuers.some(issuer => issuer === claims.iss)) {
    throw new TokenError('another issuer (iss)')
  }
  if (audiences.length > 0 && !listed(claims.aud).some(aud => audiences.some(known => known === aud))) {
    throw new TokenError('for another audience (aud)')
  }
  return { userId, expiresAt: expiry * 1000 }
}

/**
 * The first of these claims that is present and not null decides. If it is not a user id, the token
 * is rejected.
 */
function userIdIn(claims: Jwt['claims'], names: readonly string[]): string {
  for (const name of names) {
    const value = claimAt(claims, name)
    if (value !== undefined) return userIdOf(value, name)
  }
  throw new TokenError(`no ${names.join(', ')}`)
}

/** A claim by its name, which may have dots as in a URL, else by its path. */
function claimAt(claims: Jwt['claims'], name: string): unknown {
  const named = own(claims, name)
  if (named !== undefined || !name.includes('.')) return named
  return name.split('.').reduce<unknown>(own, claims)
}

function own(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const found = isObject && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
  return found ?? undefined
}

function userIdOf(value: unknown, name: string): string {
  const text = Number.isSafeInteger(value) ? String(value) : value
  // It is stored in keys and logged: no control characters, unpaired surrogates or long texts.
  if (typeof text !== 'string' || !/^[^\p{Cc}\p{Cs}]{1,255}$/u.test(text))
    throw new TokenError(`${name} is no user id`)
  return text
}

function time(claims: Jwt['claims'], name: string): number | undefined {
  const value = own(claims, name)
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TokenError(`${name} is not a time`)
  return value
}

function listed(aud: unknown): unknown[] {
  return Array.isArray(aud) ? aud : [aud]
}

/** The claims that identify the user in a token that this server signs with the shared secret. */
export function claimsOf(user: string, userClaim: string | undefined): Record<string, string> {
  return { sub: user, ...(userClaim === undefined ? {} : { [userClaim]: user }) }
}
