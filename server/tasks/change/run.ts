import { setImmediate } from 'node:timers/promises'
import type { Database, Guard, Session } from '../../db/database.ts'
import { statement } from '../../db/database.ts'
import { timeOf } from '../../fields/field.ts'
import { keyBytes } from '../bytes.ts'
import { itemTypes, outcomes } from '../changes.ts'
import { type Keyed, lookUp, type Replay } from '../keys.ts'
import { type Quota, storageFull, tooManyTasks, unlimited } from '../storage.ts'
import { needsReclaim } from '../storage-statements.ts'
import { Change, type Direct, type OwnerRow, tooLarge } from './change.ts'
import { runMoves } from './list-move.ts'
import { checkRestored, type Size, sizeOf, Uncounted } from './restored-size.ts'
import { maxItems, type TaskRow } from './rows.ts'
import { entriesOf, saveItems, saveLog } from './save.ts'
import { hasSteps, leaveSteps, takeStep } from './steps.ts'

// Runs a change in one transaction. It locks the owner first, so it sees all earlier writes, and no
// other write runs meanwhile. Steps that an earlier change has left come first: see steps.ts.

export interface ChangeContext {
  readonly db: Database
  readonly owner: string
  readonly quota: Quota
  readonly guard?: Guard | undefined
  /** Stored with each change: see `Grant.actor`. */
  readonly actor: string
}

interface ChangeOptions<T> {
  readonly keyed?: Keyed | undefined
  /** Whether the transaction is rolled back at the end. */
  readonly isDry?: boolean
  /** What is needed to answer a repeated request. */
  readonly answerOf?: (result: T, done: Done<T>) => Answer
}

/** A task, from whose row and log the answer is rebuilt; or the answer itself, which is stored. */
export type Answer = { readonly task: TaskRow; readonly isRemoved?: boolean } | { readonly text: string }

/** The outcome of a change that was run. */
export interface Done<T> {
  readonly isReplayed: false
  readonly result: T
  /** The working set, as it was stored. */
  readonly change: Change
  readonly isChanged: boolean
  /** Of the owner, after the change. */
  readonly revision: number
  readonly epoch: string
}

type ChangeOutcome<T> = Done<T> | { readonly isReplayed: true; readonly replay: Replay }

/** The time of a change is after all others of the owner: it tells what was deleted together. */
const readOwner = statement(
  'duly_change_owner',
  `select owners.revision, owners.epoch, owners.position_base, owners.task_count, greatest(owners.written_at + interval '1 microsecond', statement_timestamp()), owners.has_webhooks
  from duly.owners where owners.id = $1 for no key update`,
)
const addOwner = statement(
  'duly_change_add_owner',
  'insert into duly.owners (id, revision, counted_revision, task_count) values ($1, 0, 0, 0) on conflict (id) do nothing',
)

/**
 * $2 revision, $3 time, $4 tasks, $5 live bytes, $6 trash bytes, $7 log bytes, $8 limit, $9 bytes
 * of keys.
 */
const raiseOwner = statement(
  'duly_change_raise',
  `update duly.owners set revision = $2::bigint, counted_revision = owners.counted_revision + 1, written_at = $3::text::timestamptz,
    task_count = owners.task_count + $4::bigint, live_bytes = owners.live_bytes + $5::bigint, trash_bytes = owners.trash_bytes + $6::bigint,
    log_bytes = owners.log_bytes + $7::bigint, key_bytes = owners.key_bytes + $9::bigint, history_from = least(owners.history_from, $3::text::timestamptz)
  where owners.id = $1 returning owners.task_count, owners.live_bytes, ${needsReclaim('$8::bigint')}, owners.live_bytes + owners.key_bytes,
    owners.trash_bytes, owners.counted_revision = owners.revision`,
)

/**
 * $2 key, $3 fingerprint, $4 claim, $5 type, $6 item, $7 revision, $8 outcome, $9 time, $10 answer,
 * $11 update time.
 */
