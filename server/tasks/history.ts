import { type Session, statement } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { actions, itemTypes, loggedValue } from './changes.ts'
import { tasks } from './fields.ts'

// The history of a task, from the log: each entry names the revision before it.

export interface HistoryEntry {
  readonly revision: number
  readonly at: string
  readonly action: HistoryAction
  /** As the log stores it: see `Grant.actor`. */
  readonly actor: string
  readonly fields: Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>
}

export const historyActions = [
  'created',
  'updated',
  'moved',
  'completed',
  'reopened',
  'deleted',
  'restored',
] as const
export type HistoryAction = (typeof historyActions)[number]

/** What an action is called outside. Rebalancing and removal for good have no name. */
export function actionName(action: number): HistoryAction | undefined {
  if (action === actions.discarded) return 'created'
  return historyActions.find(name => actions[name] === action)
}

/** $2 task, live or in the trash; $3 revision, or null for the last; $4 how many entries. */
const entries = statement(
  'duly_history',
  `with recursive walk as (
    select changes.revision, changes.before, changes.action, changes.fields, changes.actor, changes.at, 1 as step from duly.tasks
    join duly.changes on changes.user_id = $1 and changes.revision = coalesce($3::bigint, tasks.revision)
      and changes.item_type = ${itemTypes.task} and changes.item_id = $2::bigint
    where tasks.user_id = $1 and tasks.id = $2::bigint
    union all
    select changes.revision, changes.before, changes.action, changes.fields, changes.actor, changes.at, walk.step + 1 from walk join duly.changes
      on changes.user_id = $1 and changes.revision = walk.before and changes.item_type = ${itemTypes.task} and changes.item_id = $2::bigint
    where walk.step < $4::integer
  )
  select walk.revision, walk.before, walk.action, walk.fields::text, walk.actor,
    to_char(walk.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  from walk order by walk.step`,
)
const exists = statement(
  'duly_history_task',
  'select tasks.id from duly.tasks where tasks.user_id = $1 and tasks.id = $2::bigint',
)

/**
 * Newest first, as far back as the log reaches.
 * @param from the revision that the page begins with
 * @returns `next`, where the next page begins
 * @throws AppError `task_not_found`
 */
export async function historyOf(
  db: Session,
  owner: string,
  id: number,
  { from, limit }: { readonly from: number | null; readonly limit: number },
): Promise<{ readonly history: HistoryEntry[]; readonly next: number | null }> {
  const rows = await db.query(entries, [owner, id, from, limit])
  if (rows.length === 0 && (await db.query(exists, [owner, id])).length === 0)
    throw new AppError('task_not_found', 'There is no such task.')
  const history = rows.flatMap(([revision, , action, fields, actor, at]): HistoryEntry[] => {
    const name = actionName(Number(action))
    if (!name) return []
    return [
      {
        revision: Number(revision),
        at: String(at),
        action: name,
        actor: String(actor),
        fields: shown(fields),
      },
    ]
  })
  const before = rows.at(-1)?.[1] ?? null
  return { history, next: rows.length === limit && before !== null ? Number(before) : null }
}

/** The fields that clients see. */
function shown(logged: string | null | undefined): HistoryEntry['fields'] {
  // Written by a write statement.
  const fields = JSON.parse(logged ?? '{}') as Record<string, readonly [unknown, unknown]>
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([name]) => (tasks.shown as readonly string[]).includes(name))
      .map(([name, [from, to]]) => [name, { from: loggedValue(name, from), to: loggedValue(name, to) }]),
  )
}
