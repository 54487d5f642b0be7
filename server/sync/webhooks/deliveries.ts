import { createHash } from 'node:crypto'
import { type Guard, type Session, statement, write } from '../../db/database.ts'
import { AppError } from '../../errors.ts'
import { enqueue } from '../../jobs/jobs.ts'
import type { Change } from '../../tasks/change/change.ts'
import { sweep } from '../../tasks/sweep.ts'
import { type Position, writePosition } from '../position.ts'
import { type Delivery, deliveries } from './fields.ts'
import { getWebhook, jobOf } from './webhooks.ts'

// The deliveries of webhooks: one row for each event, whatever the number of attempts. Bodies are
// not stored, but made from the item for each attempt. `$1` is the owner, except in `expired`.

/** How long deliveries are stored. */
export const keptDays = 7
/** Maximum number of stored deliveries of one webhook; the oldest are removed first. */
const maxKept = 10_000
/** Maximum number of waiting tests and repetitions of one webhook. */
const maxRequested = 20

/** Types of messages that are not events of the log. */
const testEvent = 'webhook.test'
export const resetEvent = 'webhook.reset'

/** What a message is made from. */
export interface Message {
  /** The `webhook-id`. */
  readonly id: string
  readonly event: string
  /** When it happened. */
  readonly at: string
  readonly epoch: string
  readonly revision: number
  /** Type 0: no item. */
  readonly type: number
  readonly item: number
  readonly actor: string
}

/**
 * The same for each attempt, also of a server that did not record the one before.
 * @param isReset whether it is the message in place of the events after the position
 */
export const messageId = (owner: string, webhook: number, position: Position, isReset = false): string =>
  idOf(`${webhook}.${writePosition(owner, position, isReset)}`)

const idOf = (text: string) =>
  `msg_${createHash('sha256').update(text).digest('base64url').replaceAll('_', '-').slice(0, 22)}`

const columns = deliveries.columns('deliveries')

/** $2 webhook, $3 and $4 time and id of the last one of the page before, $5 limit. Newest first. */
const page = statement(
  'duly_deliveries',
  `select ${columns} from duly.deliveries where deliveries.user_id = $1 and deliveries.webhook_id = $2::bigint
    and (deliveries.created_at, deliveries.id) < ($3::text::timestamptz, $4)
  order by deliveries.created_at desc, deliveries.id desc limit $5`,
)
const one = statement(
  'duly_delivery',
  `select ${columns} from duly.deliveries where deliveries.user_id = $1 and deliveries.id = $2 and deliveries.webhook_id = $3::bigint`,
)
const hasRoom = `(select count(*) from duly.deliveries as others
  where others.user_id = $1 and others.webhook_id = $3::bigint and others.is_requested) < ${maxRequested}`
const insertTest = statement(
  'duly_delivery_test',
  `insert into duly.deliveries (user_id, id, webhook_id, event, status, attempts, created_at, is_requested, at, epoch, revision, item_type,
    item_id, actor)
  select $1, $2, $3::bigint, '${testEvent}', 'pending', 0, statement_timestamp(), true, statement_timestamp(), 0, 0, 0, 0, ''
  where ${hasRoom} returning true`,
)
const request = statement(
  'duly_delivery_request',
  `update duly.deliveries set is_requested = true, status = 'pending'
  where deliveries.user_id = $1 and deliveries.id = $2 and deliveries.webhook_id = $3::bigint and ${hasRoom} returning true`,
)
const retryNow = statement(
  'duly_webhook_retry',
  'update duly.webhooks set retry_at = null where webhooks.user_id = $1 and webhooks.id = $2::bigint',
)
/** $2 webhook, $3 how many are left. */
const trim = write(
  'duly_deliveries_trim',
  `delete from duly.deliveries where deliveries.user_id = $1 and deliveries.webhook_id = $2::bigint
    and (deliveries.created_at, deliveries.id) <= (
      select others.created_at, others.id from duly.deliveries as others
      where others.user_id = $1 and others.webhook_id = $2::bigint
      order by others.created_at desc, others.id desc offset $3 limit 1
    )`,
)
/** $1 days, $2 at most. */
const expired = statement(
  'duly_deliveries_expired',
  `select deliveries.user_id, deliveries.id from duly.deliveries
  where deliveries.created_at < now() - make_interval(days => $1::integer) order by deliveries.created_at limit $2`,
)
/** $2 ids, $3 days. */
const removeExpired = write(
  'duly_deliveries_remove',
  `delete from duly.deliveries where deliveries.user_id = $1 and deliveries.id = any($2::text[])
    and deliveries.created_at < now() - make_interval(days => $3::integer)`,
)

