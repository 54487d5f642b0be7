import { AppError } from '../errors.ts'
import type { Reader, Reads, Session, Turn } from './database.ts'
import { guarded } from './guarded-session.ts'

// Reads of lists are bounded per owner, so that one owner's reads delay another owner's request by
// a few short statements at most. A list statement reads a bounded number of bytes. A scan (a
// search, an order without an index) is divided into turns of some milliseconds.

/** Waiting list statements of one owner. They are short, and admission bounds their requests. */
const mostLists = 1000
/** Waiting scans of one owner while one runs. Each holds the slot of a request. */
const mostScans = 8

export class FairReads implements Reads {
  readonly #lists: PerOwner
  readonly #scans = new PerOwner(1, mostScans)
  readonly #turns: Turns
  readonly #listSession: Session
  readonly #scanSession: Session

  /** @param atOnce list statements of one owner at once, and turns of scans over all owners */
  constructor(listSession: Session, scanSession: Session, atOnce: number) {
    this.#lists = new PerOwner(atOnce, mostLists)
    this.#listSession = listSession
    this.#scanSession = scanSession
    this.#turns = new Turns(atOnce)
  }

  list<T>(owner: string, read: (session: Session) => Promise<T>, reader: Reader): Promise<T> {
    return this.#lists.run(
      owner,
      () => allowed(reader, () => read(guarded(this.#listSession, reader.guard))),
      reader,
    )
  }

  moreOfList<T>(owner: string, read: (session: Session) => Promise<T>, reader: Reader): Promise<T> {
    return this.#lists.run(
      owner,
      () => allowed(reader, () => read(guarded(this.#listSession, reader.guard))),
      reader,
      true,
    )
  }

  scan<T>(owner: string, work: (turn: Turn) => Promise<T>, reader: Reader): Promise<T> {
    const turn: Turn = read =>
      this.#turns.take(() => allowed(reader, () => read(guarded(this.#scanSession, reader.guard))))
    return this.#scans.run(owner, () => work(turn), reader)
  }
}

async function allowed<T>({ isGone, guard }: Reader, read: () => Promise<T>): Promise<T> {
  if (isGone()) throw closed()
  await guard?.check()
  return read()
}

interface Waiter {
  readonly isGone: Reader['isGone']
  readonly begin: () => void
  readonly refuse: (error: AppError) => void
}

interface Owner {
  running: number
  waiting: Waiter[]
}

/** Bounds what runs and what waits for each owner. */
class PerOwner {
  readonly #owners = new Map<string, Owner>()
  readonly #atOnce: number
  readonly #mostWaiting: number

  constructor(atOnce: number, mostWaiting: number) {
    this.#atOnce = atOnce
    this.#mostWaiting = mostWaiting
  }

  async run<T>(owner: string, work: () => Promise<T>, reader: Reader, isPatient = false): Promise<T> {
    let own = this.#owners.get(owner)
    if (!own) {
      own = { running: 0, waiting: [] }
      this.#owners.set(owner, own)
    }
    if (own.running < this.#atOnce) own.running += 1
    else await this.#wait(own, reader, isPatient)
    try {
      return await work()
    } finally {
      this.#leave(owner, own)
    }
  }

  #wait(own: Owner, { isGone }: Reader, isPatient: boolean): Promise<void> {
    if (own.waiting.length >= this.#mostWaiting) dropGone(own)
    if (own.waiting.length >= this.#mostWaiting && !isPatient) throw tooMany()
    return new Promise((begin, refuse) => {
      own.waiting.push({ isGone, begin, refuse })
    })
  }

  #leave(owner: string, own: Owner): void {
    dropGone(own)
    const next = own.waiting.shift()
    if (next) next.begin()
    else own.running -= 1
    if (own.running === 0) this.#owners.delete(owner)
  }
}

function dropGone(own: Owner): void {
  if (own.waiting.length === 0) return
  const gone = own.waiting.filter(({ isGone }) => isGone())
  if (gone.length === 0) return
  own.waiting = own.waiting.filter(waiter => !gone.includes(waiter))
  for (const { refuse } of gone) refuse(closed())
}

/** Bounds the turns that run at once, in order of arrival. With one scan each, owners alternate. */
class Turns {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(atOnce: number) {
    this.#free = atOnce
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>(begin => this.#waiting.push(begin))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free += 1
    }
  }
}

function tooMany(): AppError {
  return new AppError('too_many_requests', 'Too many lists and searches at once. Try again in 1 s.', {
    retryAfter: 1,
  })
}

function closed(): AppError {
  return new AppError('too_many_requests', 'The client closed its connection.', { retryAfter: 1 })
}
