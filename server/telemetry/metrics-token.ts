import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether an `Authorization` header brings this token; takes as long whatever it brings. */
export function isToken(token: string, header: string | undefined): boolean {
  const sent = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1] ?? ''
  return timingSafeEqual(hashed(sent), hashed(token))
}

function hashed(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
