import { constants, createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto'
import type { Algorithm } from '../config/algorithms.ts'
import { TokenError } from './token-error.ts'

export interface Jwt {
  readonly alg: string
  readonly kid: string | undefined
  readonly claims: Readonly<Record<string, unknown>>
  /** What is signed: header and payload as they were sent. */
  readonly signed: string
  readonly signature: Buffer
}

const maxLength = 8192
// Invalid UTF-8 is rejected: with U+FFFD instead, different subjects would become equal.
const utf8 = new TextDecoder('utf-8', { fatal: true })
const compactForm = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/

/** Parses a compact JWS (RFC 7515, 3.1). Verify the signature before you trust its content. */
export function parseJwt(token: string): Jwt {
  if (token.length > maxLength) throw new TokenError('longer than 8 KiB')
  const parts = compactForm.exec(token)
  if (!parts) throw new TokenError('not three base64url parts')
  const header = parseObject(parts[1] as string, 'header')
  // Critical extensions that are not supported must be rejected (RFC 7515, 4.1.11). None is.
  if ('crit' in header) throw new TokenError('a crit header')
  if (typeof header.alg !== 'string') throw new TokenError('no alg')
  if (header.kid !== undefined && typeof header.kid !== 'string') throw new TokenError('kid is not a text')
  return {
    alg: header.alg,
    kid: header.kid,
    claims: parseObject(parts[2] as string, 'payload'),
    signed: token.slice(0, token.lastIndexOf('.')),
    signature: Buffer.from(parts[3] as string, 'base64url'),
  }
}

const hashes = new Map([
  ['HS256', 'sha256'],
  ['HS384', 'sha384'],
  ['HS512', 'sha512'],
])

export function verifyHmac(jwt: Jwt, secret: KeyObject): boolean {
  const hash = hashes.get(jwt.alg)
  if (hash === undefined) return false
  const expected = createHmac(hash, secret).update(jwt.signed).digest()
  return expected.length === jwt.signature.length && timingSafeEqual(expected, jwt.signature)
}

/**
 * The kind of public key for each algorithm (RFC 7518, 3.1; RFC 8037). The key decides the
 * algorithm, never the token.
 */
const publicKeyRules: Record<string, { type: string; curve?: string; hash: string | null; pss?: boolean }> = {
  EdDSA: { type: 'ed25519', hash: null },
  // The fully specified name of the same algorithm (RFC 9864, 2.2).
  Ed25519: { type: 'ed25519', hash: null },
  ES256: { type: 'ec', curve: 'prime256v1', hash: 'sha256' },
  ES384: { type: 'ec', curve: 'secp384r1', hash: 'sha384' },
  ES512: { type: 'ec', curve: 'secp521r1', hash: 'sha512' },
  RS256: { type: 'rsa', hash: 'sha256' },
  RS384: { type: 'rsa', hash: 'sha384' },
  RS512: { type: 'rsa', hash: 'sha512' },
  PS256: { type: 'rsa', hash: 'sha256', pss: true },
  PS384: { type: 'rsa', hash: 'sha384', pss: true },
  PS512: { type: 'rsa', hash: 'sha512', pss: true },
}

/** One name for each algorithm. */
export const canonical = (alg: string): string => (alg === 'Ed25519' ? 'EdDSA' : alg)

export function keyFits(key: KeyObject, alg: string): boolean {
  const rule = publicKeyRules[alg]
  if (!rule || rule.type !== key.asymmetricKeyType) return false
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  return rule.type === 'rsa' ? modulusLength >= 2048 : rule.curve === namedCurve
}

export function verifyPublic(jwt: Jwt, key: KeyObject): boolean {
  const rule = publicKeyRules[jwt.alg]
  if (!rule || !keyFits(key, jwt.alg)) return false
  const padding = rule.pss
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : {}
  return verify(
    rule.hash,
    Buffer.from(jwt.signed),
    { key, dsaEncoding: 'ieee-p1363', ...padding },
    jwt.signature,
  )
}

/** Signs a token, for the command line and for tests. */
export function signHmac(
  claims: object,
  secret: KeyObject,
  alg: Extract<Algorithm, `HS${string}`> = 'HS256',
): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${encode({ alg, typ: 'JWT' })}.${encode(claims)}`
  return `${signed}.${createHmac(hashes.get(alg) as string, secret)
    .update(signed)
    .digest('base64url')}`
}

function parseObject(part: string, what: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(Buffer.from(part, 'base64url')))
  } catch {
    throw new TokenError(`the ${what} is no JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TokenError(`the ${what} is no object`)
  return value as Record<string, unknown>
}
