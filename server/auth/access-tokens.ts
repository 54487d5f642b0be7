import { createHash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { type Database, type Row, type Session, unprepared } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { network } from '../limits/network.ts'
import type { Log } from '../log.ts'
import type { Grant } from './grant.ts'
import { type Identity, TokenError } from './jwt.ts'
import { revoke, subjectOf } from './revocations.ts'
import { TokenLookUps } from './token-look-ups.ts'

/** What a personal access token may do. */
export const scopes = ['tasks:read', 'tasks:write'] as const
export type Scope = (typeof scopes)[number]

/** What is known of a token, without the token. Times as in tasks: ISO 8601, UTC. */
export interface AccessToken {
  readonly id: number
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly createdAt: string
  readonly expiresAt: string
  /** To the minute; null: never yet. */
  readonly lastUsedAt: string | null
}

export interface NewAccessToken {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly expiresInDays: number
}

/** Tokens that one user may have at a time. */
export const maxTokens = 100

const prefix = 'duly_pat_'
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const randomDigits = 32
const sumDigits = 6
const form = new RegExp(`^${prefix}[0-9A-Za-z]{${randomDigits + sumDigits}}$`)
/** For how long a token is believed to be what it was, revocations aside. */
const believedMs = 10 * 60_000
const flushMs = 60_000

const time = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
const columns = `id, name, scopes, ${time('created_at')}, ${time('expires_at')}, ${time('last_used_at')}`

// One at a time for each owner, so that there are never more than the most.
const inTurn = unprepared(`select pg_advisory_xact_lock(hashtextextended('duly tokens ' || $1, 0))`)
const insert = unprepared(
  `insert into duly.access_tokens (user_id, name, scopes, hash, created_at, expires_at)
  select $1, $2, $3, $4, now(), now() + $5::integer * interval '1 day'
  where (select count(*) from duly.access_tokens where user_id = $1 and expires_at > now()) < ${maxTokens}
  returning ${columns}`,
)
const isRevoked = unprepared(
  `select from duly.revocations
  where subject = any($1::text[]) and refused and (expires_at is null or expires_at > now()) limit 1`,
)
const removeAll = unprepared('delete from duly.access_tokens where user_id = $1 returning id')
const select = unprepared(
  `select ${columns} from duly.access_tokens where user_id = $1 and expires_at > now() order by id desc`,
)
const removeOne = unprepared('delete from duly.access_tokens where user_id = $1 and id = $2 returning id')
const used = unprepared(
  `update duly.access_tokens as kept set last_used_at = date_trunc('minute', now())
  from unnest($1::bigint[]) as used (id) where kept.id = used.id`,
)

/** The personal access tokens of one user: made, shown once, listed, revoked. */
export function accessTokensOf(db: Database, owner: string, grant: Grant) {
  return {
    /**
     * A token outlives what it was created with, so that is checked in the same transaction.
     * @throws AppError `too_many_tokens`; `token_invalid` where the caller was revoked meanwhile
     */
    async create({
      name,
      scopes: granted,
      expiresInDays,
    }: NewAccessToken): Promise<{ token: string } & AccessToken> {
      const token = newToken()
      const values = [owner, name, granted.join(' '), hashOf(token), expiresInDays]
      const create = async (session: Session) => {
        await session.query(inTurn, [owner])
        const revoked = await session.query(isRevoked, [grant.subjects])
        if (revoked.length > 0) throw new AppError('token_invalid', 'The token is invalid.')
        return session.query(insert, values)
      }
      const [row] = await db.transaction(create, 'short', grant)
      if (!row) throw new AppError('too_many_tokens', `You have ${maxTokens} tokens; revoke one first.`)
      return { token, ...accessTokenOf(row) }
    },

    /** Newest first. */
    async list(): Promise<AccessToken[]> {
      return (await db.query(select, [owner])).map(accessTokenOf)
    },

    /** Refused from now on, on every replica. @throws AppError `token_not_found` */
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

/** Revokes every token of a user, in the transaction under way. None is created until it ends, and none before it is missed. */
export async function revokeAccessTokensOf(session: Session, owner: string): Promise<void> {
  await session.query(inTurn, [owner])
  const rows = await session.query(removeAll, [owner])
  if (rows.length === 0) return
  await revoke(
    session,
    rows.map(([id]) => subjectOf('token', String(id))),
  )
}

export function looksLikeAccessToken(token: string): boolean {
  return token.startsWith(prefix)
}

/** Who sends a token, before it is known who that is. */
export interface Caller {
  readonly ip: string
}

export interface Found {
  readonly identity: Identity
  /** Milliseconds since the epoch at which it is to be checked again. */
  readonly believedUntil: number
}

/** Checks personal access tokens, and notes when they were used: in memory first, a statement a minute for all of them. */
export class AccessTokens {
  readonly #db: Session
  readonly #log: Log
  readonly #lookUps: TokenLookUps
  readonly #used = new Set<number>()
  #timer: NodeJS.Timeout | undefined

  constructor(db: Session, log: Log) {
    this.#db = db
    this.#log = log
    this.#lookUps = new TokenLookUps(db)
  }

  /**
   * @param from whose address it came from
   * @throws TokenError where there is no such token, or it has expired; AppError where too many are looked up
   */
  async find(token: string, from?: Caller): Promise<Found> {
    if (!form.test(token) || token.slice(-sumDigits) !== checksum(token.slice(0, -sumDigits))) {
      throw new TokenError('no personal access token, by its checksum')
    }
    const row = await this.#lookUps.find(hashOf(token), network(from?.ip ?? ''))
    if (!row) throw new TokenError('an unknown or revoked personal access token')
    const [, userId, id, granted, expiry] = row as [string, string, string, string, string]
    const expiresAt = Number(expiry)
    if (expiresAt <= Date.now()) throw new TokenError('expired', true)
    const subjects = [subjectOf('user', userId), subjectOf('token', id)]
    return {
      identity: {
        userId,
        expiresAt,
        subjects,
        accessToken: Number(id),
        scopes: granted.split(' ') as Scope[],
      },
      believedUntil: Math.min(expiresAt, Date.now() + believedMs),
    }
  }

  noteUse(id: number): void {
    this.#used.add(id)
    this.#timer ??= setTimeout(() => void this.flush(), flushMs).unref()
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const ids = [...this.#used]
    this.#used.clear()
    if (ids.length === 0) return
    await this.#db
      .query(used, [ids])
      .catch(error => this.#log.warn({ err: error }, 'when tokens were used could not be noted'))
  }
}

/**
 * 32 random letters and digits (190 bits) between a prefix that secret scanners look for and six that are the CRC-32 of all
 * before them, so that a scanner, or this server, can tell a token from a mere look-alike without asking a database.
 */
function newToken(): string {
  const random = Array.from({ length: randomDigits }, () => digits[randomInt(digits.length)]).join('')
  return prefix + random + checksum(prefix + random)
}

function checksum(text: string): string {
  let left = crc32(text)
  let sum = ''
  for (let n = 0; n < sumDigits; n += 1) {
    sum = digits[left % digits.length] + sum
    left = Math.floor(left / digits.length)
  }
  return sum
}

// The token is as long as a key, so a plain hash is enough: there is nothing to guess.
function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
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
