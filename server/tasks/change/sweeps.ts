import { statement } from '../../db/database.ts'
import { changeBytes, taskBytesIn } from '../bytes.ts'
import { actions, itemTypes } from '../changes.ts'
import { isLive } from '../is-live.ts'
import { appendedPosition } from '../position.ts'
import type { Change, Sweep } from './change.ts'
import type { Stored } from './save.ts'

// Statements that change all tasks of a list, whatever their number, without reading them. $1
// owner, $2 list, $3 revision, $4 time, $5 actor, $6 tasks to leave out: the change has read them.

const bytes = taskBytesIn('tasks')

/** @param parts SQL; `logged`: the bytes of each logged value */
function sweep(
  name: string,
  parts: { where: string; old?: string; set: string; action: number; fields: string; logged?: string[] },
) {
  const { where, old = '', set, action, fields, logged = [] } = parts
  const entryBytes = changeBytes(logged)
  return statement(
    `duly_sweep_${name}`,
    `with old as materialized (
      select tasks.id, tasks.revision ${old} from duly.tasks
      where tasks.user_id = $1 and tasks.list_id = $2::bigint and ${where} and tasks.id <> all($6::bigint[])
    ),
    written as (
      update duly.tasks set ${set}, revision = $3::bigint, updated_at = $4::text::timestamptz
      from old where tasks.user_id = $1 and tasks.id = old.id returning tasks.id, ${bytes} as bytes
    ),
    logged as (
      insert into duly.changes (user_id, revision, item_type, item_id, action, fields, before, actor, at, bytes)
      select $1, $3::bigint, ${itemTypes.task}, old.id, ${action}, ${fields}, old.revision, $5, $4::text::timestamptz, ${entryBytes} from old
      returning bytes
    )
    select (select count(*) from written), (select coalesce(sum(bytes), 0) from written), (select coalesce(sum(bytes), 0) from logged)`,
  )
}

const statements = {
  trash: sweep('trash', {
    where: isLive,
    set: 'deleted_at = $4::text::timestamptz',
    action: actions.deleted,
    fields: 'null',
  }),
  /** $7 the revision of the change that deleted them. */
  restore: sweep('restore', {
    where: `tasks.deleted_at is not null and tasks.revision = $7::bigint`,
    set: 'deleted_at = null',
    action: actions.restored,
    fields: 'null',
  }),
  /** $7 the other list, $8 the prefix of their positions there. */
  move: sweep('move', {
    where: isLive,
    old: `, tasks.position, case when tasks.parent_id is null
      then $8::text || lpad((row_number() over (order by tasks.position, tasks.id))::text, 6, '0') || 'V' else tasks.position end as place`,
    set: 'list_id = $7::bigint, position = old.place',
    action: actions.moved,
    fields: `jsonb_build_object('list_id', jsonb_build_array($2::bigint, $7::bigint)) || case when old.position = old.place then '{}'
      else jsonb_build_object('position', jsonb_build_array(old.position, old.place)) end`,
    logged: ['100'],
  }),
}

/**
 * Runs the sweeps of a change after its items are stored, and adds their effect to `stored`.
 * @returns how many tasks were changed, and the bytes of the log
 */
export async function runSweeps(
  change: Change,
  stored: Stored,
): Promise<{ count: number; logBytes: number }> {
  let [count, logBytes] = [0, 0]
  for (const one of change.sweeps) {
    const read = [...change.tasks.keys()]
    const { id } = change.owner
    const values = [id, one.list, change.revision, change.at, change.actor, read, ...extraOf(change, one)]
    const [row = []] = await change.db.query(statements[one.kind], values)
    const [tasks = 0, size = 0, logged = 0] = row.map(Number)
    count += tasks
    logBytes += logged
    if (one.kind === 'trash') {
      stored.tasks -= tasks
      stored.live -= size
      stored.trash += size
    } else if (one.kind === 'restore') {
      stored.tasks += tasks
      stored.live += size
      stored.trash -= size
    }
  }
  return { count, logBytes }
}

function extraOf({ owner, revision }: Change, { kind, to, revision: deletedBy }: Sweep) {
  if (kind === 'restore') return [deletedBy ?? 0]
  // After the positions that the change itself has appended.
  if (kind === 'move') return [to ?? null, `${appendedPosition(owner.positionBase + revision)}9`]
  return []
}
