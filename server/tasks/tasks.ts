import type { DataRow } from '../db/data-row.ts'
import type { Guard, Reader, Reads, Session, Statement, TakeRow, Turn, Value } from '../db/database.ts'
import { FairReads } from '../db/fair-reads.ts'
import { AppError } from '../errors.ts'
import { BatchSize, firstRows } from './batch-size.ts'
import { bytesOfNewTask } from './bytes.ts'
import { fold } from './fold.ts'
import { isIndexed, type ListEnd, type OwnerState, readIndexed, readState } from './list.ts'
import type { ListQuery } from './list-query.ts'
import { scanList } from './scan.ts'
import * as statements from './statements.ts'
import { type Room, refusalOf, storageFull, unlimited } from './storage.ts'
import type { NewTask, Task, TaskChange } from './task.ts'
import { columnCount, placeOf, type TakeTasks, taskOf, timeOf } from './task-row.ts'

/** Which of the tasks: after the first `skip`, `limit` at most. */
export interface Range {
  readonly skip?: number
  readonly limit?: number
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
  timeOf(row, from + placeOf('created_at')),
  row.integer(from + placeOf('id')),
]

/** What became of a change that was to happen only to certain revisions. */
export interface Outcome {
  /** Whether the task's revision was among them. */
  readonly matched: boolean
  /** Whether anything was written. */
  readonly changed: boolean
  readonly task: Task
}

/** Tasks that one statement passes over. */
const mostSkipped = 1000

/** The tasks of one owner. A class, since every request has one: closures would have to be made for each. */
export class Tasks {
  readonly #db: Session
  readonly #owner: string
  readonly #room: Room
  readonly #guard: Guard | undefined
  readonly #reader: Reader

  constructor(db: Session, owner: string, room: Room, guard: Guard | undefined, isGone: Reader['isGone']) {
    this.#db = db
    this.#owner = owner
    this.#room = room
    this.#guard = guard
    this.#reader = { isGone, guard }
  }

