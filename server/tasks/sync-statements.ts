import { ownerWrite, statement } from '../db/database.ts'
import { itemTypes } from './changes.ts'
import { tasks } from './fields.ts'
import { isLive } from './is-live.ts'
import { lists } from './list-fields.ts'

// Statements for clients that follow the changes of an owner. `$1` is the owner, except in the last
// two.

/**
 * $2, $3, $4 revision, type and id of the entry before the first; $5 limit. Each row begins with
 * the owner's revision and epoch, and the oldest revision of the log. Entries come in the order of
 * the log, each with the state of its item.
 */
export const logAfter = statement(
  'duly_sync_log',
  `select owners.revision, owners.epoch, oldest.revision, entry.revision, entry.item_type, entry.item_id, entry.action, entry.actor,
    greatest(0, extract(epoch from clock_timestamp() - entry.at) * 1000)::bigint, item.revision, item.is_live, item.bytes, entry.at
  from (select 1) as always
  left join duly.owners on owners.id = $1
  left join lateral (
    select changes.revision from duly.changes where changes.user_id = $1 order by changes.revision limit 1
  ) as oldest on true
  left join lateral (
    select changes.revision, changes.item_type, changes.item_id, changes.action, changes.actor, changes.at from duly.changes
    where changes.user_id = $1 and (changes.revision, changes.item_type, changes.item_id) > ($2::bigint, $3::smallint, $4::bigint)
    order by changes.revision, changes.item_type, changes.item_id limit $5
  ) as entry on true
  left join lateral (
    select tasks.revision, tasks.deleted_at is null as is_live, octet_length(tasks.title) + coalesce(octet_length(tasks.description), 0) as bytes
    from duly.tasks where entry.item_type = ${itemTypes.task} and tasks.user_id = $1 and tasks.id = entry.item_id
    union all
    select lists.revision, lists.deleted_at is null, 0 from duly.lists
    where entry.item_type = ${itemTypes.list} and lists.user_id = $1 and lists.id = entry.item_id
    union all
    select settings.revision, true, 0 from duly.settings where entry.item_type = ${itemTypes.settings} and settings.user_id = $1
    offset 0
  ) as item on true
  order by entry.revision, entry.item_type, entry.item_id`,
)

/** The live lists with these ids. $2 ids. */
export const listsOfIds = statement(
  'duly_sync_lists',
  `select ${lists.columns('lists')} from duly.lists where lists.user_id = $1
    and lists.id = any($2::bigint[]) and lists.deleted_at is null`,
)

/** $2 the id before the first, $3 limit. */
export const listsAfter = statement(
  'duly_sync_first_lists',
  `select ${lists.columns('lists')} from duly.lists where lists.user_id = $1 and lists.id > $2::bigint
    and coalesce(lists.deleted_at, 'infinity') = 'infinity' order by lists.id limit $3`,
)

export const tasksAfter = statement(
  'duly_sync_first_tasks',
  `select ${tasks.columns('tasks')} from duly.tasks where tasks.user_id = $1 and tasks.id > $2::bigint
    and ${isLive} order by tasks.id limit $3`,
)

/** Stores whether the owner has an active webhook. */
export const noteWebhooks = ownerWrite(
  'duly_webhooks_note',
  `update duly.owners set has_webhooks = exists (select from duly.webhooks where webhooks.user_id = $1 and webhooks.is_active)
  where owners.id = $1`,
)

/**
 * Owners of active webhooks with undelivered changes, and seconds since the oldest of these. $1
 * limit. A position at the end of a revision has type 9. Webhooks that wait for a retry have a job,
 * so they come last.
 */
export const behind = statement(
  'duly_webhooks_behind',
  `select webhooks.user_id, coalesce(extract(epoch from now() - min(waiting.at)), 0)
  from duly.webhooks join duly.owners on owners.id = webhooks.user_id
  left join lateral (
    select changes.at from duly.changes where changes.user_id = webhooks.user_id
      and (changes.revision, changes.item_type, changes.item_id) > (webhooks.revision, webhooks.item_type, webhooks.item_id)
    order by changes.revision, changes.item_type, changes.item_id limit 1
  ) as waiting on true
  where webhooks.is_active
    and (webhooks.epoch, webhooks.revision, webhooks.item_type) is distinct from (owners.epoch, owners.revision, 9)
  group by webhooks.user_id order by bool_or(webhooks.retry_at is null) desc, 2 desc limit $1`,
)

/** Owners whose revision has changed. $1 owners, $2 their last known revisions. */
export const moved = statement(
  'duly_sync_moved',
  `select owners.id, owners.revision from unnest($1::text[], $2::bigint[]) as known (id, revision)
  join duly.owners on owners.id = known.id where owners.revision <> known.revision`,
)
