import { type Session, unprepared } from '../db/database.ts'
import { network } from '../limits/network.ts'
import type { Log } from '../log.ts'
import { hashOf, isWellFormed } from './access-token-format.ts'
import type { Identity, Scope } from './identity.ts'
import { subjectOf } from './revocations.ts'
import { TokenError } from './token-error.ts'
import { TokenLookUps } from './token-look-ups.ts'

/** How long a found token is used without another look-up. Revocations take effect at once. */
const cachedMs = 10 * 60_000
const flushMs = 60_000

const saveUse = unprepared(
  `update duly.access_tokens as tokens set last_used_at = date_trunc('minute', now())
  from unnest($1::bigint[]) as used (id) where tokens.id = used.id`,
)

/** The client that sends a token. */
export interface Caller {
  readonly ip: string
}

export interface Found {
  readonly identity: Identity
  /** When it must be looked up again, in milliseconds since the epoch. */
  readonly believedUntil: number
}

/** Verifies personal access tokens. Saves when they were used, in one statement a minute. */
export class AccessTokenVerifier {
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
   * @param from the client, whose network bounds the look-ups
   * @throws TokenError where there is no such token, or it has expired; AppError where too many are
   * looked up
   */
  async find(token: string, from?: Caller): Promise<Found> {
    if (!isWellFormed(token)) throw new TokenError('no personal access token, by its checksum')
    const row = await this.#lookUps.find(hashOf(token), network(from?.ip ?? ''))
    if (!row) throw new TokenError('an unknown or revoked personal access token')
    const [, userId, id, granted, expiry, tokenName] = row as [string, string, string, string, string, string]
    const expiresAt = Number(expiry)
    if (expiresAt <= Date.now()) throw new TokenError('expired', true)
    return {
      identity: {
        userId,
        expiresAt,
        subjects: [subjectOf('user', userId), subjectOf('token', id)],
        accessToken: Number(id),
        tokenName,
        scopes: granted.split(' ') as Scope[],
      },
      believedUntil: Math.min(expiresAt, Date.now() + cachedMs),
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
      .query(saveUse, [ids])
      .catch(error => this.#log.warn({ err: error }, 'cannot store when tokens were used'))
  }
}
