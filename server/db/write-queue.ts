import type { Guard, Row, Statement, TakeRow } from './database.ts'

/** As much of a session as is looked at. */
interface Lane {
  readonly held: boolean
  readonly lost: boolean
  readonly inFlight: number
  readonly slow: number
}

export interface Write {
  readonly owner: string
  readonly statement: Statement
  readonly values: readonly unknown[]
  readonly take: TakeRow | undefined
  /** Asked before it is sent; absent where it may be sent in any case. */
  readonly guard?: Guard | undefined
  /** Whether the guard has just allowed it. */
  readonly isAllowed?: boolean
  /** When it came, in milliseconds of a clock that only goes forward. */
  readonly since: number
  /** Whether it is to be a transaction of its own: it was undone for the sake of another one. */
  readonly isAlone: boolean
  readonly resolve: (rows: Row[]) => void
  readonly reject: (error: unknown) => void
}

export interface WriteQueueOptions<Session> {
  /** Those that writes may use now. */
  readonly sessions: () => readonly Session[]
  /** Another one would be of use. */
  readonly grow: () => void
  /**
   * Sends transactions behind each other, and settles the writes. Resolves when that is over, with those that were undone for the sake of
   * another one.
   */
  readonly send: (session: Session, transactions: readonly (readonly Write[])[]) => Promise<readonly Write[]>
  /** Resolves once there is a free session, which is then used in the same turn: who comes next may hold it. */
  readonly wait: () => Promise<Session>
  /** Writes in one transaction, at most. */
  readonly most: number
  readonly now?: () => number
}

/** Batches under way on one session: one that is done, and one behind it, so that PostgreSQL never waits for us. */
const deep = 2
/** Writes of one owner under way: what is sent cannot be taken back when its user is signed out. */
const mostOfOwner = 2
/** How long a write waits for those before it to come back, before it takes a session that has none. */
const patienceMs = 5
/** Writes go to another session than one that has brought nothing back for this long: a lock is waited for there, or a disk. */
const stuckMs = 50

interface UnderWay {
  batches: number
  writes: number
  /** When something was last brought back. */
  progress: number
}

/**
 * Group commit: writes of several owners that come while others are under way leave together, as one transaction, so that a commit, its way
 * to the disk, and the messages back and forth are paid for once. Nobody waits for company on an idle session: the first write leaves at
 * once, as many as are under way leave behind them, and what comes meanwhile is what leaves together then. (Left to themselves, some would
 * leave one by one and the rest together: behind as many, all are in two halves, one with PostgreSQL while the other is answered.)
 *
 * A transaction has one write of an owner, and owners in order: so no two of them, here or on another replica, wait for each other
 * in a circle. An owner with several writes has them in transactions behind each other, on one session.
 */
export class WriteQueue<Session extends Lane> {
  readonly #options: WriteQueueOptions<Session>
  readonly #now: () => number
  #waiting: Write[] = []
  readonly #underWay = new Map<Session, UnderWay>()
  readonly #owners = new Map<string, { readonly session: Session; count: number }>()
  #isScheduled = false
  #isBlocked = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: WriteQueueOptions<Session>) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** Writes that wait for a session, beside the one that is in line for all of them. */
  get blocked(): number {
    return this.#isBlocked ? Math.max(0, this.#waiting.length - 1) : 0
  }

