import { type Database, type Guard, type Session, statement } from '../db/database.ts'
import { databaseAway } from '../db/database-error.ts'
import { AppError } from '../errors.ts'
import { keyBytesIn } from './bytes.ts'
import { type Room, unlimited } from './storage.ts'
import { needsRoom } from './storage-statements.ts'

/** An answer as it was first given, to be given again. */
export interface KeptAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** `fingerprint` tells requests apart that came with the same key. */
export interface KeyedRequest {
  readonly key: string
  readonly fingerprint: string
}

const lifetime = `interval '24 hours'`
const expired = `kept.created_at < now() - ${lifetime}`

// Whoever comes second waits here, on the unique index, until the first commits or rolls back. Expiry is told by two times, since
// Citus takes no clock where a conflict is met. Gives how many bytes the key is counted as already.
const claim = statement(
  'duly_key_claim',
  `insert into duly.idempotency_keys as kept (user_id, key, fingerprint, created_at) values ($1, $2, $3, now())
  on conflict (user_id, key) do update set fingerprint = excluded.fingerprint, created_at = excluded.created_at
  where excluded.created_at - kept.created_at > ${lifetime}
  returning case when kept.status is null then 0 else ${keyBytesIn('kept')} end`,
)
/** $6 how many bytes the key was counted as before, $7 bytes of all at most. Gives no row if there is no such owner. */
const keep = statement(
  'duly_key_keep',
  `with kept as (
    update duly.idempotency_keys as kept set status = $3, headers = $4, body = $5 where kept.user_id = $1 and kept.key = $2
    returning ${keyBytesIn('kept')} as bytes
  )
  update duly.owners set key_bytes = owners.key_bytes + kept.bytes - $6::bigint from kept where owners.id = $1
  returning ${needsRoom('$7')}`,
)
/** The answer may be that an owner never seen has no such task. */
const makeOwner = statement(
  'duly_key_owner',
  `insert into duly.owners (id, revision, counted_revision, task_count) values ($1, 0, 0, 0) on conflict (id) do nothing`,
)
const read = statement(
  'duly_key_read',
  'select fingerprint, status, headers, body from duly.idempotency_keys where user_id = $1 and key = $2',
)

/** Across owners, as for tombstones: which keys have expired; $1 at most. */
export const expiredKeys = statement(
  'duly_keys_expired',
  `select kept.user_id, kept.key from duly.idempotency_keys as kept where ${expired} order by kept.created_at limit $1`,
)

/** $2 keys. */
export const sweepKeys = statement(
  'duly_keys_sweep',
  `with swept as (
    delete from duly.idempotency_keys as kept where kept.user_id = $1 and kept.key = any($2::text[]) and ${expired}
    returning ${keyBytesIn('kept')} as bytes
  )
  update duly.owners set key_bytes = owners.key_bytes - freed.bytes
  from (select coalesce(sum(bytes), 0)::bigint as bytes from swept) as freed where owners.id = $1`,
)

/**
 * Runs `work` at most once per owner and key within 24 hours, its answer kept in the same transaction as its write. What
 * `work` throws undoes both, so that the key may be tried again. `work` writes through the session it is handed.
 * `guard` is asked when this request's turn has come, and before the transaction is committed.
 * (draft-ietf-httpapi-idempotency-key-header)
 * @throws AppError `idempotency_key_reused` where the key came with another fingerprint before, `answer_dropped` where the answer
 * made room for others.
 */
export async function once(
  db: Database,
  owner: string,
  request: KeyedRequest,
  work: (session: Session) => Promise<KeptAnswer>,
  room: Room = unlimited,
  guard?: Guard,
): Promise<{ readonly answer: KeptAnswer; readonly replayed: boolean }> {
  const { key, fingerprint } = request
  const { answer, replayed, isFull } = await inTurn(db, owner, () => {
    const keyed = async (session: Session) => {
      const [claimed] = await session.query(claim, [owner, key, fingerprint])
      if (!claimed) return { answer: await readKept(session, owner, request), replayed: true, isFull: false }
      const answer = await work(session)
      const { status, headers, body } = answer
      const values = [owner, key, status, JSON.stringify(headers), body, Number(claimed[0]), room.bytes]
      let [kept] = await session.query(keep, values)
      if (!kept) {
        await session.query(makeOwner, [owner])
        ;[kept] = await session.query(keep, values)
      }
      return { answer, replayed: false, isFull: kept?.[0] === 't' }
    }
    return db.transaction(keyed, 'short', guard)
  })
  // Once it is committed: what makes room locks rows in another order.
  if (isFull) await room.make(owner)
  return { answer, replayed }
}

// The claim that failed has locked the row: it is still there.
async function readKept(
  session: Session,
  owner: string,
  { key, fingerprint }: KeyedRequest,
): Promise<KeptAnswer> {
  const [row] = await session.query(read, [owner, key])
  if (row?.[0] !== fingerprint) {
    throw new AppError('idempotency_key_reused', 'This idempotency key was used for a different request.')
  }
  if (row[3] === null) {
    throw new AppError(
      'answer_dropped',
      'This request was done before, and its answer is no longer stored. Read the task to see the result.',
    )
  }
  // Written by `keep` from a KeptAnswer.
  const headers = JSON.parse(row[2] as string) as Record<string, string>
  return { status: Number(row[1]), headers, body: row[3] as string }
}

const turns = new WeakMap<Database, Map<string, Promise<unknown>>>()

/**
 * One owner's transactions follow each other: they would wait for each other's key or for the owner's row in any case, and
 * a hundred of them would wait on every session there is, before everyone else. Replicas meet in the database.
 */
function inTurn<T>(db: Database, owner: string, work: () => Promise<T>): Promise<T> {
  const owners = turns.get(db) ?? new Map<string, Promise<unknown>>()
  turns.set(db, owners)
  const before = owners.get(owner)
  // A database that is away is away for all who wait; each finding out by itself would take as long as all together.
  const mine = before
    ? before.then(work, error => {
        if (!isAway(error)) return work()
        // Nothing of this one was sent, whatever became of the one before.
        throw databaseAway(error.cause)
      })
    : work()
  owners.set(owner, mine)
  const leave = () => {
    if (owners.get(owner) === mine) owners.delete(owner)
  }
  mine.then(leave, leave)
  return mine
}

function isAway(error: unknown): error is AppError {
  return error instanceof AppError && (error.code === 'database_away' || error.code === 'outcome_unknown')
}
