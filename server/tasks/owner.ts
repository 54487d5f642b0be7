import { ownerWrite, type Session, unprepared } from '../db/database.ts'
import { distrust } from './storage-statements.ts'

const batchSize = 1000

const tables = { deliveries: 'id', tasks: 'id', lists: 'id', keys: 'key' }

// In batches: a statement that takes longer than ten seconds is cancelled.
const removals = [
  ...Object.entries(tables).map(
    ([table, key]) => `delete from duly.${table} where user_id = $1
      and ${key} = any(array(select ${key} from duly.${table} where user_id = $1 limit ${batchSize}))`,
  ),
  `delete from duly.changes where user_id = $1
    and revision <= (select max(revision) from (select revision from duly.changes where user_id = $1 order by revision limit ${batchSize}) as oldest)`,
].map(text => unprepared(`${text} returning 1`))

/** With what was written since. */
const removeOwner = ownerWrite(
  'duly_remove_owner',
  `with ${['webhooks', 'deliveries', 'tasks', 'lists', 'settings', 'changes', 'keys', 'jobs'].map(table => `${table} as (delete from duly.${table} where user_id = $1)`).join(', ')}
  delete from duly.owners where id = $1`,
)

const deactivateWebhooks = unprepared(
  `update duly.webhooks set is_active = false, disabled_reason = 'revoked', updated_at = now()
  where webhooks.user_id = $1 and webhooks.is_active`,
)

/** For data of an earlier time: what clients know of the later revisions is no longer accepted. */
export const renewEpochs = unprepared(
  'update duly.owners set epoch = (extract(epoch from clock_timestamp()) * 1000000)::bigint',
)

/** Removes an owner with everything that is stored for the owner, except accounts and tokens. */
export async function removeTasksOf(session: Session, owner: string): Promise<void> {
  // Not counted down: if this is interrupted, the owner's next write counts what is left.
  await session.query(distrust, [owner])
  for (const remove of removals) while ((await session.query(remove, [owner])).length >= batchSize);
  await session.query(removeOwner, [owner])
}

/**
 * Deactivates every webhook of a user, after the tokens that could create another were revoked.
 * Does not wait for the owner's row: an attacker with such a token could keep it locked.
 */
export async function deactivateWebhooksOf(session: Session, owner: string): Promise<void> {
  await session.query(deactivateWebhooks, [owner])
}