/** After this delivery, in the order of the list. */
export interface DeliveryCursor {
  readonly createdAt: string
  readonly id: string
}

const newest: DeliveryCursor = { createdAt: 'infinity', id: '' }

/** Deliveries of a webhook, newest first. @throws AppError `webhook_not_found` */
export async function deliveriesOf(
  db: Session,
  owner: string,
  webhook: number,
  { limit, after = newest }: { readonly limit: number; readonly after?: DeliveryCursor | undefined },
  guard?: Guard,
): Promise<{ readonly deliveries: Delivery[]; readonly next: DeliveryCursor | null }> {
  await getWebhook(db, owner, webhook, guard)
  const found: Delivery[] = []
  const values = [owner, webhook, after.createdAt, after.id, limit + 1]
  await db.read(page, values, row => found.push(deliveries.read(row)), guard)
  const hasMore = found.length > limit
  if (hasMore) found.pop()
  const last = found.at(-1)
  return {
    deliveries: found,
    next: hasMore && last ? { createdAt: last.created_at, id: last.id } : null,
  }
}

/** @throws AppError `delivery_not_found` */
async function getDelivery(db: Session, owner: string, webhook: number, id: string): Promise<Delivery> {
  let found: Delivery | undefined
  await db.read(one, [owner, id, webhook], row => {
    found = deliveries.read(row)
  })
  if (!found) throw new AppError('delivery_not_found', 'There is no such delivery.')
  return found
}

/**
 * Has the webhook's job send a test message. It is attempted once, also if the webhook is not
 * active.
 * @throws AppError `webhook_not_found`, `too_many_requests`
 */
export async function requestTest({ db, owner }: Change, webhook: number, random: string): Promise<Delivery> {
  await getWebhook(db, owner.id, webhook)
  const id = idOf(`${owner.id} ${webhook} ${random}`)
  const added = await db.query(insertTest, [owner.id, id, webhook])
  if (added.length === 0) throw tooMany()
  await enqueue(db, jobOf(owner.id, webhook))
  return getDelivery(db, owner.id, webhook, id)
}

/**
 * Has the webhook's job send a message again, once. A message that waits for a retry is sent now,
 * and its retries continue.
 * @throws AppError `webhook_not_found`, `delivery_not_found`, `too_many_requests`
 */
export async function requestAgain(
  db: Session,
  owner: string,
  webhook: number,
  id: string,
): Promise<Delivery> {
  const { is_active: isActive } = await getWebhook(db, owner, webhook)
  const { status } = await getDelivery(db, owner, webhook, id)
  if (status === 'retrying' && isActive) await db.query(retryNow, [owner, webhook])
  else if ((await db.query(request, [owner, id, webhook])).length === 0) throw tooMany()
  await enqueue(db, jobOf(owner, webhook))
  return getDelivery(db, owner, webhook, id)
}

function tooMany(): AppError {
  return new AppError('too_many_requests', `${maxRequested} deliveries of this webhook are waiting.`, {
    retryAfter: 5,
  })
}

/** Removes the oldest deliveries of a webhook that has more than `most`. */
export async function trimDeliveries(db: Session, owner: string, webhook: number, most = maxKept) {
  await db.query(trim, [owner, webhook, most])
}

/** Removes deliveries that are more than `days` days old. @returns how many */
export const pruneDeliveries = (db: Session, days = keptDays): Promise<number> =>
  sweep(db, days, expired, removeExpired)
