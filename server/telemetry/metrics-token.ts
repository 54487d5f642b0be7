import { createHash, timingSafeEqual } from 'node:crypto'
import { bearerIn } from '../auth/bearer.ts'

/** Whether an `Authorization` header brings this token; takes as long whatever it brings. */
export function isToken(token: string, header: string | undefined): boolean {
  return timingSafeEqual(hashed(bearerIn(header ?? '') ?? ''), hashed(token))
}

function hashed(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
