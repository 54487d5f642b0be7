import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { basePath } from '../config/public-url.ts'
import { type Session, statement } from '../db/database.ts'
import { readCookies, same } from './cookies.ts'

/** A browser that has signed in to this account before. */
export interface Device {
  readonly userId: string
  readonly id: string
}

const lifetimeSeconds = 365 * 24 * 60 * 60

const password = `select u.id, a.password from duly."user" u
  join duly.account a on a."userId" = u.id and a."providerId" = 'credential'`
const byEmail = statement('device_by_email', `${password} where u.email = $1`)
const byUser = statement('device_by_user', `${password} where u.id = $1`)

/**
 * Cookies of browsers that have signed in, whose attempts are counted separately (OWASP, device
 * cookies). They do not sign in, and are signed together with the hash of the password, so
 * that a new password invalidates all of them.
 */
export function devices(db: Session, secrets: readonly string[], publicUrl: URL | undefined) {
  const secure = publicUrl?.protocol === 'https:'
  const keys = secrets.map(secret => Buffer.from(hkdfSync('sha256', secret, '', 'duly devices', 32)))
  // Browsers accept a cookie of this name over TLS only, so a man in the middle cannot set one.
  const cookie = secure ? '__Secure-duly.device' : 'duly.device'
  const mac = (key: Buffer, userId: string, hash: string, id: string) =>
    createHmac('sha256', key)
      .update(JSON.stringify([userId, hash, id]))
      .digest('base64url')

  return {
    /** The device that sent these cookies, if it belongs to the account. */
    async find(
      cookies: string | undefined,
      account: { email: string } | { userId: string },
    ): Promise<Device | undefined> {
      const value = readCookies(cookies).find(([name]) => name === cookie)?.[1]
      const [, id, proof] = /^([\w-]{16})\.([\w-]{43})$/.exec(value ?? '') ?? []
      if (id === undefined || proof === undefined) return undefined
      const [row] = await ('email' in account
        ? db.query(byEmail, [account.email])
        : db.query(byUser, [account.userId]))
      if (row?.[0] == null || row[1] == null) return undefined
      const [userId, hash] = row
      return keys.some(key => same(proof, mac(key, userId, hash, id))) ? { userId, id } : undefined
    },

    /** A Set-Cookie header that makes this browser known; undefined without a password. */
    async write(userId: string): Promise<string | undefined> {
      const [row] = await db.query(byUser, [userId])
      if (row?.[1] == null) return undefined
      const id = randomBytes(12).toString('base64url')
      const value = `${id}.${mac(keys[0] as Buffer, userId, row[1], id)}`
      return `${cookie}=${value}; Path=${basePath(publicUrl)}/api/auth; Max-Age=${lifetimeSeconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
    },
  }
}
