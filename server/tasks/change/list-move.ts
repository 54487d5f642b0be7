import { statement } from '../../db/database.ts'
import { changeBytes } from '../bytes.ts'
import { actions, itemTypes } from '../changes.ts'
import { isLive } from '../is-live.ts'
import { appendedPosition } from '../position.ts'
import type { Change } from './change.ts'

// Moves all tasks of a list to another list, whatever their number, without reading them.

/**
 * $2 list, $3 revision, $4 time, $5 actor, $6 tasks to leave out: the change has read them; $7 the
 * other list, $8 the prefix of their positions there.
 */
const move = statement(
  'duly_sweep_move',
  `with old as materialized (
    select tasks.id, tasks.revision, tasks.position, case when tasks.parent_id is null
      then $8::text || lpad((row_number() over (order by tasks.position, tasks.id))::text, 6, '0') || 'V' else tasks.position end as place
    from duly.tasks
    where tasks.user_id = $1 and tasks.list_id = $2::bigint and ${isLive} and tasks.id <> all($6::bigint[])
  ),
  written as (
    update duly.tasks set list_id = $7::bigint, position = old.place, revision = $3::bigint, updated_at = $4::text::timestamptz
    from old where tasks.user_id = $1 and tasks.id = old.id
  ),
  logged as (
    insert into duly.changes (user_id, revision, item_type, item_id, action, fields, before, actor, at, bytes)
    select $1, $3::bigint, ${itemTypes.task}, old.id, ${actions.moved},
      jsonb_build_object('list_id', jsonb_build_array($2::bigint, $7::bigint)) || case when old.position = old.place then '{}'
        else jsonb_build_object('position', jsonb_build_array(old.position, old.place)) end,
      old.revision, $5, $4::text::timestamptz, ${changeBytes(['100'])} from old
    returning bytes
  )
  select coalesce(sum(bytes), 0), count(*) from logged`,
)

/** Moves the tasks after the items of the change are stored. @returns the bytes of the log */
export async function runMoves(change: Change): Promise<number> {
  const { db, owner, revision, at, actor, tasks, sweeps } = change
  // After the positions that the change itself has appended.
  const prefix = `${appendedPosition(owner.positionBase + revision)}9`
  let logBytes = 0
  for (const { list, to } of sweeps.filter(sweep => sweep.kind === 'move')) {
    const values = [owner.id, list, revision, at, actor, [...tasks.keys()], to, prefix]
    const [[bytes, count] = []] = await db.query(move, values)
    logBytes += Number(bytes)
    change.rows += Number(count)
  }
  return logBytes
}
