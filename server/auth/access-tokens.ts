import { type Database, type Row, type Session, unprepared } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { hashOf, newAccessToken } from './access-token-format.ts'
import type { Grant } from './grant.ts'
import type { Scope } from './identity.ts'
import { lasting, lockLasting } from './lasting.ts'
import { revoke, subjectOf } from './revocations.ts'

/** A personal access token, without the token itself. Times are ISO 8601 in UTC, as in tasks. */
export interface AccessToken {
  readonly id: number
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly createdAt: string
  readonly expiresAt: string
  /** To the minute; null before the first use. */
  readonly lastUsedAt: string | null
}

export interface NewAccessToken {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly expiresInDays: number
}

/** Maximum number of valid tokens per user. */
export const maxTokens = 100

const time = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
const columns = `id, name, scopes, ${time('created_at')}, ${time('expires_at')}, ${time('last_used_at')}`

const insert = unprepared(
  `insert into duly.access_tokens (user_id, name, scopes, hash, created_at, expires_at)
  select $1, $2, $3, $4, now(), now() + $5::integer * interval '1 day'
  where (select count(*) from duly.access_tokens where user_id = $1 and expires_at > now()) < ${maxTokens}
  returning ${columns}`,
)
const removeTickets = unprepared('delete from duly.tickets where user_id = $1')
const removeAll = unprepared('delete from duly.access_tokens where user_id = $1 returning id')
const select = unprepared(
  `select ${columns} from duly.access_tokens where user_id = $1 and expires_at > now() order by id desc`,
)
const removeOne = unprepared('delete from duly.access_tokens where user_id = $1 and id = $2 returning id')
/** The personal access tokens of one user. */
export function accessTokensOf(db: Database, owner: string, grant: Grant) {
  return {
    /**
     * A token outlives the session that creates it, so the session is checked in the same
     * transaction. Simultaneous requests of one owner cannot exceed the maximum.
     * @throws AppError `too_many_tokens`; `token_invalid` where the caller has been revoked since
     */
    async create({
      name,
      scopes: granted,
      expiresInDays,
    }: NewAccessToken): Promise<{ token: string } & AccessToken> {
      const token = newAccessToken()
      const values = [owner, name, granted.join(' '), hashOf(token), expiresInDays]
      const create = async (session: Session) => {
        await session.query(lockLasting, [owner])
        return session.query(insert, values)
      }
      const [row] = await db.transaction(create, 'short', lasting(grant))
      if (!row) throw new AppError('too_many_tokens', `You have ${maxTokens} tokens; revoke one first.`)
      return { token, ...accessTokenOf(row) }
    },

    /** Newest first. */
    async list(): Promise<AccessToken[]> {
      return (await db.query(select, [owner], grant)).map(accessTokenOf)
    },

    /** Every replica rejects the token from now on. @throws AppError `token_not_found` */
    async revoke(id: number): Promise<void> {
      const remove = async (session: Session) => {
        const [row] = await session.query(removeOne, [owner, id])
        if (!row) throw new AppError('token_not_found', 'There is no such token.')
        await revoke(session, [subjectOf('token', String(id))])
      }
      await db.transaction(remove, 'short', grant)
    },
  }
}

/**
 * Revokes every token of a user in this transaction, and removes their tickets. It waits for tokens
 * and webhooks that are being created. Until it ends, none can be.
 */
export async function revokeAccessTokensOf(session: Session, owner: string): Promise<void> {
  await session.query(lockLasting, [owner])
  await session.query(removeTickets, [owner])
  const rows = await session.query(removeAll, [owner])
  if (rows.length === 0) return
  await revoke(
    session,
    rows.map(([id]) => subjectOf('token', String(id))),
  )
}

function accessTokenOf([id, name, granted, createdAt, expiresAt, lastUsedAt]: Row): AccessToken {
  return {
    id: Number(id),
    name: String(name),
    scopes: String(granted).split(' ') as Scope[],
    createdAt: String(createdAt),
    expiresAt: String(expiresAt),
    lastUsedAt: lastUsedAt ?? null,
  }
}
