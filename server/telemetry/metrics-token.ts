import { createHash, timingSafeEqual } from 'node:crypto'
import { bearerIn } from '../auth/bearer.ts'

/** Whether an `Authorization` header contains this token. Takes constant time. */
export function isToken(token: string, header: string | undefined): boolean {
  return timingSafeEqual(hashed(bearerIn(header ?? '') ?? ''), hashed(token))
}

function hashed(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
