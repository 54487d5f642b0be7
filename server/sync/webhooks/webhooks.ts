import { type Guard, quick, type Session, statement, type Value } from '../../db/database.ts'
import { AppError } from '../../errors.ts'
import { valueIn } from '../../fields/field.ts'
import { enqueue } from '../../jobs/jobs.ts'
import type { Change } from '../../tasks/change/change.ts'
import { noteWebhooks } from '../../tasks/sync-statements.ts'
import { positionAt } from '../position.ts'
import { type NewWebhook, type Webhook, type WebhookChange, webhooks } from './fields.ts'
import { newSecret, type SecretCipher } from './secrets.ts'

// The webhooks of one owner. Writes hold the owner's row, which tells later writes whether there is
// an active webhook. `$1` is the owner.

/** Webhooks of one owner. */
export const maxWebhooks = 20
/** How long the secret before the current one signs too. */
const overlap = '24 hours'

const columns = webhooks.columns('webhooks')

const list = statement(
  'duly_webhooks',
  `select ${columns} from duly.webhooks where webhooks.user_id = $1 order by webhooks.id`,
)
const one = quick(
  'duly_webhook',
  `select ${columns} from duly.webhooks where webhooks.user_id = $1 and webhooks.id = $2::bigint`,
)
const insert = statement(
  'duly_webhook_insert',
  `insert into duly.webhooks as webhooks (user_id, url, events, description, is_active, secret, epoch, revision, item_type, item_id,
    created_at, updated_at)
  select $1, $2, $3::text::jsonb, $4, $5::boolean, $6, $7::bigint, $8::bigint, $9::smallint, $10::bigint,
    $11::text::timestamptz, $11::text::timestamptz
  where (select count(*) from duly.webhooks as others where others.user_id = $1) < ${maxWebhooks}
  returning webhooks.id`,
)
/** Whatever is set, the next attempt is made at once. */
const update = statement(
  'duly_webhook_update',
  `update duly.webhooks set url = $3, events = $4::text::jsonb, description = $5, is_active = $6::boolean, updated_at = $7::text::timestamptz,
    disabled_reason = null, failures = 0, failing_since = null, retry_at = null
  where webhooks.user_id = $1 and webhooks.id = $2::bigint`,
)
const setSecret = statement(
  'duly_webhook_secret',
  `update duly.webhooks set secret = $3, old_secret = webhooks.secret, old_secret_until = now() + interval '${overlap}',
    updated_at = $4::text::timestamptz
  where webhooks.user_id = $1 and webhooks.id = $2::bigint`,
)
const remove = statement(
  'duly_webhook_delete',
  `with delivered as (
    delete from duly.deliveries where deliveries.user_id = $1 and deliveries.webhook_id = $2::bigint
  )
  delete from duly.webhooks where webhooks.user_id = $1 and webhooks.id = $2::bigint returning true`,
)

export const jobKind = 'deliver-webhook'
export const jobOf = (owner: string, id: number) => ({ owner, id: `webhook-${id}`, kind: jobKind })

export async function webhooksOf(db: Session, owner: string, guard?: Guard): Promise<Webhook[]> {
  const found: Webhook[] = []
  await db.read(list, [owner], row => found.push(webhooks.read(row)), guard)
  return found
}

/** @throws AppError `webhook_not_found` */
export async function getWebhook(db: Session, owner: string, id: number, guard?: Guard): Promise<Webhook> {
  let found: Webhook | undefined
  const take = (row: Parameters<typeof webhooks.read>[0]) => {
    found = webhooks.read(row)
  }
  await db.read(one, [owner, id], take, guard)
  if (!found) throw new AppError('webhook_not_found', 'There is no such webhook.')
  return found
}

export interface SecretWebhook {
  readonly webhook: Webhook
  /** Not stored in this form. */
  readonly secret: string
}

/** Creates a webhook that starts at the end of the log. @throws AppError `too_many_webhooks` */
export async function createWebhook(
  { db, owner, at }: Change,
  values: NewWebhook,
  cipher: SecretCipher,
): Promise<SecretWebhook> {
  const secret = newSecret()
  const { epoch, revision, type, id: item } = positionAt(owner)
  const [row] = await db.query(insert, [
    owner.id,
    ...stored({ description: null, is_active: true, ...values }),
    cipher.encrypt(owner.id, secret),
    ...[epoch, revision, type, item, at],
  ])
  if (!row) throw new AppError('too_many_webhooks', `You have ${maxWebhooks} webhooks; delete one first.`)
  await db.query(noteWebhooks, [owner.id])
  return { webhook: await getWebhook(db, owner.id, Number(row[0])), secret }
}

/**
 * Changes a webhook and has it continue at once, where it stopped.
 * @param check called with the webhook before
 * @throws AppError `webhook_not_found`
 */
export async function updateWebhook(
  { db, owner, at }: Change,
  id: number,
  values: WebhookChange,
  check: (webhook: Webhook) => void,
): Promise<Webhook> {
  const before = await getWebhook(db, owner.id, id)
  check(before)
  if (Object.keys(values).length === 0) return before
  // `events` is never null, which would stand for an empty list: the reader rejects that.
  const after = { ...before, ...values } as Webhook
  await db.query(update, [owner.id, id, ...stored(after), at])
  await db.query(noteWebhooks, [owner.id])
  if (after.is_active) await enqueue(db, jobOf(owner.id, id))
  return getWebhook(db, owner.id, id)
}

/** @throws AppError `webhook_not_found` */
export async function removeWebhook({ db, owner }: Change, id: number): Promise<void> {
  const removed = await db.query(remove, [owner.id, id])
  if (removed.length === 0) throw new AppError('webhook_not_found', 'There is no such webhook.')
  await db.query(noteWebhooks, [owner.id])
}

/** Replaces the secret. The old one signs too for a day. @throws AppError `webhook_not_found` */
export async function renewSecret(
  { db, owner, at }: Change,
  id: number,
  cipher: SecretCipher,
): Promise<SecretWebhook> {
  await getWebhook(db, owner.id, id)
  const secret = newSecret()
  await db.query(setSecret, [owner.id, id, cipher.encrypt(owner.id, secret), at])
  return { webhook: await getWebhook(db, owner.id, id), secret }
}

type Stored = Pick<Webhook, 'url' | 'events' | 'description' | 'is_active'>

function stored({ url, events, description, is_active }: Stored): Value[] {
  return [url, valueIn(webhooks.fields.events, events), description, is_active]
}
