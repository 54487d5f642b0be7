import { type Row, type Session, type Statement, statement } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { Buckets } from '../limits/buckets.ts'
import { Recent } from './recent.ts'

/** Look-ups of one network without delay: per second, and at once. */
const prompt = { perSecond: 10, burst: 50 }
/** Milliseconds between the queries of a network beyond that rate. */
const pauseMs = 50
/** Maximum number of tokens in one query. */
const most = 500
/** Maximum number of waiting tokens: of one network, and of all. */
const maxWaiting = { ofOne: 1000, ofAll: 10_000 }
/** How long an unknown token is remembered as unknown. No token is issued twice. */
const rememberedMs = 60_000

// By hash, without an owner: this table is not distributed.
const findToken = statement(
  'access_tokens_by_hash',
  `select hash, user_id, id, scopes, extract(epoch from expires_at) * 1000, name from duly.access_tokens
  where hash = any($1::text[])`,
)

interface Waiting {
  readonly found: Promise<Row | undefined>
  readonly settle: (row: Row | undefined) => void
  readonly fail: (error: unknown) => void
}

/**
 * Looks up personal access tokens by hash. Invented tokens cause few queries: one query runs at a
 * time, for all tokens that arrived meanwhile; a network that sends many tokens gets one query in
 * 50 ms for all of them; and unknown tokens are remembered. Others in the same network are only
 * delayed.
 */
export class TokenLookUps {
  readonly #db: Session
  readonly #find: Statement
  readonly #prompt: Buckets
  readonly #now: () => number
  readonly #waiting = new Map<string, Waiting>()
  readonly #unknown = new Recent<number>(10_000)
  #soon: string[] = []
  /** By network, in the order of their next queries. */
  readonly #later = new Map<string, string[]>()
  #laterAt = Number.NEGATIVE_INFINITY
  #isAsking = false
  #timer: NodeJS.Timeout | undefined

  /** @param find a statement that finds rows by `$1`, hashes, which are their first column */
  constructor(
    db: Session,
    {
      find = findToken,
      now = () => performance.now(),
    }: { readonly find?: Statement; readonly now?: () => number } = {},
  ) {
    this.#db = db
    this.#find = find
    this.#now = now
    this.#prompt = new Buckets({ rate: prompt, now })
  }

  /**
   * @param network of the caller
   * @returns hash, user, id, scopes and expiry in milliseconds; undefined if the token is unknown
   * @throws AppError `too_many_requests` or `busy` if too many tokens are waiting
   */
  find(hash: string, network: string): Promise<Row | undefined> {
    const known = this.#waiting.get(hash)
    if (known) return known.found
    if ((this.#unknown.get(hash) ?? 0) > this.#now()) return Promise.resolve(undefined)
    if (this.#waiting.size >= maxWaiting.ofAll) {
      return Promise.reject(
        new AppError('busy', 'The server is busy. Please try again in a moment.', { retryAfter: 1 }),
      )
    }
    if (this.#prompt.take(network) <= fillingMs) this.#soon.push(hash)
    else {
      const queue = this.#later.get(network) ?? []
      if (queue.length >= maxWaiting.ofOne) return Promise.reject(tooMany())
      queue.push(hash)
      this.#later.set(network, queue)
    }
    const waiting = newWaiting()
    this.#waiting.set(hash, waiting)
    this.#schedule()
    return waiting.found
  }

  #schedule(): void {
    if (this.#isAsking || this.#timer) return
    const pause = this.#soon.length > 0 ? 0 : this.#laterAt + pauseMs - this.#now()
    if (pause <= 0) void this.#ask()
    else {
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.#schedule()
      }, pause).unref()
    }
  }

  async #ask(): Promise<void> {
    const hashes = [...this.#soon.splice(0, most), ...this.#dueLater()]
    if (hashes.length === 0) return
    this.#isAsking = true
    try {
      const rows = await this.#db.query(this.#find, [hashes])
      const found = new Map(rows.map(row => [row[0] as string, row]))
      const until = this.#now() + rememberedMs
      for (const hash of hashes) {
        const row = found.get(hash)
        if (!row) this.#unknown.set(hash, until)
        this.#waiting.get(hash)?.settle(row)
      }
    } catch (error) {
      for (const hash of hashes) this.#waiting.get(hash)?.fail(error)
    } finally {
      for (const hash of hashes) this.#waiting.delete(hash)
      this.#isAsking = false
    }
    if (this.#waiting.size > 0) this.#schedule()
  }

  /** Round-robin over the networks, so that one with few tokens does not wait for one with many. */
  #dueLater(): string[] {
    const now = this.#now()
    if (this.#later.size === 0 || now - this.#laterAt < pauseMs) return []
    this.#laterAt = now
    const hashes: string[] = []
    while (this.#later.size > 0 && hashes.length < most) {
      for (const [network, queue] of this.#later) {
        const hash = queue.shift()
        if (hash !== undefined) hashes.push(hash)
        if (queue.length === 0) this.#later.delete(network)
        if (hashes.length === most) break
      }
    }
    return hashes
  }
}

const fillingMs = (prompt.burst * 1000) / prompt.perSecond + 1

function tooMany(): AppError {
  return new AppError('too_many_requests', 'Too many requests. Try again in 1 s.', { retryAfter: 1 })
}

function newWaiting(): Waiting {
  let settle: Waiting['settle'] = () => {}
  let fail: Waiting['fail'] = () => {}
  const found = new Promise<Row | undefined>((resolve, reject) => {
    settle = resolve
    fail = reject
  })
  return { found, settle, fail }
}
