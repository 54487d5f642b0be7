import type { DataRow } from '../db/data-row.ts'
import type { Database, Reader, Reads, Session, Turn } from '../db/database.ts'
import { FairReads } from '../db/fair-reads.ts'
import { guarded } from '../db/guarded-session.ts'
import { timeOf } from '../fields/field.ts'
import { BatchSize, firstRows } from './batch-size.ts'
import { tasks } from './fields.ts'
import { readList, readState } from './list.ts'
import type { ListEnd, OwnerState } from './list-page.ts'
import type { ListFilters, ListQuery } from './list-query.ts'
import type { TakeTasks } from './printed-tasks.ts'
import { find, readTasks } from './scan.ts'
import { settingsOf } from './settings.ts'
import * as statements from './statements.ts'

/** At most `limit` tasks after the first `skip`. */
export interface Range {
  readonly skip?: number
  readonly limit?: number
}

/** The tasks that match filters. */
export interface Selected {
  /** The number of all matching tasks, and of the completed ones among them. */
  readonly count: number
  readonly completed: number
  /** Prints the selected range. Yields whether more follows. */
  readonly batches: AsyncGenerator<boolean, void, undefined>
}

interface Batches {
  readonly limit: number
  readonly offset?: number
  readonly size: BatchSize
  /** Whether part of the list has been read. */
  readonly isBegun?: boolean
}

/** Creation time and id of a task. */
type Place = readonly [string, number]

const newest: Place = ['infinity', Number.MAX_SAFE_INTEGER]
const placeIn = (row: DataRow, from: number): Place => [
  timeOf(row, from + tasks.placeOf('created_at')),
  row.integer(from + tasks.placeOf('id')),
]

/** Maximum number of tasks that one statement skips. */
const maxSkipped = 1000

/**
 * The tasks of one owner as lists. A class: see docs/decisions/0029-code-for-v8.md.
 */
export class TaskLists {
  readonly #db: Session
  readonly #owner: string
  readonly #reader: Reader

  constructor(db: Database, owner: string, reader: Reader) {
    this.#db = guarded(db, reader.guard)
    this.#owner = owner
    this.#reader = reader
  }

  /** Prints a page, newest first. @returns the number of all tasks of the owner */
  async page(limit: number, offset: number, into: TakeTasks): Promise<number> {
    const isDeep = offset > maxSkipped
    const wanted = isDeep ? 0 : Math.min(limit, firstRows)
    const size = new BatchSize()
    let total = 0
    let count = 0
    let last = newest
    const read = (db: Session) =>
      db.read(statements.page, [this.#owner, wanted, isDeep ? 0 : offset], row => {
        if (row.isNull(0)) {
          into.add(row, 1)
          size.add(row.length)
          count += 1
          if (count === wanted) last = placeIn(row, 1)
          return
        }
        total = row.integer(0)
        into.expect(Math.min(limit, total - offset))
      })
    await this.#reads.list(this.#owner, read, this.#reader)
    const place = isDeep ? await this.#skip(offset) : last
    if (count < wanted || place === undefined) return total
    for await (const _batch of this.#batchesAfter(place, into, {
      limit: limit - count,
      size,
      isBegun: true,
    }));
    return total
  }

  /**
   * Prints all tasks or a range of them, newest first, in batches of about 64 KiB. Take the output
   * of a batch before the next one. No session is held between two batches.
   * @yields whether more may follow
   */
  async *batches(
    into: TakeTasks,
    { skip = 0, limit = Number.MAX_SAFE_INTEGER }: Range = {},
  ): AsyncGenerator<boolean, void, undefined> {
    const isDeep = skip > maxSkipped
    const place = isDeep ? await this.#skip(skip) : newest
    if (place === undefined) return
    yield* this.#batchesAfter(place, into, {
      limit,
      offset: isDeep ? 0 : skip,
      size: new BatchSize(),
    })
  }

  async *#batchesAfter(
    place: Place,
    into: TakeTasks,
    { limit, offset = 0, size, isBegun = false }: Batches,
  ): AsyncGenerator<boolean, void, undefined> {
    const reads = this.#reads
    let [after, skipped, begun] = [place, offset, isBegun]
    for (let left = limit; left > 0; ) {
      const wanted = Math.min(size.next, left)
      let count = 0
      const read = (db: Session) =>
        db.read(statements.batch, [this.#owner, ...after, wanted, skipped], row => {
          into.add(row, 0)
          size.add(row.length)
          count += 1
          if (count === wanted) after = placeIn(row, 0)
        })
      await (begun
        ? reads.moreOfList(this.#owner, read, this.#reader)
        : reads.list(this.#owner, read, this.#reader))
      begun = true
      skipped = 0
      left -= count
      const isLast = count < wanted || left === 0
      yield !isLast
      if (isLast) return
    }
  }

  /**
   * Skips the newest `count` tasks, in turns.
   * @returns the place of the last of them; undefined if there are fewer
   */
  #skip(count: number): Promise<Place | undefined> {
    const pass = async (turn: Turn) => {
      let place: Place | undefined = newest
      for (let left = count; left > 0 && place; left -= maxSkipped) {
        const after: Place = place
        place = undefined
        await turn(db =>
          db.read(statements.skip, [this.#owner, ...after, Math.min(left, maxSkipped) - 1], row => {
            place = [timeOf(row, 0), row.integer(1)]
          }),
        )
      }
      return place
    }
    return this.#reads.scan(this.#owner, pass, this.#reader)
  }

  get #reads(): Reads {
    return this.#db.reads ?? new FairReads(this.#db, this.#db, 1)
  }

  /** One look-up by primary key. Shows whether anything has changed, without reading a task. */
  state(): Promise<OwnerState> {
    return readState(this.#db, this.#owner)
  }

  /** The time zone of the owner's settings. */
  async timeZone(): Promise<string> {
    return (await settingsOf(this.#db, this.#owner)).settings.time_zone
  }

  /** Prints one page. */
  list(query: ListQuery, into: TakeTasks): Promise<ListEnd> {
    return readList(this.#reads, this.#owner, query, into, this.#reader)
  }

  /**
   * Counts the tasks that match filters, and prints a range of them in batches. Take the output of
   * a batch before the next one.
   */
  async select(
    query: ListFilters & Pick<ListQuery, 'sort'>,
    into: TakeTasks,
    { skip = 0, limit = Number.MAX_SAFE_INTEGER }: Range = {},
  ): Promise<Selected> {
    const wanted = { ...query, limit: Math.min(Number.MAX_SAFE_INTEGER - 1, skip + limit) }
    const scan = (turn: Turn, rows: number) => find(this.#owner, wanted, turn, rows, true)
    const { found, count, completed } = await this.#reads.scan(this.#owner, scan, this.#reader)
    // For a slow reader, only ids stay in memory.
    const page = found.slice(skip, skip + limit)
    const read: Turn = work => this.#reads.moreOfList(this.#owner, work, this.#reader)
    return { count, completed, batches: readTasks(this.#owner, page, into, read) }
  }
}

/**
 * The lists of one owner's tasks.
 * @param reader checked before each statement of a list, and each read that waited
 */
export const taskListsOf = (db: Database, owner: string, reader: Reader = always): TaskLists =>
  new TaskLists(db, owner, reader)

const always: Reader = { isGone: () => false }
