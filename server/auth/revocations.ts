import { createHash } from 'node:crypto'
import { quick, type Session, statement, unprepared } from '../db/database.ts'

/** A replica knows a revocation after this time at most. */
const staleMs = 900
/** From this age on, revocations are read in the background. */
const agedMs = 400

const record = statement(
  'revocations_record',
  `with raised as (update duly.revision_of_revocations set revision = revision + 1 returning revision)
  insert into duly.revocations as kept (subject, refused, revision, expires_at)
  select subject, $2, revision, now() + $3 * interval '1 second'
  from raised, unnest($1::text[]) as subjects (subject)
  on conflict (subject) do update set refused = excluded.refused, revision = excluded.revision,
    expires_at = case when kept.refused and excluded.refused
      then nullif(greatest(coalesce(kept.expires_at, 'infinity'), coalesce(excluded.expires_at, 'infinity')), 'infinity')
      else excluded.expires_at end`,
)
// The condition is evaluated on the locked row, so a ban that was committed meanwhile stays.
const lift = statement(
  'revocations_lift',
  `with raised as (update duly.revision_of_revocations set revision = revision + 1 returning revision)
  update duly.revocations as kept set refused = false, revision = raised.revision, expires_at = now() + $3 * interval '1 second'
  from raised where subject = any($1::text[]) and refused and kept.expires_at <= now() + $2 * interval '1 second'`,
)
const refusal = unprepared(
  'select true from duly.revocations where subject = $1 and refused and (expires_at is null or expires_at > now())',
)
// A transaction that raises the revision locks its row until it ends. So all revocations up to the
// revision of a visible row are visible.
const since = quick(
  'revocations_since',
  `select subject, refused, revision, extract(epoch from expires_at) * 1000 from duly.revocations
  where revision > $1 order by revision`,
)

/**
 * What can be revoked: a session and its tokens, a user and all their tokens, an email address at
 * sign-up, a personal access token, and the signing keys.
 */
export type Kind = 'session' | 'user' | 'email' | 'token' | 'keys'

/** A subject in the table: a hash, so that the table reveals no ids. */
export function subjectOf(kind: Kind, id: string): string {
  return createHash('sha256').update(`${kind}:${id}`).digest('base64url')
}

/** Longer than anything is valid without a look at the database. */
export const forgottenSeconds = 2 * 60 * 60

/**
 * Revokes subjects on all replicas. Never shortens an existing revocation.
 * @param seconds how long; `null`: until `reinstate`
 */
export async function revoke(
  db: Session,
  subjects: readonly string[],
  seconds: number | null = forgottenSeconds,
): Promise<void> {
  await db.query(record, [subjects, true, seconds])
}

/** Ends a revocation. */
export async function reinstate(db: Session, subjects: readonly string[]): Promise<void> {
  await db.query(record, [subjects, false, forgottenSeconds])
}

/** Ends revocations that expire within `seconds`. Longer ones, such as bans, stay. */
export async function liftWithin(db: Session, subjects: readonly string[], seconds: number): Promise<void> {
  await db.query(lift, [subjects, seconds, forgottenSeconds])
}

/** Whether a subject is revoked, according to the database. */
export async function isRefused(db: Session, subject: string): Promise<boolean> {
  return (await db.query(refusal, [subject])).length > 0
}

/** The last known state of a subject. */
interface News {
  readonly refused: boolean
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  readonly revision: number
}

interface RevocationsOptions {
  readonly db: Session
  /** Called when the signing keys have changed. */
  readonly onKeys?: () => void
  /** Called at each look, so while this replica serves requests. */
  readonly onLook?: () => void
  /** Called when a look in the background fails. */
  readonly onFailure?: (error: unknown) => void
  /** Milliseconds; monotonic. */
  readonly now?: () => number
}

/**
 * The revocations that this replica knows. While there are requests, it reads news at most twice a
 * second. No request is accepted with knowledge older than a second. So there is no query per
 * request and none while idle, and a replica that was disconnected or suspended accepts no request
 * before it has looked.
 */
