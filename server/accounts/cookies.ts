import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import { parseJwt, verifyHmac } from '../auth/jwt.ts'

/** Names and values of a Cookie header (RFC 6265, 4.2.1). */
export function readCookies(header: string | undefined): readonly (readonly [name: string, value: string])[] {
  return (header ?? '').split(/; */).flatMap(pair => {
    const at = pair.indexOf('=')
    return at > 0 ? [[pair.slice(0, at), pair.slice(at + 1)] as const] : []
  })
}

/**
 * Signs cookies of an older secret with the current one, the only one that Better Auth accepts. A
 * signed cookie is `value.signature`, percent-encoded. The signature is HMAC-SHA-256 in base64.
 * @param keys the current one first
 */
export function reSignCookies(header: string, keys: readonly string[]): string {
  const [current = '', ...older] = keys
  const reSigned = (encoded: string): string => {
    const text = decoded(encoded)
    const dot = text.lastIndexOf('.')
    if (dot < 0 || text.length - dot !== 45) return encoded
    const value = text.slice(0, dot)
    const signedWith = (key: string) => same(text.slice(dot + 1), signature(value, key))
    return older.some(signedWith) ? encodeURIComponent(`${value}.${signature(value, current)}`) : encoded
  }
  return readCookies(header)
    .map(([name, value]) => `${name}=${reSigned(value)}`)
    .join('; ')
}

/** Signs the token of a link in an email, a JWT (HS256), with the current secret. */
export function reSignLink(token: string, keys: readonly string[]): string {
  const [current = '', ...older] = keys
  try {
    const jwt = parseJwt(token)
    const isOld = jwt.alg === 'HS256' && older.some(key => verifyHmac(jwt, createSecretKey(Buffer.from(key))))
    if (!isOld) return token
    return `${jwt.signed}.${createHmac('sha256', current).update(jwt.signed).digest('base64url')}`
  } catch {
    return token
  }
}

function signature(value: string, key: string): string {
  return createHmac('sha256', key).update(value).digest('base64')
}

/** Compares in constant time. */
export function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** Percent-decodes a text, or returns it as is. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
