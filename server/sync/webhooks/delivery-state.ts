import { type Session, statement, write } from '../../db/database.ts'
import type { Position } from '../position.ts'
import type { Message } from './deliveries.ts'
import type { Attempt } from './send.ts'

// The position of a webhook, and the results of its attempts. `$1` is the owner, `$2` the webhook.

export interface Target {
  readonly url: URL
  readonly events: readonly string[]
  readonly isActive: boolean
  /** Encrypted: the current one, and the one before while it signs too. */
  readonly secrets: readonly string[]
  readonly position: Position
  readonly failures: number
  /** Seconds until the next attempt. Zero or less: now. */
  readonly wait: number
  /** Changes with what the user sets. */
  readonly version: string
}

const version = `webhooks.updated_at::text`

const load = statement(
  'duly_webhook_target',
  `select webhooks.url, webhooks.events::text, webhooks.is_active, webhooks.secret,
    case when webhooks.old_secret_until > now() then webhooks.old_secret end,
    webhooks.epoch, webhooks.revision, webhooks.item_type, webhooks.item_id, webhooks.failures,
    extract(epoch from webhooks.retry_at - now()), ${version}
  from duly.webhooks where webhooks.user_id = $1 and webhooks.id = $2::bigint`,
)

export async function loadTarget(db: Session, owner: string, id: number): Promise<Target | undefined> {
  const [row] = await db.query(load, [owner, id])
  if (!row) return undefined
  const [url, events, isActive, secret, old, epoch, revision, type, item, failures, wait, seen] = row
  return {
    url: new URL(String(url)),
    events: JSON.parse(String(events)) as string[],
    isActive: isActive === 't',
    secrets: [secret, old].filter(text => typeof text === 'string'),
    position: { epoch: String(epoch), revision: Number(revision), type: Number(type), id: Number(item) },
    failures: Number(failures),
    wait: Number(wait ?? 0),
    version: String(seen),
  }
}

/** Matches unless another process has moved the position. */
const stands = `webhooks.user_id = $1 and webhooks.id = $2::bigint and webhooks.epoch = $3::bigint
  and webhooks.revision = $4::bigint and webhooks.item_type = $5::smallint and webhooks.item_id = $6::bigint`

const advance = write(
  'duly_webhook_advance',
  `update duly.webhooks set epoch = $7::bigint, revision = $8::bigint, item_type = $9::smallint, item_id = $10::bigint
  where ${stands} returning true`,
)

/**
 * $7 to $10 the position afterwards, $11 whether it succeeded, $12 whether the receiver is gone,
 * $13 seconds until the next attempt, $14 to $16 status, error and duration, $17 to $24 the
 * message. After three days of failures the webhook is no longer active.
 */
const record = write(
  'duly_webhook_record',
  `with clock as materialized (select statement_timestamp() as at),
  moved as (
    update duly.webhooks set epoch = $7::bigint, revision = $8::bigint, item_type = $9::smallint, item_id = $10::bigint,
      failures = case when $11::boolean then 0 else webhooks.failures + 1 end,
      failing_since = case when not $11::boolean then coalesce(webhooks.failing_since, now()) end,
      retry_at = case when not $11::boolean then now() + make_interval(secs => $13::double precision) end,
      is_active = webhooks.is_active and ($11::boolean or not ($12::boolean or coalesce(webhooks.failing_since, now()) < now() - interval '3 days')),
      disabled_reason = case when $11::boolean or not webhooks.is_active then webhooks.disabled_reason
        when $12::boolean then 'gone' when webhooks.failing_since < now() - interval '3 days' then 'failing' end
    where ${stands}
    returning webhooks.is_active, webhooks.disabled_reason, ${version} as version
  ),
  delivered as (
    insert into duly.deliveries as deliveries (user_id, id, webhook_id, event, status, attempts, response_status, error, duration_ms,
      created_at, attempted_at, at, epoch, revision, item_type, item_id, actor)
    select $1, $17, $2::bigint, $18, case when $11::boolean then 'succeeded' when moved.is_active then 'retrying' else 'failed' end, 1,
      $14::integer, $15, $16::integer, clock.at, clock.at,
      $19::text::timestamptz, $20::bigint, $21::bigint, $22::smallint, $23::bigint, $24
    from moved, clock
    on conflict (user_id, id) do update set status = excluded.status, attempts = deliveries.attempts + 1,
      response_status = excluded.response_status, error = excluded.error, duration_ms = excluded.duration_ms,
      attempted_at = excluded.attempted_at
  )
  select moved.is_active, moved.disabled_reason is not null, moved.version from moved`,
)

