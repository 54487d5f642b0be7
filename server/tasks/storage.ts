import type { Database, Session, Statement } from '../db/database.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import * as statements from './storage-statements.ts'

/** What one owner may store. */
export interface Quota {
  /** Maximum number of tasks. */
  readonly tasks: number
  /** Maximum bytes of tasks that are not in the trash. */
  readonly liveBytes: number
  /** Maximum bytes of tasks, trash, change log and idempotency keys. */
  readonly bytes: number
  /**
   * Removes the oldest rows of an owner who stores more. A write calls it if the owner's row says
   * so (`needsReclaim`). Never rejects: the write is done.
   */
  reclaim(owner: string): Promise<void>
}

const { MAX_SAFE_INTEGER: all } = Number
export const unlimited: Quota = { tasks: all, liveBytes: all, bytes: all, async reclaim() {} }

/** Changes younger than this may still be needed to answer a retried write. */
const retriedSeconds = 600
/** Statements for one write; the next write continues. A write adds at most three rows. */
const maxSteps = 8

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
 * Bounds what each owner stores. Each write updates counters on the owner's row, so no write sums
 * up rows. Above the limit, the owner's next write removes the oldest rows, in this order: changes
 * that no retry needs; keys and changes beyond a sixteenth of the storage each; trash; all changes
 * and keys. Keys of imported lines are removed last, because an import that is repeated without
 * them adds its lines again. Live tasks can take seven eighths of the storage.
 *
 * `counted_revision` increases with `revision`. It falls behind if a program that does not update
 * the counters wrote, such as an older version during an upgrade. The owner's next write then
 * counts all rows.
 */
export class Storage implements Quota {
  readonly tasks: number
  readonly liveBytes: number
  readonly bytes: number
  readonly #goal: number
  readonly #share: number
  readonly #db: Database
  readonly #log: Log
  readonly #reclaiming = new Map<string, Promise<void>>()

  constructor(db: Database, limits: { readonly maxTasks: number; readonly maxStorage: number }, log: Log) {
    const { maxTasks, maxStorage } = limits
    this.#share = Math.floor(maxStorage / 16)
    this.#db = db
    this.#log = log
    this.tasks = maxTasks
    this.bytes = maxStorage
    this.liveBytes = maxStorage - Math.floor(maxStorage / 8)
    // Below the limit, so that not every write at the limit has to remove rows.
    this.#goal = maxStorage - Math.min(Math.floor(maxStorage / 16), 2 ** 20)
  }

  /** Simultaneous calls for one owner share the work. */
  reclaim(owner: string): Promise<void> {
    const known = this.#reclaiming.get(owner)
    if (known) return known
    const reclaiming = this.#reclaim(owner)
      .catch(error =>
        this.#log.warn({ err: error }, 'storage could not be freed; the next write tries again'),
      )
      .finally(() => this.#reclaiming.delete(owner))
    this.#reclaiming.set(owner, reclaiming)
    return reclaiming
  }

  async #reclaim(owner: string): Promise<void> {
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
        if (excess <= 0 || steps === maxSteps) return
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
    // Nothing is left to remove, so the counters are wrong.
    if (steps < maxSteps && totalOf(usage) > this.#goal && usage.trash + usage.log + usage.keys > 0)
      await recount(this.#db, owner)
  }
}

/**
 * Why a task was not created, or was not allowed to grow.
 * @returns undefined if the counters were wrong. They are corrected; try the write again.
 */
export async function refusalOf(db: Session, owner: string, quota: Quota): Promise<AppError | undefined> {
  const usage = await usageOf(db, owner)
  if (usage?.isCounted === false) {
    await recount(db, owner)
    return undefined
  }
  return usage && usage.tasks >= quota.tasks ? tooManyTasks(quota) : storageFull(quota)
}

export function tooManyTasks({ tasks }: Quota): AppError {
  return new AppError('too_many_tasks', `You have ${tasks} tasks, the maximum. Delete some first.`)
}

export function storageFull({ liveBytes }: Quota): AppError {
  return new AppError(
    'storage_full',
    `Your storage is full: your tasks can take at most ${liveBytes} bytes. Delete tasks or shorten their texts.`,
  )
}

/** What an owner stores. Rows are counted first if the counters are wrong. */
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
