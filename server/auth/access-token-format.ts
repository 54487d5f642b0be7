import { createHash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

const prefix = 'duly_pat_'
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const randomDigits = 32
const checksumDigits = 6
const form = new RegExp(`^${prefix}[0-9A-Za-z]{${randomDigits + checksumDigits}}$`)

/**
 * A prefix that secret scanners look for, 32 random digits in base 62 (190 bits), and the CRC-32 of
 * both in base 62. The checksum tells a token from a look-alike without a query.
 */
export function newAccessToken(): string {
  const random = Array.from({ length: randomDigits }, () => digits[randomInt(digits.length)]).join('')
  return prefix + random + checksum(prefix + random)
}

/** Whether a bearer token is meant as a personal access token. */
export function looksLikeAccessToken(token: string): boolean {
  return token.startsWith(prefix)
}

/** Whether a token can have been issued, by its form and its checksum. */
export function isWellFormed(token: string): boolean {
  return form.test(token) && token.slice(-checksumDigits) === checksum(token.slice(0, -checksumDigits))
}

/** Tokens are random and long, so a fast hash is safe: there is nothing to guess. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}

function checksum(text: string): string {
  let left = crc32(text)
  let sum = ''
  for (let n = 0; n < checksumDigits; n += 1) {
    sum = digits[left % digits.length] + sum
    left = Math.floor(left / digits.length)
  }
  return sum
}
