import { AppError } from '../errors.ts'

/** A turn that waits or runs. */
interface Turn {
  /** Turns of its keys before this one. */
  readonly start: number
  readonly keys: readonly string[]
  begin(): void
  drop(error: AppError): void
}

interface Use {
  /** Where the next turn of this key begins. */
  next: number
  /** Turns that wait or run. */
  inside: number
}

interface FairTurnsOptions {
  /** Turns that run at the same time. */
  readonly atOnce: number
  /** Turns that may wait, of all keys together. */
  readonly waiting: number
}

/**
 * Turns at expensive work, fair to several kinds of keys at once, such as address and account:
 * start-time fair queueing (Goyal, Vin and Cheng, 1996). Each turn starts after those of all its
 * keys, and the lowest start is next, so that a key with many turns waits behind itself. When too
 * many wait, the highest start is dropped.
 */
export class FairTurns {
  readonly #atOnce: number
  readonly #most: number
  readonly #uses = new Map<string, Use>()
  /** By start, then by arrival. */
  readonly #waiting: Turn[] = []
  #running = 0
  /** The start of the turn that began last. */
  #now = 0

  constructor({ atOnce, waiting }: FairTurnsOptions) {
    this.#atOnce = atOnce
    this.#most = waiting
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#uses.size
  }

  /**
   * Runs `work` when it is its turn. `work` may end its turn early, if it only waits from then on.
   * @param most turns of the last key, the account, that wait or run at the same time
   * @throws AppError `busy` if too many wait
   */
  async run<T>(keys: readonly string[], most: number, work: (endTurn: () => void) => Promise<T>): Promise<T> {
    await this.#enter(keys, most)
    let hasTurn = true
    const endTurn = () => {
      if (!hasTurn) return
      hasTurn = false
      this.#running -= 1
      this.#leave(keys)
      this.#next()
    }
    try {
      return await work(endTurn)
    } finally {
      endTurn()
    }
  }

  #enter(keys: readonly string[], most: number): Promise<void> {
    const account = keys.at(-1)
    if (account !== undefined && (this.#uses.get(account)?.inside ?? 0) >= most) return Promise.reject(busy())
    const uses = keys.map(key => this.#uses.get(key) ?? { next: 0, inside: 0 })
    const start = Math.max(this.#now, ...uses.map(({ next }) => next))
    if (this.#waiting.length >= this.#most) {
      const last = this.#waiting.at(-1)
      if (last === undefined || last.start <= start) return Promise.reject(busy())
      this.#waiting.pop()
      last.drop(busy())
    }
    for (const [n, use] of uses.entries()) {
      use.next = start + 1
      use.inside += 1
      this.#uses.set(String(keys[n]), use)
    }
    return new Promise((begin, reject) => {
      const drop = (error: AppError) => {
        this.#leave(keys)
        reject(error)
      }
      const before = this.#waiting.findLastIndex(turn => turn.start <= start)
      this.#waiting.splice(before + 1, 0, { start, keys, begin, drop })
      this.#next()
    })
  }

  #next(): void {
    while (this.#running < this.#atOnce) {
      const turn = this.#waiting.shift()
      if (!turn) return
      this.#running += 1
      this.#now = turn.start
      turn.begin()
    }
  }

  #leave(keys: readonly string[]): void {
    for (const key of keys) {
      const use = this.#uses.get(key)
      if (!use) continue
      use.inside -= 1
      if (use.inside === 0) this.#uses.delete(key)
    }
  }
}

function busy(): AppError {
  return new AppError('busy', 'Too many sign-ins at once. Try again in a moment.', { retryAfter: 1 })
}