export class Revocations {
  readonly #db: Session
  readonly #onKeys: () => void
  readonly #onLook: () => void
  readonly #onFailure: (error: unknown) => void
  readonly #now: () => number
  readonly #news = new Map<string, News>()
  readonly #keys = subjectOf('keys', '')
  /** Looks in the background that failed. */
  failures = 0
  #revision = 0
  #lookedAt = Number.NEGATIVE_INFINITY
  #expiredAt = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined

  constructor({ db, onKeys, onLook, onFailure, now }: RevocationsOptions) {
    this.#db = db
    this.#onKeys = onKeys ?? (() => {})
    this.#onLook = onLook ?? (() => {})
    this.#onFailure = onFailure ?? (() => {})
    this.#now = now ?? (() => performance.now())
  }

  /** Rises with all news. A token accepted at this revision need not be checked again. */
  get revision(): number {
    return this.#revision
  }

  /** The number of revoked subjects. */
  get size(): number {
    return [...this.#news.values()].filter(({ refused }) => refused).length
  }

  /** Seconds since the last look. Infinite before the first. */
  get age(): number {
    return (this.#now() - this.#lookedAt) / 1000
  }

  /**
   * Returns undefined if the knowledge is fresh, else a promise.
   * @param session to read with, for a caller in a transaction: the embedded database has no other
   * @throws AppError `database_away`
   */
  fresh(session?: Session): Promise<void> | undefined {
    const now = this.#now()
    const age = now - this.#lookedAt
    if (age < agedMs) return undefined
    if (age >= staleMs) return session ? this.#look(session) : this.#lookUntil(now - staleMs)
    // No request waits for it. If it fails, the requests after the next second wait for another.
    this.look().catch(error => {
      this.failures += 1
      this.#onFailure(error)
    })
    return undefined
  }

  /**
   * Reads news, unless they were read less than half a second ago.
   * @throws AppError `database_away`
   */
  async recent(): Promise<void> {
    if (this.#now() - this.#lookedAt >= agedMs) await this.look()
  }

  /** The next request waits for news, because something was revoked here. */
  expire(): void {
    this.#lookedAt = Number.NEGATIVE_INFINITY
    this.#expiredAt = this.#now()
  }

  refuses(subjects: readonly string[]): boolean {
    if (this.#news.size === 0) return false
    const now = Date.now()
    return subjects.some(subject => {
      const news = this.#news.get(subject)
      return news?.refused === true && news.expiresAt > now
    })
  }

  /** Whether one of these was revoked or reinstated after this revision. */
  haveChangedSince(revision: number, subjects: readonly string[]): boolean {
    return subjects.some(subject => (this.#news.get(subject)?.revision ?? 0) > revision)
  }

  /** Reads news. Simultaneous calls share one query. */
  look(): Promise<void> {
    this.#looking ??= this.#look(this.#db).finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  // With a slow database, a look may be outdated when it ends.
  async #lookUntil(moment: number): Promise<void> {
    do await this.look()
    while (this.#lookedAt < moment)
  }

  async #look(session: Session): Promise<void> {
    this.#onLook()
    const startedAt = this.#now()
    const rows = await session.query(since, [this.#revision])
    // Another look may have ended meanwhile.
    const known = this.#revision
    for (const [subject, refused, revisionText, expiry] of rows as [
      string,
      string,
      string,
      string | null,
    ][]) {
      const revision = Number(revisionText)
      if (revision <= known) continue
      this.#revision = revision
      const expiresAt = expiry === null ? Number.POSITIVE_INFINITY : Number(expiry)
      this.#news.set(subject, { refused: refused === 't' && subject !== this.#keys, expiresAt, revision })
      if (subject === this.#keys) this.#onKeys()
    }
    if (rows.length > 0) this.#forget()
    if (startedAt >= this.#expiredAt) this.#lookedAt = Math.max(this.#lookedAt, startedAt)
  }

  #forget(): void {
    const now = Date.now()
    for (const [subject, { expiresAt }] of this.#news) if (expiresAt < now) this.#news.delete(subject)
  }
}
