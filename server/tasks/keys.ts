import { createHash, randomInt } from 'node:crypto'
import { type Session, statement } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { timeOf } from '../fields/field.ts'
import { itemAt, outcomes } from './changes.ts'
import { type Task, tasks } from './fields.ts'

// Idempotency keys. A keyed write stores its key in its own statement, without the answer: if the
// key is used again, the answer is rebuilt from the task and its log.

/** The idempotency key of a write. Key and fingerprint are hashes, as UUIDs. */
export interface Keyed {
  readonly key: string
  /** Of the request: a key must not be used for another one. */
  readonly fingerprint: string
  /** Random, so an attempt recognizes a key that it stored itself. */
  readonly claim: number
}

export function keyedBy(key: string, fingerprint: string): Keyed {
  return { key: hashed(key), fingerprint: hashed(fingerprint), claim: randomInt(-(2 ** 31), 2 ** 31) }
}

/** The first half of the SHA-256 of a text, as a UUID. */
export function hashed(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  )
}

/** $2 task, or null for the task of the key; $3 key, or null. */
const look = statement(
  'duly_key_look',
  `select keys.fingerprint::text, keys.claim, keys.outcome, keys.revision, keys.item_at, keys.item_id,
    keys.answer, owners.epoch, tasks.deleted_at is null, ${tasks.columns('tasks')}
  from (select 1) as always
  left join duly.owners on owners.id = $1
  left join duly.keys on keys.user_id = $1 and keys.key = $3::uuid
  left join duly.tasks on tasks.user_id = $1 and tasks.id = coalesce($2::bigint, keys.item_id)`,
)
const taskFrom = 9

type OutcomeOf<T> = T[keyof T]

interface UsedKey {
  readonly fingerprint: string
  readonly isMine: boolean
  readonly outcome: OutcomeOf<typeof outcomes>
  readonly revision: number
  /** The update time of a task that the write did not change. */
  readonly itemAt: string | undefined
  readonly answer: string | null
}

export interface Found {
  /** The current task; undefined if it is missing or deleted. */
  readonly task: Task | undefined
  /** The outcome of the earlier request with the same key. */
  readonly replay: Replay | undefined
  /** Of the owner; '0' if there is no owner. */
  readonly epoch: string
}

/** The outcome of a keyed write that was executed before, or that found nothing to change. */
export interface Replay {
  /** Whether another request stored the key. */
  readonly isRepeated: boolean
  readonly isChanged: boolean
  /** The task as the write left it; undefined after a deletion, or if the answer is stored. */
  readonly task: Task | undefined
  /** The stored answer, if any. */
  readonly answer: string | null
  /** The revision of the change, or of the task that was not changed. */
  readonly revision: number
  readonly epoch: string
}

/**
 * Finds out why a write wrote nothing.
 * @throws AppError `idempotency_key_reused` if the key was used for another request,
 * `answer_dropped` if the answer cannot be rebuilt
 */
export async function lookUp(
  db: Session,
  owner: string,
  id: number | null,
  keyed: Keyed | undefined,
): Promise<Found> {
  let key: UsedKey | undefined
  let row: Task | undefined
  let isLive = false
  let epoch = '0'
  await db.read(look, [owner, id, keyed?.key ?? null], found => {
    if (!found.isNull(0))
      key = {
        fingerprint: found.text(0) ?? '',
        isMine: found.integer(1) === keyed?.claim,
        // The write statements store no other value.
        outcome: found.integer(2) as UsedKey['outcome'],
        revision: found.integer(3),
        itemAt: found.isNull(4) ? undefined : timeOf(found, 4),
        answer: found.text(6),
      }
    if (!found.isNull(7)) epoch = String(found.integer(7))
    if (found.isNull(taskFrom)) return
    row = tasks.read(found, taskFrom)
    isLive = found.flag(taskFrom - 1)
  })
  const task = isLive ? row : undefined
  if (!key) return { task, replay: undefined, epoch }
  return { task, replay: { ...(await replayOf(db, owner, key, row, keyed)), epoch }, epoch }
}

async function replayOf(
  db: Session,
  owner: string,
  key: UsedKey,
  row: Task | undefined,
  keyed: Keyed | undefined,
): Promise<Omit<Replay, 'epoch'>> {
  if (key.fingerprint !== keyed?.fingerprint)
    throw new AppError('idempotency_key_reused', 'This idempotency key was used for a different request.')
  const { answer, revision } = key
  const isChanged = key.outcome !== outcomes.unchanged
  const replay = { isRepeated: !key.isMine, isChanged, answer, revision }
  if (key.outcome === outcomes.deleted || answer !== null) return { ...replay, task: undefined }
  const task =
    row?.revision === key.revision
      ? row
      : row && (await itemAt(db, owner, row, key.revision, { updatedAt: key.itemAt }))
  if (!task)
    throw new AppError(
      'answer_dropped',
      'This request was executed before, and its response is no longer stored. Read the task to see the result.',
    )
  return { ...replay, task }
}
