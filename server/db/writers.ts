/** As much of a session as is looked at. */
interface Lane {
  readonly held: boolean
  readonly lost: boolean
  readonly inFlight: number
  readonly writes: number
  readonly slow: number
}

/** Writes in flight on a session before another one is used, at most. */
const mostRoom = 16
/** How long writes may wait for those before them on their session, so that they leave and come back together. */
const patienceMs = 5
/** Writes that were alone on their session, of which the quickest quarter tells what one takes. */
const remembered = 16
/** And for how long they do. */
const memoryMs = 10_000

/**
 * On which session each write goes. Writes of one owner follow each other on one: they wait for each other's lock on the owner's row
 * in any case, and would each occupy a session. Writes of several share one as well, since each session that is used costs two
 * system calls here and a change of process at PostgreSQL; but only as many as are done soon. Where a commit has a slow disk to
 * wait for, each gets a session to itself, and PostgreSQL syncs them together.
 */
export class Writers<Session extends Lane> {
  readonly #byOwner = new Map<string, { session: Session; count: number }>()
  readonly #alone: number[] = []
  #takes = Number.POSITIVE_INFINITY
  #learntAt = 0
  readonly #now: () => number

  /** @param now milliseconds of a clock that only goes forward */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** @returns undefined where none of these takes a write now */
  choose(owner: string, sessions: readonly Session[]): Session | undefined {
    const same = this.#byOwner.get(owner)?.session
    if (same && !same.held && !same.lost) return same
    const room = this.room
    let fullest: Session | undefined
    let emptiest: Session | undefined
    for (const session of sessions) {
      if (session.held || session.lost) continue
      const { writes, slow, inFlight } = session
      if (slow === 0 && writes < room && (!fullest || writes > fullest.writes)) fullest = session
      if (!emptiest || inFlight < emptiest.inFlight) emptiest = session
    }
    return fullest ?? emptiest
  }

  /** How many writes share a session now. */
  get room(): number {
    if (this.#now() - this.#learntAt > memoryMs) return 1
    return Math.max(1, Math.min(mostRoom, Math.floor(patienceMs / this.#takes)))
  }

  /** @returns to be called when the write is over, and whether it succeeded */
  begin(owner: string, session: Session): (succeeded: boolean) => void {
    const mine = this.#byOwner.get(owner) ?? { session, count: 0 }
    this.#byOwner.set(owner, mine)
    mine.session = session
    mine.count += 1
    const startedAt = session.inFlight === 1 ? this.#now() : undefined
    return succeeded => {
      mine.count -= 1
      if (mine.count === 0) this.#byOwner.delete(owner)
      if (succeeded && startedAt !== undefined) this.#learn(startedAt)
    }
  }

  /** The quickest may have had nothing to commit, and the slowest have waited for the processor. */
  #learn(startedAt: number): void {
    this.#learntAt = this.#now()
    this.#alone.push(this.#learntAt - startedAt)
    if (this.#alone.length > remembered) this.#alone.shift()
    const ascending = this.#alone.toSorted((a, b) => a - b)
    this.#takes = ascending[Math.floor(ascending.length / 4)] ?? Number.POSITIVE_INFINITY
  }
}
