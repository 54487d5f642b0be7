import type { Value } from '../db/database.ts'
import type { Parameters } from '../db/shapes.ts'
import { type Field, sqlTypes, valueIn } from '../fields/field.ts'
import { keyBytes } from './bytes.ts'
import { itemTypes } from './changes.ts'
import { type TaskField, tasks } from './fields.ts'
import { isLive } from './is-live.ts'
import type { Keyed } from './keys.ts'
import type { Quota } from './storage.ts'
import { needsReclaim } from './storage-statements.ts'

// The parts that the statements of creates, updates and removals have in common.
//
// A write is one statement. A statement that locks the owner precedes it in the same packet and
// transaction, so it sees what earlier writes did. It reads the old row, increments the owner's
// revision, appends to the change log, stores the idempotency key and changes the row. It returns
// no row if the task is missing or unchanged, has another revision, the key is used, or the storage
// is full; keys.ts then tells which.
//
// `$1` is the owner, for every table. A write is never dated before the owner's last write, so
// times and revisions of one owner have the same order, also after the clock was set back.

/** The task `$2`. */
export const theTask = `tasks.user_id = $1 and tasks.id = $2::bigint and ${isLive}`

/** Common to all writes. */
export interface WriteContext {
  readonly owner: string
  /** Stored with each change: see `Grant.actor`. */
  readonly actor: string
  readonly quota: Quota
}

export interface WriteOptions {
  /** The write is executed only if the task has one of these revisions. */
  readonly revisions?: readonly number[] | undefined
  /** The write is executed at most once for this key. */
  readonly keyed?: Keyed | undefined
}

/** The parts of a statement that concern its idempotency key. */
export function keyParts(parameters: Parameters, keyed: Keyed | undefined) {
  if (!keyed) return undefined
  const [key, fingerprint, claim] = [
    parameters.add(keyed.key, 'uuid'),
    parameters.add(keyed.fingerprint, 'uuid'),
    parameters.add(keyed.claim, 'integer'),
  ]
  return {
    isNew: `not exists (select from duly.keys where keys.user_id = $1 and keys.key = ${key})`,
    /**
     * @param of task, revision, outcome, time, and the update time of a task that was not changed
     */
    claimed: (
      of: readonly [id: string, revision: string, outcome: string, at: string, itemAt?: string],
      from: string,
    ) =>
      `, claimed as (
        insert into duly.keys (user_id, key, fingerprint, claim, item_type, item_id, revision, outcome, at, item_at)
        select $1, ${key}, ${fingerprint}, ${claim}, ${itemTypes.task}, ${of.slice(0, 4).join(', ')}, ${of[4] ?? 'null::timestamptz'} from ${from}
      )`,
  }
}

/**
 * The owner's counters after a write.
 * @param changed a condition that is false where only a key is stored
 */
export const raised = (logBytes: string, hasKey: boolean, changed?: string) => {
  const count = changed === undefined ? '1' : `(${changed})::integer`
  const clock = 'greatest(owners.written_at, statement_timestamp())'
  const bytes = changed === undefined ? logBytes : `case when ${changed} then ${logBytes} else 0 end`
  return [
    `revision = owners.revision + ${count}`,
    // Falls behind for good when a writer does not update the counters: see storage.ts.
    `counted_revision = owners.counted_revision + ${count}`,
    `written_at = ${changed === undefined ? clock : `case when ${changed} then ${clock} else owners.written_at end`}`,
    `history_from = least(owners.history_from, statement_timestamp())`,
    `log_bytes = owners.log_bytes + ${bytes}`,
    ...(hasKey ? [`key_bytes = owners.key_bytes + ${keyBytes()}`] : []),
  ].join(', ')
}

export const returning = (bytes: string) =>
  `returning owners.revision, owners.written_at as at, ${needsReclaim(bytes)} as needs_reclaim, owners.epoch`

export const logged = (
  action: string,
  fields: string,
  of: { id: string; before: string; actor: string; bytes: string; from: string },
) =>
  `insert into duly.changes (user_id, revision, item_type, item_id, action, fields, before, actor, at, bytes)
  select $1, owner.revision, ${itemTypes.task}, ${of.id}, ${action}, ${fields}, ${of.before}, ${of.actor}, owner.at, ${of.bytes} from ${of.from}`

/** Adds parameters for the value of a field and for the columns that are derived from it. */
export function addValues(
  placeholders: Record<string, string>,
  name: TaskField,
  value: unknown,
  parameters: Parameters,
): void {
  const field: Field = tasks.fields[name]
  placeholders[name] = parameters.add(valueIn(field, value), sqlTypes[field.kind])
  if (field.kind !== 'text' && field.kind !== 'json') return
  // Each `of` takes the values of its field.
  for (const [column, { type, of }] of Object.entries(field.derived ?? {}))
    placeholders[column] = parameters.add(
      value === null ? null : (of as (value: unknown) => Value)(value),
      type,
    )
}