const addKey = statement(
  'duly_change_key',
  `with added as (
    insert into duly.keys (user_id, key, fingerprint, claim, item_type, item_id, revision, outcome, at, answer, item_at)
    values ($1, $2::uuid, $3::uuid, $4::integer, $5::smallint, $6::bigint, $7::bigint, $8::smallint, $9::text::timestamptz, $10::text,
      $11::text::timestamptz)
  )
  update duly.owners set key_bytes = owners.key_bytes + ${keyBytes('$10::text')},
    history_from = least(owners.history_from, $9::text::timestamptz) where owners.id = $1`,
)

/**
 * Runs a change and stores it, or returns the outcome of an earlier request with the same key.
 * @throws what `work` throws; AppError `change_too_large`, `too_many_tasks`, `storage_full`,
 * `idempotency_key_reused`, `answer_dropped`. Nothing is stored then.
 */
export async function runChange<T>(
  context: ChangeContext,
  work: (change: Change) => Promise<T>,
  options: ChangeOptions<T> = {},
): Promise<ChangeOutcome<T>> {
  const { db, owner, quota, guard } = context
  let needsReclaim = false
  let hasWebhooks = false
  let leavesSteps = false
  let isLarge = () => false
  let restoring: Size | undefined
  const run = async (session: Session): Promise<ChangeOutcome<T> | undefined> => {
    const keyed = options.isDry ? undefined : options.keyed
    isLarge = () => false
    const { row, replay, isStepped } = await lockOwner(session, owner, keyed)
    hasWebhooks = row.hasWebhooks
    if (isStepped) return undefined
    if (replay) return { isReplayed: true, replay }
    const change = new Change(session, row, context.actor)
    isLarge = () => change.isLarge
    const result = await work(change)
    const stored = await save(change)
    const isChanged = stored !== undefined
    const revision = row.revision + (isChanged ? 1 : 0)
    const done: Done<T> = { isReplayed: false, result, change, isChanged, revision, epoch: row.epoch }
    // Together: neither needs the other's answer.
    const [isFull = false, isLeft] = await Promise.all([
      stored && raise(change, stored, quota, restoring),
      leaveSteps(change),
      keyed && storeKey(done, keyed, options.answerOf?.(result, done)),
    ])
    needsReclaim = isFull
    leavesSteps = isLeft
    if (options.isDry) throw new DryRun(done)
    return done
  }
  for (;;) {
    try {
      const ending = { hasWebhooks: () => hasWebhooks, isLarge: () => isLarge() }
      const outcome = await db.change(owner, run, guard, ending)
      if (!outcome) {
        await finishSteps(context)
        continue
      }
      // The change is decided. If a step fails, the job continues.
      if (leavesSteps) await finishSteps(context).catch(() => {})
      if (needsReclaim) await quota.reclaim(owner)
      return outcome
    } catch (error) {
      // Thrown above, with the result of `work`.
      if (error instanceof DryRun) return error.done as Done<T>
      if (!(error instanceof Uncounted)) throw error
      restoring = await sizeOf(db, owner, error)
    }
  }
}

/**
 * Does the steps that an earlier change of the owner has left, each in a transaction of its own.
 * The caller need not be allowed to write any more: the change is decided.
 * @param signal ends it after a step
 */
export async function finishSteps(
  { db, owner, quota }: Pick<ChangeContext, 'db' | 'owner' | 'quota'>,
  signal?: AbortSignal,
): Promise<void> {
  // The change was within the limits.
  const most = { ...unlimited, bytes: quota.bytes }
  let hasWebhooks = false
  const step = async (session: Session) => {
    const row = await findOwner(session, owner)
    if (!row) return false
    hasWebhooks = row.hasWebhooks
    return takeStep(session, row, async change => {
      const stored = await save(change)
      if (stored) await raise(change, stored, most)
    })
  }
  while (await db.change(owner, step, undefined, { hasWebhooks: () => hasWebhooks })) {
    signal?.throwIfAborted()
    // Others have their turn.
    await setImmediate()
  }
}

/** Rolls back the transaction of a dry run. */
class DryRun extends Error {
  readonly done: unknown

  constructor(done: unknown) {
    super('a dry run')
    this.done = done
  }
}

