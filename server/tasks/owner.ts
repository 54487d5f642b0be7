import { type Session, unprepared } from '../db/database.ts'
import { distrust } from './storage-statements.ts'

const batchSize = 5000

// In batches: a statement that takes longer than ten seconds is cancelled.
const removals = [
  `delete from duly.keys where user_id = $1 and key = any(array(select key from duly.keys where user_id = $1 limit ${batchSize}))`,
  `delete from duly.changes where user_id = $1
    and revision <= (select max(revision) from (select revision from duly.changes where user_id = $1 order by revision limit ${batchSize}) as oldest)`,
  `delete from duly.tasks where user_id = $1
    and id = any(array(select id from duly.tasks where user_id = $1 limit ${batchSize}))`,
].map(text => unprepared(`${text} returning 1`))
const removeOwner = unprepared('delete from duly.owners where id = $1')

/** Removes an owner with all tasks, the trash, the change log and the idempotency keys. */
export async function removeTasksOf(session: Session, owner: string): Promise<void> {
  // Not counted down: if this is interrupted, the owner's next write counts what is left.
  await session.query(distrust, [owner])
  for (const remove of removals) while ((await session.query(remove, [owner])).length >= batchSize);
  await session.query(removeOwner, [owner])
}
