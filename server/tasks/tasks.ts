import { isDeepStrictEqual } from 'node:util'
import type { DataRow } from '../db/data-row.ts'
import type { Guard, Reader, Reads, Session, TakeRow, Turn } from '../db/database.ts'
import { FairReads } from '../db/fair-reads.ts'
import { guarded } from '../db/guarded-session.ts'
import type { BuiltStatement } from '../db/shapes.ts'
import { AppError } from '../errors.ts'
import { type Field, timeOf } from '../fields/field.ts'
import { BatchSize, firstRows } from './batch-size.ts'
import { type NewTask, type Task, type TaskChange, type TaskField, tasks } from './fields.ts'
import { lookUp, type Replay } from './keys.ts'
import { isIndexed, type ListEnd, type OwnerState, readIndexed, readState } from './list.ts'
import type { ListFilters, ListQuery } from './list-query.ts'
import { tasksOfIds } from './list-statement.ts'
import type { TakeTasks } from './printed-tasks.ts'
import { find, idBatches, scanList } from './scan.ts'
import { spellingsOf } from './spellings.ts'
import * as statements from './statements.ts'
import { type Room, refusalOf, storageFull, unlimited } from './storage.ts'
import {
  createStatement,
  removeStatement,
  updateStatement,
  type WriteContext,
  type WriteOptions,
} from './write-statements.ts'

/** Which of the tasks: after the first `skip`, `limit` at most. */
export interface Range {
  readonly skip?: number
  readonly limit?: number
}

/** Tasks that filters have chosen. */
export interface Selected {
  /** All that the filters match, and the completed ones of them. */
  readonly count: number
  readonly completed: number
  /** Prints the tasks. Yields whether more may follow. */
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

/** What became of a write. */
export interface Outcome {
  /** Whether the task's revision was one of those that the write expects. */
  readonly isExpected: boolean
  /** Whether anything was written. */
  readonly isChanged: boolean
  /** Whether this is the outcome of an earlier request with the same key. */
  readonly isReplayed: boolean
  /** The task as the write left it, or as it is where another revision was expected. */
  readonly task: Task
}

/** Tasks that one statement passes over. */
const mostSkipped = 1000

/** The tasks of one owner. A class, because each request has one and closures cost more. */
export class Tasks {
  readonly #db: Session
  readonly #owner: string
  readonly #room: Room
  readonly #guard: Guard | undefined
  readonly #actor: string
  readonly #reader: Reader