/** Locks the owner and, in the same packet, looks up the key and the steps that are left. */
async function lockOwner(db: Session, id: string, keyed: Keyed | undefined) {
  for (;;) {
    const [row, used, isStepped] = await Promise.all([
      findOwner(db, id),
      keyed && lookUp(db, id, null, keyed),
      hasSteps(db, id),
    ])
    if (row) return { row, replay: used?.replay, isStepped }
    await db.query(addOwner, [id])
  }
}

async function findOwner(db: Session, id: string): Promise<OwnerRow | undefined> {
  let found: OwnerRow | undefined
  await db.read(readOwner, [id], row => {
    found = {
      id,
      revision: row.integer(0),
      epoch: String(row.integer(1)),
      positionBase: row.integer(2),
      taskCount: row.integer(3),
      at: timeOf(row, 4),
      hasWebhooks: row.flag(5),
    }
  })
  return found
}

/** Stores the items and their log. @returns what to add to the owner's counters, if anything */
async function save(change: Change): Promise<Direct | undefined> {
  const { db, owner, revision, actor, direct } = change
  const entries = entriesOf(change)
  if (entries.length > maxItems) throw tooLarge()
  if (entries.length === 0 && !direct) return undefined
  const storing = saveItems(change)
  if (change.isLarge) {
    storing.catch(() => {})
    // The database begins, and other requests run, before the log is written down.
    await setImmediate()
  }
  const [stored, logBytes] = await Promise.all([storing, saveLog(db, owner, entries, { revision, actor })])
  for (const { type, id } of entries) {
    const tracked = type === itemTypes.task ? change.tasks.get(id) : change.lists.get(id)
    if (!tracked || (tracked.now.revision === revision && tracked.now.updated_at === owner.at)) continue
    // Both kinds of rows have these fields.
    Object.assign(tracked, { now: { ...tracked.now, revision, updated_at: owner.at } })
  }
  const moveBytes = await runMoves(change)
  return {
    tasks: stored.tasks + (direct?.tasks ?? 0),
    live: stored.live + (direct?.live ?? 0),
    trash: stored.trash + (direct?.trash ?? 0),
    log: logBytes + moveBytes + (direct?.log ?? 0),
    keys: direct?.keys ?? 0,
  }
}

/**
 * Raises the owner's revision and counters.
 * @returns whether the owner's storage is full, so that some of it must be reclaimed
 * @throws AppError `too_many_tasks`, `storage_full`
 */
async function raise(change: Change, added: Direct, quota: Quota, restoring?: Size): Promise<boolean> {
  const { db, owner, revision } = change
  const { tasks, live, trash, log, keys } = added
  const values = [owner.id, revision, owner.at, tasks, live, trash, log, quota.bytes, keys]
  const [[count, liveBytes, full, kept, trashBytes, isCounted] = []] = await db.query(raiseOwner, values)
  if (tasks > 0 && Number(count) > quota.tasks) throw tooManyTasks(quota)
  if (live > 0 && Number(liveBytes) > quota.liveBytes) throw storageFull(quota)
  // An import must not cause its own keys to be removed.
  if (keys > 0 && Number(kept) > quota.bytes) throw storageFull(quota)
  const usage = { tasks: Number(count), live: Number(liveBytes), trash: Number(trashBytes) }
  checkRestored(change, { ...usage, isCounted: isCounted === 't' }, quota, restoring)
  return full === 't'
}

async function storeKey<T>(done: Done<T>, keyed: Keyed, answer?: Answer): Promise<void> {
  const { change, isChanged } = done
  const { db, owner } = change
  const { key, fingerprint, claim } = keyed
  const task = answer && 'task' in answer ? answer.task : undefined
  const removed = answer && 'isRemoved' in answer && answer.isRemoved
  const outcome = removed ? outcomes.deleted : isChanged ? outcomes.updated : outcomes.unchanged
  await db.query(addKey, [
    owner.id,
    key,
    fingerprint,
    claim,
    task ? itemTypes.task : 0,
    task?.id ?? 0,
    task?.revision ?? done.revision,
    outcome,
    owner.at,
    answer && 'text' in answer ? answer.text : null,
    task && !isChanged ? task.updated_at : null,
  ])
}