/** $3 message, $4 whether it succeeded, $5 to $7 status, error and duration. */
const recordRequested = write(
  'duly_delivery_record',
  `update duly.deliveries set is_requested = false, status = case when $4::boolean then 'succeeded' else 'failed' end,
    attempts = deliveries.attempts + 1, response_status = $5::integer, error = $6, duration_ms = $7::integer, attempted_at = now()
  where deliveries.user_id = $1 and deliveries.webhook_id = $2::bigint and deliveries.id = $3`,
)

/** $3 limit. Oldest first. */
const requested = statement(
  'duly_deliveries_requested',
  `select deliveries.id, deliveries.event, to_char(deliveries.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), deliveries.epoch,
    deliveries.revision, deliveries.item_type, deliveries.item_id, deliveries.actor
  from duly.deliveries where deliveries.user_id = $1 and deliveries.webhook_id = $2::bigint and deliveries.is_requested
  order by deliveries.created_at limit $3`,
)

interface Webhook {
  readonly owner: string
  readonly id: number
}

const placeIn = ({ epoch, revision, type, id }: Position) => [epoch, revision, type, id]

/** @returns false if another process has moved the position */
export async function moveOn(db: Session, { owner, id }: Webhook, from: Position, to: Position) {
  return (await db.query(advance, [owner, id, ...placeIn(from), ...placeIn(to)])).length > 0
}

/** A webhook after an attempt. */
interface Standing {
  readonly isActive: boolean
  /** Whether the server has deactivated it. */
  readonly isDisabled: boolean
  /** See `Target`. */
  readonly version: string
}

export const hasSucceeded = ({ status }: Attempt): boolean => status !== null && status >= 200 && status < 300

/**
 * Records an attempt, and moves the position if it succeeded.
 * @param pause seconds until the next attempt if it failed
 * @returns undefined if another process has moved the position, or the webhook is gone
 */
export async function recordAttempt(
  db: Session,
  { owner, id }: Webhook,
  move: { readonly from: Position; readonly to: Position },
  {
    message,
    attempt,
    pause,
  }: { readonly message: Message; readonly attempt: Attempt; readonly pause: number },
): Promise<Standing | undefined> {
  const isDone = hasSucceeded(attempt)
  const { status, error, ms } = attempt
  const [row] = await db.query(record, [
    ...[owner, id, ...placeIn(move.from), ...placeIn(isDone ? move.to : move.from)],
    ...[isDone, status === 410, pause, status, error, ms],
    ...[message.id, message.event, message.at, message.epoch, message.revision],
    ...[message.type, message.item, message.actor],
  ])
  return row && { isActive: row[0] === 't', isDisabled: row[1] === 't', version: String(row[2]) }
}

/** Tests and repetitions that wait. */
export async function requestedOf(db: Session, { owner, id }: Webhook, limit: number): Promise<Message[]> {
  const rows = await db.query(requested, [owner, id, limit])
  return rows.map(([message, event, at, epoch, revision, type, item, actor]) => ({
    id: String(message),
    event: String(event),
    at: String(at),
    epoch: String(epoch),
    revision: Number(revision),
    type: Number(type),
    item: Number(item),
    actor: String(actor),
  }))
}

export async function recordAgain(db: Session, { owner, id }: Webhook, message: Message, attempt: Attempt) {
  const { status, error, ms } = attempt
  await db.query(recordRequested, [owner, id, message.id, hasSucceeded(attempt), status, error, ms])
}
