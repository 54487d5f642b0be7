import { setTimeout as pause } from 'node:timers/promises'
import { generateId } from 'better-auth'
import type { Jwk } from 'better-auth/plugins/jwt'
import { announcedSeconds, pauseMs } from '../auth/own-keys.ts'
import { type Session, statement, unprepared } from '../db/database.ts'

const all = statement(
  'signing_keys',
  `select id, "publicKey", "privateKey", extract(epoch from "createdAt") * 1000, extract(epoch from "expiresAt") * 1000, alg, crv,
    "createdAt" <= now() - interval '${announcedSeconds} seconds'
  from duly.jwks order by "createdAt"`,
)
const insert = unprepared(
  `insert into duly.jwks (id, "publicKey", "privateKey", "createdAt", alg, crv) values ($1, $2, $3, clock_timestamp(), $4, $5)
  returning extract(epoch from "createdAt") * 1000`,
)

/** Stores the keys of Better Auth's `jwt()`. A new key is published for a while before it signs. */
export function signingKeys(db: Session) {
  return {
    async getJwks({ path }: { path?: string }): Promise<Jwk[]> {
      const rows = await db.query(all)
      const keys = rows.map(([id, publicKey, privateKey, createdAt, expiresAt, alg, crv, announced]) => ({
        key: {
          id: String(id),
          publicKey: String(publicKey),
          privateKey: String(privateKey),
          createdAt: new Date(Number(createdAt)),
          ...(expiresAt == null ? {} : { expiresAt: new Date(Number(expiresAt)) }),
          // The column is text; Better Auth wrote it.
          alg: (alg ?? undefined) as Jwk['alg'],
          crv: (crv ?? undefined) as Jwk['crv'],
        } satisfies Jwk,
        announced: announced === 't',
      }))
      const signing = keys.filter(({ announced }) => announced)
      // The first key signs at once, because there is no older key.
      const chosen = path === '/jwks' ? keys : signing.length > 0 ? signing : keys.slice(0, 1)
      return chosen.map(({ key }) => key)
    },

    async createJwk(key: Omit<Jwk, 'id'>): Promise<Jwk> {
      const id = generateId()
      const values = [id, key.publicKey, key.privateKey, key.alg ?? null, key.crv ?? null]
      const [row] = await db.query(insert, values)
      // The first key signs at once. A replica may have looked for keys just before it was stored,
      // and would reject its tokens.
      await pause(pauseMs + 10)
      return { ...key, id, createdAt: new Date(Number(row?.[0])) }
    },
  }
}
