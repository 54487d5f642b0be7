import { AsyncResource } from 'node:async_hooks'
import type { Guard, Row, Statement, TakeRow } from './database.ts'

/** The part of a session that the queue uses. */
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
  /** Checked before it is sent. Absent if it is always allowed. */
  readonly guard?: Guard | undefined
  /** Whether its guard has just allowed it. */
  readonly isAllowed?: boolean
  /** The asynchronous context in which it was added: a trace needs it, and others may send it. */
  readonly context: AsyncResource
  /** When it was added, in milliseconds of a monotonic clock. */
  readonly since: number
  /** Whether it gets a transaction of its own, because another write rolled it back. */
  readonly isAlone: boolean
  readonly resolve: (rows: Row[]) => void
  readonly reject: (error: unknown) => void
}

interface WriteQueueOptions<Session> {
  /** The sessions that writes can use now. */
  readonly sessions: () => readonly Session[]
  /** Opens another session if there may be one. */
  readonly grow: () => void
  /**
   * Sends transactions one after the other, and settles the writes. Resolves when all have ended,
   * with the writes that were rolled back because of another one.
   */
  readonly send: (session: Session, transactions: readonly (readonly Write[])[]) => Promise<readonly Write[]>
  /** Resolves with a free session, which must be used in the same turn: it may be held next. */
  readonly wait: () => Promise<Session>
  /** Maximum number of writes in one transaction. */
  readonly most: number
  readonly now?: () => number
}

/** Batches in flight on one session: one that runs and the next one, so PostgreSQL never waits. */
const deep = 2
/** Writes of one owner in flight: a sent write cannot be cancelled when its user signs out. */
const maxOfOwner = 2
/** How long a write waits for a session with writes in flight, before it uses an idle one. */
const patienceMs = 5
/** Writes avoid a session without an answer for this long: it waits for a lock or a disk. */
const stuckMs = 50

interface InFlight {
  batches: number
  writes: number
  /** When a batch was last answered. */
  progress: number
}

/**
 * Group commit: writes of several owners that arrive while others are in flight are sent together,
 * as one transaction, so that they share one commit, one flush to the disk and one round trip. On
 * an idle session a write is sent at once. On a busy session the next batch is sent when it is as
 * large as the batches in flight: PostgreSQL then runs one half of the writes while the other half
 * is answered.
 *
 * A transaction has one write per owner, in the order of owners, so no two transactions, here or on
 * another replica, can deadlock. Several writes of one owner are sent in order on one session, in
 * consecutive transactions.
 */
export class WriteQueue<Session extends Lane> {
  readonly #options: WriteQueueOptions<Session>
  readonly #now: () => number
  #waiting: Write[] = []
  readonly #inFlight = new Map<Session, InFlight>()
  readonly #owners = new Map<string, { readonly session: Session; count: number }>()
  #isScheduled = false
  #isBlocked = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: WriteQueueOptions<Session>) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** Writes that wait for a session, without the one that waits in the pool for all of them. */
  get blocked(): number {
    return this.#isBlocked ? Math.max(0, this.#waiting.length - 1) : 0
  }