  /** The first of the values is the owner. */
  add(
    statement: Statement,
    values: readonly unknown[],
    take: TakeRow | undefined,
    guard?: Guard,
  ): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      const owner = String(values[0])
      const since = this.#now()
      this.#waiting.push({ owner, statement, values, take, guard, since, isAlone: false, resolve, reject })
      this.#schedule()
    })
  }

  /** A session has come, or is free again. */
  wake(): void {
    if (this.#waiting.length > 0) this.#schedule()
  }

  /** After what else is read in this turn of the event loop. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#leave()
    })
  }

  #leave(): void {
    // There is no company to wait for where all are of one owner.
    const [owner] = this.#owners.size === 1 ? this.#owners.keys() : []
    const isAlone = this.#waiting.every(write => write.owner === owner)
    let hasCompany = false
    for (const [session, { progress }] of this.#underWay) {
      if (!isUsable(session) || session.slow > 0) continue
      const isStuck = this.#now() - progress >= stuckMs
      if (!isStuck) hasCompany = true
      if (isAlone || (!isStuck && this.#hasRoom(session))) this.#sendOn(session)
    }
    while (this.#waiting.length > 0) {
      const free = this.#options.sessions().filter(isUsable)
      const session = this.#another(free, hasCompany)
      if (free.length === 0) this.#block()
      if (!session || !this.#sendOn(session)) return
    }
  }

  /** A session for what cannot go where others are under way, if it has waited long enough for these. */
  #another(free: readonly Session[], hasCompany: boolean): Session | undefined {
    const idle = free.find(session => session.slow === 0 && !this.#underWay.has(session))
    if (!idle) {
      this.#options.grow()
      return emptiest(free.filter(session => this.#hasRoom(session)))
    }
    const [oldest] = this.#waiting
    const isDue = !oldest || this.#now() - oldest.since >= patienceMs
    if (!hasCompany || isDue || this.#waiting.length >= this.#options.most) return idle
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#leave()
    }, patienceMs).unref()
    return undefined
  }

  /** For as many as are under way there. */
  #hasRoom(session: Session): boolean {
    const { batches, writes } = this.#underWay.get(session) ?? { batches: 0, writes: 0 }
    return batches < (this.#options.most > 1 ? deep : 1) && this.#waiting.length >= writes
  }

  /** @returns whether there was something to send on this session */
  #sendOn(session: Session): boolean {
    const writes: Write[] = []
    const chosen = new Map<string, number>()
    this.#waiting = this.#waiting.filter(write => {
      const held = this.#owners.get(write.owner)
      const isElsewhere = (held?.session ?? session) !== session
      const ahead = (held?.count ?? 0) + (chosen.get(write.owner) ?? 0)
      const stays = isElsewhere || ahead >= mostOfOwner || writes.length === this.#options.most
      if (!stays && this.#mayBeSent(write)) {
        writes.push(write)
        chosen.set(write.owner, (chosen.get(write.owner) ?? 0) + 1)
      }
      return stays
    })
    if (writes.length === 0) return false
    const underWay = this.#underWay.get(session) ?? { batches: 0, writes: 0, progress: this.#now() }
    underWay.batches += 1
    underWay.writes += writes.length
    this.#underWay.set(session, underWay)
    for (const { owner } of writes) this.#hold(owner, session)
    const refuse = (error: unknown): readonly Write[] => {
      for (const { reject } of writes) reject(error)
      return []
    }
    const sent = this.#options.send(session, transactionsOf(writes)).catch(refuse)
    void sent.then(undone => {
      this.#waiting.unshift(...undone.map(write => ({ ...write, isAlone: true, isAllowed: false })))
      for (const { owner } of writes) this.#release(owner)
      underWay.batches -= 1
      underWay.writes -= writes.length
      underWay.progress = this.#now()
      if (underWay.batches === 0) this.#underWay.delete(session)
      this.wake()
    })
    return true
  }

  /** Refuses a write that may not be done any more. One whose guard has to ask the database comes again when that has answered. */
  #mayBeSent(write: Write): boolean {
    try {
      const asked = write.isAllowed ? undefined : write.guard?.check()
      if (!asked) return true
      const again = () => {
        this.#waiting.unshift({ ...write, isAllowed: true })
        this.wake()
      }
      asked.then(again, write.reject)
    } catch (error) {
      write.reject(error)
    }
    return false
  }

  #hold(owner: string, session: Session): void {
    const held = this.#owners.get(owner) ?? { session, count: 0 }
    held.count += 1
    this.#owners.set(owner, held)
  }

  #release(owner: string): void {
    const held = this.#owners.get(owner)
    if (!held) return
    held.count -= 1
    if (held.count === 0) this.#owners.delete(owner)
  }

  /** Transactions hold every session, or there is none. */
  #block(): void {
    if (this.#isBlocked) return
    this.#isBlocked = true
    const since = this.#now()
    this.#options
      .wait()
      .then(
        // Before anybody else's turn: the session may be held by who comes next, whose transaction begins behind this.
        session => this.#sendOn(session),
        error => this.#refuse(since, error),
      )
      .then(() => {
        this.#isBlocked = false
        this.#leave()
      })
  }

  /** Those that have waited from then on. */
  #refuse(since: number, error: unknown): void {
    const refused = this.#waiting.filter(write => write.since <= since)
    this.#waiting = this.#waiting.filter(write => write.since > since)
    for (const { reject } of refused) reject(error)
  }
}

const isUsable = ({ held, lost }: Lane) => !held && !lost
const byOwner = (a: Write, b: Write) => (a.owner < b.owner ? -1 : 1)

/** The nth write of each owner, or one that is to be alone. */
function transactionsOf(writes: readonly Write[]): Write[][] {
  const alone: Write[][] = []
  const together: Write[][] = []
  const turns = new Map<string, number>()
  for (const write of writes) {
    if (write.isAlone) {
      alone.push([write])
      continue
    }
    const turn = turns.get(write.owner) ?? 0
    turns.set(write.owner, turn + 1)
    const transaction = together[turn] ?? []
    transaction.push(write)
    together[turn] = transaction
  }
  return [...alone, ...together.map(transaction => transaction.sort(byOwner))]
}

function emptiest<Session extends Lane>(sessions: readonly Session[]): Session | undefined {
  const [first, ...others] = sessions
  return others.reduce((best, one) => (best && best.inFlight <= one.inFlight ? best : one), first)
}