  constructor(
    db: Session,
    owner: string,
    { room = unlimited, guard, actor = 'issuer', isGone = never }: TasksOptions,
  ) {
    this.#db = db
    this.#owner = owner
    this.#room = room
    this.#guard = guard
    this.#actor = actor
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
   * Every task, or as many as `limit` says after the first `skip`, newest first, in batches of
   * about 64 KiB. Take what a batch has printed before the next. No session is held between two
   * batches.
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

  /**
   * Passes over the newest `count` tasks, in turns.
   * @returns the last of them, if there are so many
   */
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

  /**
   * The tasks that filters choose, counted: `limit` at most after the first `skip`. Take what a
   * batch has printed before the next.
   */
  async select(
    query: ListFilters & Pick<ListQuery, 'sort'>,
    into: TakeTasks,
    { skip = 0, limit = Number.MAX_SAFE_INTEGER }: Range = {},
  ): Promise<Selected> {
    const wanted = { ...query, limit: Math.min(Number.MAX_SAFE_INTEGER - 1, skip + limit) }
    const scan = (turn: Turn) => find(this.#owner, wanted, turn, true)
    const { found, count, completed } = await this.#reads.scan(this.#owner, scan, this.#reader)
    // A slow reader holds no more than ids.
    const batches = [...idBatches(found.slice(skip, skip + limit))]
    return { count, completed, batches: this.#batchesOf(batches, into) }
  }

  async *#batchesOf(
    batches: readonly (readonly number[])[],
    into: TakeTasks,
  ): AsyncGenerator<boolean, void, undefined> {
    for (const [n, ids] of batches.entries()) {
      const read = (db: Session) => db.read(tasksOfIds, [this.#owner, ids], row => into.add(row, 0))
      await this.#reads.moreOfList(this.#owner, read, this.#reader)
      yield n < batches.length - 1
    }
  }

  /** @throws AppError `task_not_found` */
  async get(id: number): Promise<Task> {
    let task: Task | undefined
    await this.#db.read(statements.get, [this.#owner, id], row => {
      task = tasks.read(row)
    })
    if (!task) throw notFound()
    return task
  }

  /** @throws AppError `too_many_tasks`, `storage_full`, and those of `lookUp` */
  async create(task: NewTask, { keyed }: WriteOptions = {}): Promise<Outcome> {
    const built = createStatement({ ...this.#context, tasks: this.#room.tasks }, task, { keyed })
    return this.#untilDone(
      () => this.#write(built),
      async () => {
        const { replay } = await lookUp(this.#db, this.#owner, null, keyed)
        return replay && outcomeOf(replay)
      },
    )
  }

  /**
   * Changes the fields that are given. Where nothing differs, nothing is written.
   * @throws AppError `task_not_found`, `storage_full` for a task that would grow, and those of
   * `lookUp`
   */
  update(id: number, values: TaskChange, options: WriteOptions = {}): Promise<Outcome> {
    const { keyed, revisions } = options
    const spellings = spellingsOf(values)
    const change = spellings ? { ...values, spellings } : values
    const built = updateStatement(this.#context, id, change, options)
    return this.#untilDone(
      () => this.#write(built),
      async () => {
        const { task, replay } = await lookUp(this.#db, this.#owner, id, keyed)
        if (replay) return outcomeOf(replay)
        if (!task) throw notFound()
        if (revisions && !revisions.includes(task.revision)) return { ...unchanged, isExpected: false, task }
        // With a key, it would have been stored.
        return !keyed && isIn(task, change) ? { ...unchanged, task } : undefined
      },
    )
  }

  /**
   * As `update`, with a change that depends on the task. It is decided again where the task has
   * changed meanwhile.
   * @throws AppError `busy` where that happens each time
   */
  async edit(
    id: number,
    decide: (task: Task) => TaskChange,
    { keyed, revisions }: WriteOptions = {},
  ): Promise<Outcome> {
    for (let attempt = 0; attempt < mostEdits; attempt += 1) {
      const { task, replay } = await lookUp(this.#db, this.#owner, id, keyed)
      if (replay) return outcomeOf(replay)
      if (!task) throw notFound()
      if (revisions && !revisions.includes(task.revision)) return { ...unchanged, isExpected: false, task }
      const outcome = await this.update(id, decide(task), { keyed, revisions: [task.revision] })
      if (outcome.isExpected) return outcome
    }
    throw new AppError('busy', 'Other requests keep changing this task. Send the request again.', {
      retryAfter: 1,
    })
  }

  /**
   * Reads and flips in one statement: n toggles at once flip n times.
   * @throws AppError `task_not_found`
   */
  async toggle(id: number): Promise<Outcome> {
    const done = await this.#write(updateStatement(this.#context, id, {}, { flips: 'is_completed' }))
    if (!done) throw notFound()
    return done
  }

  /**
   * Moves a task to the trash. The outcome has a task only where the task's revision is none of
   * those expected.
   * @throws AppError `task_not_found`, and those of `lookUp`
   */
  async remove(id: number, options: WriteOptions = {}): Promise<Omit<Outcome, 'task'> & { task?: Task }> {
    const { statement, values } = removeStatement(this.#context, id, options)
    const rows = await this.#once(() => this.#db.query(statement, values, this.#guard))
    if (rows?.[0]?.[0] === 't') await this.#room.make(this.#owner)
    if (rows?.[0]) return done
    const { task, replay } = await lookUp(this.#db, this.#owner, id, options.keyed)
    if (replay) return { ...done, isReplayed: replay.isRepeated }
    if (!task) throw notFound()
    return { ...unchanged, isExpected: false, task }
  }

  get #context(): WriteContext {
    const { liveBytes, bytes } = this.#room
    return { owner: this.#owner, actor: this.#actor, liveBytes, bytes }
  }

  async #write({ statement, values }: BuiltStatement): Promise<Outcome | undefined> {
    let task: Task | undefined
    let needsRoom = false
    const take: TakeRow = row => {
      task = tasks.read(row)
      needsRoom = row.flag(tasks.names.length)
    }
    await this.#once(() => this.#db.read(statement, values, take, this.#guard))
    if (needsRoom) await this.#room.make(this.#owner)
    return task && { ...done, task }
  }

  /** Runs a write, which does nothing where another one has stored its key at the same moment. */
  async #once<T>(write: () => Promise<T>): Promise<T | undefined> {
    try {
      return await write()
    } catch (error) {
      if (isKeyTaken(error)) return undefined
      throw error
    }
  }

  /**
   * Writes; where nothing was written, finds out why, and writes again where that has passed:
   * another request changed the task meanwhile, or the counters of the storage were wrong.
   */
  async #untilDone(
    write: () => Promise<Outcome | undefined>,
    explain: () => Promise<Outcome | undefined>,
  ): Promise<Outcome> {
    let refusal: AppError | undefined
    for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
      const outcome = (await write()) ?? (await explain())
      if (outcome) return outcome
      refusal = await refusalOf(this.#db, this.#owner, this.#room)
      if (refusal) break
    }
    throw refusal ?? storageFull(this.#room)
  }
}

/** Attempts at a write that meets changes of others each time. */
const mostAttempts = 4
/** Attempts at an edit. */
const mostEdits = 20
const done = { isExpected: true, isChanged: true, isReplayed: false } as const
const unchanged = { isExpected: true, isChanged: false, isReplayed: false } as const

function outcomeOf({ isRepeated, isChanged, task }: Replay): Outcome {
  // Only the key of a removal has none, and its request has another fingerprint.
  if (!task) throw notFound()
  return { isExpected: true, isChanged, isReplayed: isRepeated, task }
}

/** Whether a change would change nothing. */
function isIn(task: Task, change: TaskChange): boolean {
  return Object.entries(change).every(([name, value]) => {
    const field: Field = tasks.fields[name as TaskField]
    const present = task[name as TaskField]
    if (field.kind !== 'json') return present === value
    const after = field.merges
      ? Object.fromEntries(
          Object.entries({ ...(present as object), ...(value as object) }).filter(
            ([, member]) => member !== null,
          ),
        )
      : (value ?? field.empty)
    return isDeepStrictEqual(present, after)
  })
}

/**
 * The tasks of one owner: the only door to task rows. A task that is missing, deleted or another
 * owner's is the same thing here: not found, by the statement itself.
 */
export function tasksOf(db: Session, owner: string, options: TasksOptions = {}): Tasks {
  return new Tasks(guarded(db, options.guard), owner, options)
}

export interface TasksOptions {
  readonly room?: Room
  /** Checked before each write, each statement of a list, and each read that waited. */
  readonly guard?: Guard | undefined
  /** Who writes: see `Grant.actor`. */
  readonly actor?: string | undefined
  /** Whether the client has closed its connection, so that a list need not be read. */
  readonly isGone?: Reader['isGone']
}

const never = () => false

/** Whether another request has stored the same idempotency key first. */
function isKeyTaken(error: unknown): boolean {
  return error instanceof Error && 'constraint' in error && error.constraint === 'keys_pkey'
}

function notFound(): AppError {
  return new AppError('task_not_found', 'There is no such task.')
}
