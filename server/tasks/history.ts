import { quick, type Session } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { actions, itemTypes, loggedValue, walk } from './changes.ts'
import { tasks } from './fields.ts'

// The history of a task. Each entry of the log names the previous revision.

export interface HistoryEntry {
  readonly revision: number
  readonly at: string
  readonly action: HistoryAction
  /** In the form of the log: see `Grant.actor`. */
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
type HistoryAction = (typeof historyActions)[number]

/** The name of an action in the API; undefined for rebalancing and permanent removal. */
function actionName(action: number): HistoryAction | undefined {
  if (action === actions.discarded) return 'created'
  if (action === actions.deletedInSteps) return 'deleted'
  if (action === actions.restoredInSteps) return 'restored'
  return historyActions.find(name => actions[name] === action)
}

/** $2 task, live or in the trash. */
const lastRevision = quick(
  'duly_history_task',
  'select tasks.revision from duly.tasks where tasks.user_id = $1 and tasks.id = $2::bigint',
)

/**
 * A page of the history, newest first, as far back as the log reaches.
 * @param from the revision at which the page begins
 * @returns `next`: the revision at which the next page begins
 * @throws AppError `task_not_found`
 */
export async function historyOf(
  db: Session,
  owner: string,
  id: number,
  { from, limit }: { readonly from: number | null; readonly limit: number },
): Promise<{ readonly history: HistoryEntry[]; readonly next: number | null }> {
  const [last] = await db.query(lastRevision, [owner, id])
  if (!last) throw new AppError('task_not_found', 'There is no such task.')
  const rows = await db.query(walk, [owner, id, from ?? Number(last[0]), 0, itemTypes.task, limit])
  const history = rows.flatMap(([revision, , fields, at, action, actor]): HistoryEntry[] => {
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
  // Stored by a write statement in this form.
  const fields = JSON.parse(logged ?? '{}') as Record<string, readonly [unknown, unknown]>
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([name]) => (tasks.shown as readonly string[]).includes(name))
      .map(([name, [from, to]]) => [name, { from: loggedValue(name, from), to: loggedValue(name, to) }]),
  )
}