  /** @param values the first is the owner */
  add(
    statement: Statement,
    values: readonly unknown[],
    take: TakeRow | undefined,
    guard?: Guard,
  ): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      const owner = String(values[0])
      const since = this.#now()
      // Not AsyncLocalStorage.snapshot(): see docs/decisions/0029-code-for-v8.md.
      const context = new AsyncResource('DulyWrite', { requireManualDestroy: true })
      this.#waiting.push({
        owner,
        statement,
        values,
        take,
        guard,
        context,
        since,
        isAlone: false,
        resolve,
        reject,
      })
      this.#schedule()
    })
  }

  /** To be called when a session was added or released. */
  wake(): void {
    if (this.#waiting.length > 0) this.#schedule()
  }

  /** Sends after this turn of the event loop, so that its writes go together. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#sendWaiting()
    })
  }

  #sendWaiting(): void {
    // Writes of one owner share no transaction, so they do not wait for others.
    const [owner] = this.#owners.size === 1 ? this.#owners.keys() : []
    const isAlone = this.#waiting.every(write => write.owner === owner)
    let isAnyBusy = false
    for (const [session, { progress }] of this.#inFlight) {
      if (!isUsable(session) || session.slow > 0) continue
      const isStuck = this.#now() - progress >= stuckMs
      if (!isStuck) isAnyBusy = true
      if (isAlone || (!isStuck && this.#hasRoom(session))) this.#sendOn(session)
    }
    while (this.#waiting.length > 0) {
      const free = this.#options.sessions().filter(isUsable)
      const session = this.#another(free, isAnyBusy)
      if (free.length === 0) this.#block()
      if (!session || !this.#sendOn(session)) return
    }
  }

  /** A session for writes that have no room on the busy ones and have waited for them. */
  #another(free: readonly Session[], isAnyBusy: boolean): Session | undefined {
    const idle = free.find(session => session.slow === 0 && !this.#inFlight.has(session))
    if (!idle) {
      this.#options.grow()
      return emptiest(free.filter(session => this.#hasRoom(session)))
    }
    const [oldest] = this.#waiting
    const isDue = !oldest || this.#now() - oldest.since >= patienceMs
    if (!isAnyBusy || isDue || this.#waiting.length >= this.#options.most) return idle
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#sendWaiting()
    }, patienceMs).unref()
    return undefined
  }

  /** Whether the next batch would be as large as those in flight. */
  #hasRoom(session: Session): boolean {
    const { batches, writes } = this.#inFlight.get(session) ?? { batches: 0, writes: 0 }
    return batches < (this.#options.most > 1 ? deep : 1) && this.#waiting.length >= writes
  }

  /** @returns whether any write could be sent on this session */
  #sendOn(session: Session): boolean {
    const writes: Write[] = []
    const chosen = new Map<string, number>()
    this.#waiting = this.#waiting.filter(write => {
      const held = this.#owners.get(write.owner)
      const isElsewhere = (held?.session ?? session) !== session
      const ahead = (held?.count ?? 0) + (chosen.get(write.owner) ?? 0)
      const stays = isElsewhere || ahead >= maxOfOwner || writes.length === this.#options.most
      if (!stays && this.#mayBeSent(write)) {
        writes.push(write)
        chosen.set(write.owner, (chosen.get(write.owner) ?? 0) + 1)
      }
      return stays
    })
    if (writes.length === 0) return false
    const inFlight = this.#inFlight.get(session) ?? { batches: 0, writes: 0, progress: this.#now() }
    inFlight.batches += 1
    inFlight.writes += writes.length
    this.#inFlight.set(session, inFlight)
    for (const { owner } of writes) this.#hold(owner, session)
    const refuse = (error: unknown): readonly Write[] => {
      for (const { reject } of writes) reject(error)
      return []
    }
    const sent = this.#options.send(session, transactionsOf(writes)).catch(refuse)
    void sent.then(undone => {
      this.#waiting.unshift(...undone.map(write => ({ ...write, isAlone: true, isAllowed: false })))
      for (const { owner } of writes) this.#release(owner)
      inFlight.batches -= 1
      inFlight.writes -= writes.length
      inFlight.progress = this.#now()
      if (inFlight.batches === 0) this.#inFlight.delete(session)
      this.wake()
    })
    return true
  }

  /**
   * Rejects a write that its guard no longer allows. If the guard queries the database, the write
   * returns to the queue after the answer.
   */
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

  /** Waits in the pool: transactions hold every session, or there is none. */
  #block(): void {
    if (this.#isBlocked) return
    this.#isBlocked = true
    const since = this.#now()
    this.#options
      .wait()
      .then(
        // At once: the next caller may hold the session for a transaction, which begins after this.
        session => this.#sendOn(session),
        error => this.#refuse(since, error),
      )
      .then(() => {
        this.#isBlocked = false
        this.#sendWaiting()
      })
  }

  /** Rejects the writes that have waited since this time. */
  #refuse(since: number, error: unknown): void {
    const refused = this.#waiting.filter(write => write.since <= since)
    this.#waiting = this.#waiting.filter(write => write.since > since)
    for (const { reject } of refused) reject(error)
  }
}

const isUsable = ({ held, lost }: Lane) => !held && !lost
const byOwner = (a: Write, b: Write) => (a.owner < b.owner ? -1 : 1)

/** The nth transaction has the nth write of each owner. Writes that are alone come first. */
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
