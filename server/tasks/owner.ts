import { type Session, unprepared } from '../db/database.ts'
import { distrust } from './storage-statements.ts'

const batchSize = 5000

// Some at a time, with what is searched in them: a statement that takes longer than ten seconds is given up.
const removeSome = unprepared(
  `delete from duly.tasks where user_id = $1
    and id = any(array(select id from duly.tasks where user_id = $1 limit ${batchSize})) returning id`,
)
const removeOwner = unprepared('delete from duly.owners where id = $1')
const removeKeys = unprepared('delete from duly.idempotency_keys where user_id = $1')

/** Removes an owner: every task, also those deleted lately, and the answers kept for retries. */
export async function removeTasksOf(session: Session, owner: string): Promise<void> {
  // Not counted down: if this is interrupted, the owner's next write counts what is left.
  await session.query(distrust, [owner])
  await session.query(removeKeys, [owner])
  while ((await session.query(removeSome, [owner])).length === batchSize);
  await session.query(removeOwner, [owner])
}