  /** Newest first. Gives the number of the owner's tasks in all. */
  async page(limit: number, offset: number, into: TakeTasks): Promise<number> {
    const isDeep = offset > mostSkipped
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
   * Every task, or as many as `limit` says after the first `skip`, newest first, in batches of about 64 KiB. Take what a batch
   * has printed before the next. No session is held between two batches.
   * @yields whether more may follow
   */
  async *batches(
    into: TakeTasks,
    { skip = 0, limit = Number.MAX_SAFE_INTEGER }: Range = {},
  ): AsyncGenerator<boolean, void, undefined> {
    const isDeep = skip > mostSkipped
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

  /** Passes over the newest `count` tasks, in turns. @returns the last of them, if there are so many */
  #skip(count: number): Promise<Place | undefined> {
    const pass = async (turn: Turn) => {
      let place: Place | undefined = newest
      for (let left = count; left > 0 && place; left -= mostSkipped) {
        const after: Place = place
        place = undefined
        await turn(db =>
          db.read(statements.skip, [this.#owner, ...after, Math.min(left, mostSkipped) - 1], row => {
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

  /** One primary-key look-up: whether anything changed can be told without reading a task. */
  state(): Promise<OwnerState> {
    return readState(this.#db, this.#owner)
  }

  /** One page, in one of six orders. */
  list(query: ListQuery, into: TakeTasks): Promise<ListEnd> {
    return isIndexed(query)
      ? readIndexed(this.#reads, this.#owner, query, into, this.#reader)
      : this.#reads.scan(this.#owner, turn => scanList(this.#owner, query, into, turn), this.#reader)
  }

  /** @throws AppError `task_not_found` */
  async get(id: number): Promise<Task> {
    let task: Task | undefined
    await this.#db.read(statements.get, [this.#owner, id], row => {
      task = taskOf(row)
    })
    if (!task) throw notFound()
    return task
  }

  /** @throws AppError `too_many_tasks`, `storage_full` */
  async create({ title, description, isCompleted }: NewTask): Promise<Task> {
    const room = this.#room
    const folded = [fold(title), description && fold(description)] as const
    // An owner's first task is compared with nothing in the database.
    if (bytesOfNewTask(this.#owner, title, description, ...folded) > room.liveBytes) throw storageFull(room)
    const values = [title, description, isCompleted, ...folded, room.tasks, room.liveBytes, room.bytes]
    const create = () => this.#write(statements.create, values)
    const created = (await create()) ?? (await this.#again(create))
    return created.task
  }

  /**
   * Changes what is given and leaves the rest. Where nothing differs, nothing is written.
   * @throws AppError `task_not_found`, `storage_full` for a task that would grow
   */
  async update(id: number, change: TaskChange): Promise<Task> {
    return (await this.change(id, change)).task
  }

  /** As `update`, and says whether anything was written. */
  async change(id: number, change: TaskChange): Promise<Outcome> {
    const values = [id, ...changeValues(change), this.#room.liveBytes, this.#room.bytes]
    const update = () => this.#write(statements.update, values)
    return (await update()) ?? (await this.#againWhereFound(id, update))
  }

  /**
   * As `update`, only where the task's revision is one of these; otherwise the task comes back as it is now.
   * @throws AppError `task_not_found`, `storage_full` for a task that would grow
   */
  async updateIf(id: number, change: TaskChange, revisions: readonly number[]): Promise<Outcome> {
    const values = [id, ...changeValues(change), this.#room.liveBytes, this.#room.bytes, revisions]
    const update = () => this.#write(statements.updateIf, values, 1)
    return (await update()) ?? (await this.#againWhereFound(id, update))
  }

  /**
   * Reads and flips in one statement: n toggles at once flip n times.
   * @throws AppError `task_not_found`
   */
  async toggle(id: number): Promise<Task> {
    const toggled = await this.#write(statements.toggle, [id, this.#room.bytes])
    if (!toggled) throw notFound()
    return toggled.task
  }

  /** @throws AppError `task_not_found` */
  async remove(id: number): Promise<void> {
    const [row] = await this.#db.query(statements.remove, [this.#owner, id, this.#room.bytes], this.#guard)
    if (!row) throw notFound()
    if (row[1] === 't') await this.#room.make(this.#owner)
  }

  /**
   * As `remove`, only where the task's revision is one of these. The task comes back as it was, or as it is now.
   * @throws AppError `task_not_found`
   */
  async removeIf(id: number, revisions: readonly number[]): Promise<Outcome> {
    const removed = await this.#write(statements.removeIf, [id, this.#room.bytes, revisions], 1)
    if (!removed) throw notFound()
    return removed
  }

  /** @param from where the task begins; before it, whether its revision was among those expected */
  async #write(statement: Statement, values: readonly Value[], from = 0): Promise<Outcome | undefined> {
    let found: Outcome | undefined
    let needsRoom = false
    const reportsChange = statement === statements.update || statement === statements.updateIf
    const take: TakeRow = row => {
      const matched = from === 0 || row.flag(0)
      const changed = reportsChange ? row.flag(from + columnCount + 1) : matched
      found = { matched, changed, task: taskOf(row, from) }
      needsRoom = row.flag(from + columnCount)
    }
    await this.#db.read(statement, [this.#owner, ...values], take, this.#guard)
    if (needsRoom) await this.#room.make(this.#owner)
    return found
  }

  /** A write that found no room, once more if it was refused by counters that were wrong. */
  async #again(write: () => Promise<Outcome | undefined>): Promise<Outcome> {
    const refusal = await refusalOf(this.#db, this.#owner, this.#room)
    const written = refusal ? undefined : await write()
    if (!written) throw refusal ?? storageFull(this.#room)
    return written
  }

  async #againWhereFound(id: number, write: () => Promise<Outcome | undefined>): Promise<Outcome> {
    await this.get(id)
    return this.#again(write)
  }
}

/**
 * The tasks of one owner: the only door to task rows. A task that is missing, deleted or another owner's is
 * the same thing here: not found, by the statement itself.
 * @param guard asked before each write, and before each statement of a list
 * @param isGone whether the client has closed its connection, so that a list need not be read
 */
export function tasksOf(
  db: Session,
  owner: string,
  room: Room = unlimited,
  guard?: Guard,
  isGone: Reader['isGone'] = () => false,
): Tasks {
  return new Tasks(db, owner, room, guard, isGone)
}

// As update and updateIf number them, from $3.
function changeValues({ title, description, isCompleted }: TaskChange): readonly Value[] {
  const texts = [title ?? null, description !== undefined, description ?? null, isCompleted ?? null]
  return [...texts, title === undefined ? null : fold(title), description ? fold(description) : null]
}

function notFound(): AppError {
  return new AppError('task_not_found', 'There is no such task.')
}
