import type { Database, Session, Statement } from '../db/database.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import * as statements from './storage-statements.ts'

/** What one owner may store, and what happens at the limit. */
export interface Room {
  /** Number of tasks. */
  readonly tasks: number
  /** Bytes of tasks that are not in the trash. */
  readonly liveBytes: number
  /** Bytes of tasks, trash, change log and idempotency keys. */
  readonly bytes: number
  /** Called by a write whose owner's row needs attention. Never rejects: the write is done. */
  make(owner: string): Promise<void>
}

const most = Number.MAX_SAFE_INTEGER
export const unlimited: Room = { tasks: most, liveBytes: most, bytes: most, async make() {} }

/** After this time a client no longer waits for the answer to a retried write. */
const retriedSeconds = 600
/** Steps for one write; the rest is left to the next. A write adds three rows at most. */
const mostSteps = 8

interface Usage {
  readonly tasks: number
  readonly live: number
  readonly trash: number
  readonly log: number
  readonly keys: number
  readonly isCounted: boolean
}

const totalOf = ({ live, trash, log, keys }: Usage) => live + trash + log + keys

/**
 * Bounds what each owner stores, without a sum per write: the statements that write maintain
 * counters on the owner's row. At the limit the owner's own requests drop the oldest rows: changes
 * older than a retry, keys and changes beyond a sixteenth of the storage each, trash, and at last
 * all changes and keys. The keys of imported lines are dropped only then, because an import that is
 * sent again without them adds its lines again. An eighth of the storage is left to trash, log and
 * keys, so that live tasks alone never fill it.
 *
 * `counted_revision` follows `revision`. It falls behind where something else wrote, such as an
 * older version during an upgrade; the rows are then counted once, by the owner's next write.
 */
export class Storage implements Room {
  readonly tasks: number
  readonly liveBytes: number
  readonly bytes: number
  readonly #goal: number
  readonly #share: number
  readonly #db: Database
  readonly #log: Log
  readonly #making = new Map<string, Promise<void>>()

  constructor(db: Database, limits: { readonly maxTasks: number; readonly maxStorage: number }, log: Log) {
    const { maxTasks, maxStorage } = limits
    this.#share = Math.floor(maxStorage / 16)
    this.#db = db
    this.#log = log
    this.tasks = maxTasks
    this.bytes = maxStorage
    this.liveBytes = maxStorage - Math.floor(maxStorage / 8)
    // Some more than needed, so that not every write at the limit has to make room.
    this.#goal = maxStorage - Math.min(Math.floor(maxStorage / 16), 2 ** 20)
  }

  /** Writes of one owner that come together wait for the same work. */
  make(owner: string): Promise<void> {
    const known = this.#making.get(owner)
    if (known) return known
    const making = this.#make(owner)
      .catch(error =>
        this.#log.warn({ err: error }, 'storage could not be freed; the next write tries again'),
      )
      .finally(() => this.#making.delete(owner))
    this.#making.set(owner, making)
    return making
  }

  async #make(owner: string): Promise<void> {
    let usage = await usageOf(this.#db, owner)
    if (usage?.isCounted === false) {
      await recount(this.#db, owner)
      usage = await usageOf(this.#db, owner)
    }
    if (!usage || totalOf(usage) <= this.bytes) return
    let steps = 0
    const drop = async (
      statement: Statement,
      has: (usage: Usage) => boolean,
      ...rest: readonly (number | boolean)[]
    ) => {
      for (let isMore = true; isMore && usage && has(usage); steps += 1) {
        const excess = totalOf(usage) - this.#goal
        if (excess <= 0 || steps === mostSteps) return
        const [row] = await this.#db.query(statement, [owner, excess, ...rest])
        if (!row) return
        const [lookedAt = 0, live = 0, trash = 0, log = 0, keys = 0] = row.map(Number)
        usage = { ...usage, live, trash, log, keys }
        isMore = lookedAt === statements.stepSize
      }
    }
    const hasKeys = ({ keys }: Usage) => keys > 0
    const hasLog = ({ log }: Usage) => log > 0
    const hasTrash = ({ trash }: Usage) => trash > 0
    await drop(statements.dropChanges, hasLog, retriedSeconds)
    await drop(statements.dropKeys, ({ keys }) => keys > this.#share, false)
    await drop(statements.dropChanges, ({ log }) => log > this.#share, 0)
    await drop(statements.dropTrash, hasTrash)
    await drop(statements.dropChanges, hasLog, 0)
    await drop(statements.dropKeys, hasKeys, true)
    // Nothing is left that could be dropped, whatever the counters say.
    if (steps < mostSteps && totalOf(usage) > this.#goal && usage.trash + usage.log + usage.keys > 0)
      await recount(this.#db, owner)
  }
}

/**
 * Why a task was not created, or did not grow.
 * @returns nothing where the counters were wrong, and are right now: the write is to be tried again
 */
export async function refusalOf(db: Session, owner: string, room: Room): Promise<AppError | undefined> {
  const usage = await usageOf(db, owner)
  if (usage?.isCounted === false) {
    await recount(db, owner)
    return undefined
  }
  return usage && usage.tasks >= room.tasks ? tooManyTasks(room) : storageFull(room)
}

export function tooManyTasks({ tasks }: Room): AppError {
  return new AppError('too_many_tasks', `You have ${tasks} tasks, which is the most there can be.`)
}

export function storageFull({ liveBytes }: Room): AppError {
  return new AppError(
    'storage_full',
    `Your storage is full: all your tasks together can take ${liveBytes} bytes. Delete tasks or shorten their texts.`,
  )
}

/** What an owner stores. It is counted first where the counters cannot be relied on. */
export async function countedUsage(db: Database, owner: string): Promise<Omit<Usage, 'isCounted'>> {
  const usage = await usageOf(db, owner)
  if (usage?.isCounted === false) await recount(db, owner)
  const counted = usage?.isCounted === false ? await usageOf(db, owner) : usage
  return counted ?? { tasks: 0, live: 0, trash: 0, log: 0, keys: 0 }
}

async function usageOf(db: Session, owner: string): Promise<Usage | undefined> {
  const [row] = await db.query(statements.usage, [owner])
  if (!row) return undefined
  const [tasks = 0, live = 0, trash = 0, log = 0, keys = 0] = row.slice(0, 5).map(Number)
  return { tasks, live, trash, log, keys, isCounted: row[5] === 't' }
}

async function recount(db: Session | Database, owner: string): Promise<void> {
  const work = async (session: Session) => {
    await session.query(statements.lockOwner, [owner])
    await session.query(statements.recount, [owner])
  }
  await ('transaction' in db ? db.transaction(work) : work(db))
}
