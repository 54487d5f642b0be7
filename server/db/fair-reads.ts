import type { Database, Reader, Reads, Session, Turn } from './database.ts'
import { guarded } from './guarded-session.ts'
import { closed, PerOwner } from './per-owner.ts'

// Reads of lists are bounded per owner, so that one owner's reads delay another owner's request by
// a few short statements at most. A list statement reads a bounded number of bytes. A scan (a
// search, an order without an index) is divided into turns of some milliseconds.

/** Waiting list statements of one owner. They are short, and admission bounds their requests. */
const maxLists = 1000
/** Waiting scans of one owner while one runs. Each holds the slot of a request. */
const maxScans = 8
/** Of a turn: about 2 ms of PostgreSQL, or of the embedded database, where all others wait. */
export const turnRows = { besideOthers: 2000, alone: 500 }

export class FairReads implements Reads {
  readonly #lists: PerOwner
  readonly #scans = new PerOwner(1, maxScans)
  readonly #turns: Turns
  readonly #turnRows: number
  readonly #listSession: Session
  readonly #scanSession: Session

  /** @param atOnce list statements of one owner at once, and turns of scans over all owners */
  constructor(listSession: Session, scanSession: Session, atOnce: number) {
    this.#lists = new PerOwner(atOnce, maxLists)
    this.#listSession = listSession
    this.#scanSession = scanSession
    this.#turns = new Turns(atOnce)
    this.#turnRows = atOnce > 1 ? turnRows.besideOthers : turnRows.alone
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

  scan<T>(owner: string, work: (turn: Turn, rows: number) => Promise<T>, reader: Reader): Promise<T> {
    const turn: Turn = read =>
      this.#turns.take(() => allowed(reader, () => read(guarded(this.#scanSession, reader.guard))))
    return this.#scans.run(owner, () => work(turn, this.#turnRows), reader)
  }
}

/** Runs a statement that reads a list, in the owner's turn where the database takes turns. */
export const listRead = <T>(
  db: Database,
  owner: string,
  read: (session: Session) => Promise<T>,
  reader: Reader,
): Promise<T> => (db.reads ? db.reads.list(owner, read, reader) : read(db))

/** A further statement of a read that `listRead` began. It is never refused. */
export const nextListRead: typeof listRead = (db, owner, read, reader) =>
  db.reads ? db.reads.moreOfList(owner, read, reader) : read(db)

async function allowed<T>({ isGone, guard }: Reader, read: () => Promise<T>): Promise<T> {
  if (isGone()) throw closed()
  await guard?.check()
  return read()
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
