import { type Session, statement } from '../db/database.ts'
import type { Field, Fields } from '../fields/field.ts'
import { tasks } from './fields.ts'

// The change log: an entry for each item of each change. `before` is the item's previous revision,
// so the history of an item is read by primary key. The entry of a create has no values: they are
// in the row and in later entries.

/** Values of `item_type`. */
export const itemTypes = { task: 1, list: 2, settings: 3 } as const

/** Values of `action`. */
export const actions = {
  created: 1,
  updated: 2,
  completed: 3,
  reopened: 4,
  deleted: 5,
  moved: 6,
  restored: 7,
  /** Created and moved to the trash by one change. Shown as `created`. */
  discarded: 8,
  /** Moved only to make room for a sibling. The history does not show it; undo ignores it. */
  rebalanced: 9,
  /** Removed permanently, with the values in its history. */
  purged: 10,
  /** Deleted with its list, or restored with it, by a change in steps. Shown without the steps. */
  deletedInSteps: 11,
  restoredInSteps: 12,
} as const

/** What a keyed write did: values of `outcome`. */
export const outcomes = { unchanged: 0, created: 1, updated: 2, deleted: 3 } as const

const stepsAtOnce = 500

/** At most $6 entries of item $2 of type $5, from revision $3 back to $4, newest first. */
export const walk = statement(
  'duly_change_walk',
  `with recursive walk as (
    select changes.revision, changes.before, changes.fields, changes.at, changes.action, changes.actor, 1 as step from duly.changes
    where changes.user_id = $1 and changes.revision = $3::bigint and changes.item_type = $5::smallint and changes.item_id = $2::bigint
    union all
    select changes.revision, changes.before, changes.fields, changes.at, changes.action, changes.actor, walk.step + 1 from walk join duly.changes
    on changes.user_id = $1 and changes.revision = walk.before and changes.item_type = $5::smallint and changes.item_id = $2::bigint
    where walk.revision > $4::bigint and walk.step < $6::integer
  )
  select walk.revision, walk.before, walk.fields::text, to_char(walk.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    walk.action, walk.actor
  from walk order by walk.step`,
)

/** A kind of item: tasks or lists. */
interface Kind {
  readonly type: number
  readonly fields: Fields
}

const taskKind: Kind = { type: itemTypes.task, fields: tasks.fields }

/**
 * An item at an earlier revision, rebuilt from its current state and its log.
 * @param updatedAt its update time at that revision, if known
 * @returns undefined if the log does not reach back so far
 */
export async function itemAt<Item extends { readonly id: number; readonly revision: number }>(
  db: Session,
  owner: string,
  item: Item,
  revision: number,
  {
    kind: { type, fields: table } = taskKind,
    updatedAt,
  }: { kind?: Kind; updatedAt?: string | undefined } = {},
): Promise<Item | undefined> {
  const past: Record<string, unknown> = { ...item, revision }
  if (updatedAt !== undefined) past.updated_at = updatedAt
  let from: number | undefined = item.revision
  while (from !== undefined && from > revision) {
    const asked = [owner, item.id, from, revision, type, stepsAtOnce]
    const rows: (readonly (string | null)[])[] = await db.query(walk, asked)
    if (rows.length === 0) return undefined
    for (const [at, before, fields] of rows) {
      if (Number(at) <= revision) break
      // Stored by a write statement in this form.
      const changed = JSON.parse(fields ?? '{}') as Record<string, readonly [unknown, unknown]>
      for (const [name, [old]] of Object.entries(changed)) past[name] = loggedValue(name, old, table)
      from = before === null ? undefined : Number(before)
    }
  }
  if (from !== revision) return undefined
  if (updatedAt === undefined) {
    const [entry] = await db.query(walk, [owner, item.id, revision, revision, type, 1])
    if (!entry) return undefined
    past.updated_at = entry[3]
  }
  // From the log, so each name is a field and each value was stored in it.
  return past as unknown as Item
}

/** A value of the log as a value of the field. @param fields of the kind of item */
export function loggedValue(name: string, logged: unknown, fields: Fields = tasks.fields): unknown {
  const field: Field | undefined = fields[name]
  if (field?.kind === 'time') return timeIn(logged)
  return field?.kind === 'json' ? (logged ?? field.empty) : logged
}

/** PostgreSQL's JSON of a time, `2026-01-31T09:30:00.1+00:00`, with six decimals and `Z`. */
function timeIn(value: unknown): unknown {
  const [, second, fraction = ''] = /^(.{19})(?:\.(\d+))?\+00:00$/.exec(String(value)) ?? []
  return second === undefined ? value : `${second}.${fraction.padEnd(6, '0')}Z`
}
