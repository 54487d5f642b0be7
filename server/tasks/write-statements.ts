import { ownerWrite, type Value } from '../db/database.ts'
import { type BuiltStatement, Parameters, Shapes } from '../db/shapes.ts'
import { type Field, sqlTypes, valueIn } from '../fields/field.ts'
import { changeBytes, keyBytes, taskBytes, taskBytesIn } from './bytes.ts'
import { actions, itemTypes, outcomes } from './changes.ts'
import { type TaskField, tasks } from './fields.ts'
import type { Keyed } from './keys.ts'
import { needsReclaim } from './storage-statements.ts'

// A write is one statement. A statement that locks the owner precedes it in the same packet and
// transaction, so it sees what earlier writes did. It reads the old row, increments the owner's
// revision, appends to the change log, stores the idempotency key and changes the row. It returns
// no row if the task is missing or unchanged, has another revision, the key is used, or the storage
// is full; keys.ts then tells which.
//
// `$1` is the owner, for every table. A write is never dated before the owner's last write, so
// times and revisions of one owner have the same order, also after the clock was set back.

const creates = new Shapes('duly_create')
const updates = new Shapes('duly_update')
const removals = new Shapes('duly_delete')
const table = 'duly.tasks'
const itemType = itemTypes.task
// Means `deleted_at is null`, in a form that does not match the partial index of lists. Without
// statistics, as on the embedded database, the planner would read the owner's whole list by it.
const one = `tasks.user_id = $1 and tasks.id = $2::bigint and coalesce(tasks.deleted_at, 'infinity') = 'infinity'`

/** Common to all writes. */
export interface WriteContext {
  readonly owner: string
  /** Stored with each change: see `Grant.actor`. */
  readonly actor: string
  /** Maximum bytes of live tasks, and of everything. */
  readonly liveBytes: number
  readonly bytes: number
}

export interface WriteOptions {
  /** The write is executed only if the task has one of these revisions. */
  readonly revisions?: readonly number[] | undefined
  /** The write is executed at most once for this key. */
  readonly keyed?: Keyed | undefined
}

/** The parts of a statement that concern its idempotency key. */
function keyParts(parameters: Parameters, keyed: Keyed | undefined) {
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
        select $1, ${key}, ${fingerprint}, ${claim}, ${itemType}, ${of.slice(0, 4).join(', ')}, ${of[4] ?? 'null::timestamptz'} from ${from}
      )`,
  }
}

/**
 * The owner's counters after a write.
 * @param changed a condition that is false where only a key is stored
 */
const raised = (logBytes: string, hasKey: boolean, changed?: string) => {
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

const returning = (bytes: string) =>
  `returning owners.revision, owners.written_at as at, ${needsReclaim(bytes)} as needs_reclaim, owners.epoch`

/**
 * SQL: a position after all siblings. It is the key of an integer in `fractional-indexing`, whose
 * first character encodes the number of digits.
 */
const appended = (number: string) => `chr(96 + length((${number})::text)) || (${number})::text`

const logged = (
  action: string,
  fields: string,
  of: { id: string; before: string; actor: string; bytes: string; from: string },
) =>
  `insert into duly.changes (user_id, revision, item_type, item_id, action, fields, before, actor, at, bytes)
  select $1, owner.revision, ${itemType}, ${of.id}, ${action}, ${fields}, ${of.before}, ${of.actor}, owner.at, ${of.bytes} from ${of.from}`

/** Creates a task, and the owner if necessary. `tasks` is the maximum number of tasks. */
export function createStatement(
  context: WriteContext & { readonly tasks: number },
  task: Readonly<Record<string, unknown>>,
  { keyed }: WriteOptions,
): BuiltStatement {
  const parameters = new Parameters(context.owner)
  const actor = parameters.add(context.actor, 'text')
  const [most, live, bytes] = [
    parameters.add(context.tasks, 'bigint'),
    parameters.add(context.liveBytes, 'bigint'),
    parameters.add(context.bytes, 'bigint'),
  ]
  const key = keyParts(parameters, keyed)
  const names = tasks.writable.filter(
    name => (task[name] ?? null) !== null || 'initial' in tasks.fields[name],
  )
  const placeholders: Record<string, string> = {}
  for (const name of names) {
    const { initial }: Field = tasks.fields[name]
    addValues(placeholders, name, task[name] ?? initial ?? null, parameters)
  }
  const statement = creates.get([names, keyed !== undefined].join(' '), name => {
    const columns = { ...placeholders }
    for (const given of names) {
      const { follows = {} }: Field = tasks.fields[given]
      for (const [other, follow] of Object.entries(follows))
        if (!isWritable(other))
          columns[other] = follow(columns[given] ?? 'null').replaceAll(`old.${other}`, 'null')
    }
    const log = changeBytes()
    const inList = columns.list_id
      ? `and exists (select from duly.lists where lists.user_id = $1 and lists.id = ${columns.list_id} and lists.deleted_at is null)`
      : ''
    const firstBytes = taskBytes('$1', column => columns[column] ?? 'null')
    return ownerWrite(
      name,
      `with owner as (
        insert into duly.owners (id, revision, counted_revision, task_count, written_at, history_from, live_bytes, log_bytes, key_bytes)
        select $1, 1, 1, 1, statement_timestamp(), statement_timestamp(), ${firstBytes}, ${log}, ${key ? keyBytes() : '0'}
        where ${firstBytes} <= ${live} ${key ? `and ${key.isNew}` : ''} ${inList}
        on conflict (id) do update set revision = owners.revision + 1, counted_revision = owners.counted_revision + 1,
          task_count = owners.task_count + 1, written_at = greatest(owners.written_at, excluded.written_at),
          history_from = least(owners.history_from, excluded.history_from),
          live_bytes = owners.live_bytes + excluded.live_bytes, log_bytes = owners.log_bytes + excluded.log_bytes,
          key_bytes = owners.key_bytes + excluded.key_bytes
        where owners.task_count < ${most} and owners.live_bytes + excluded.live_bytes <= ${live} ${returning(bytes)}, owners.position_base
      ),
      made as (
        insert into ${table} (user_id, ${Object.keys(columns).join(', ')}, position, created_at, updated_at, revision)
        select $1, ${Object.values(columns).join(', ')}, ${appended('owner.revision + owner.position_base')}, owner.at, owner.at, owner.revision from owner
        returning ${tasks.columns('tasks')}
      ),
      logged as (${logged(`${actions.created}`, 'null', { id: 'made.id', before: 'null', actor, bytes: log, from: 'made, owner' })})
      ${key?.claimed(['made.id', 'owner.revision', `${outcomes.created}`, 'owner.at'], 'made, owner') ?? ''}
      select made.*, owner.needs_reclaim, owner.epoch from made, owner`,
    )
  })
  return { statement, values: parameters.values }
}

/**
 * Changes fields of a task, and the columns that follow them.
 * @param change values by field
 * @param options `flips`: a boolean field to invert, instead of `change`
 */
export function updateStatement(
  context: WriteContext,
  id: number,
  change: Readonly<Record<string, unknown>>,
  { keyed, revisions, flips }: WriteOptions & { readonly flips?: TaskField },
): BuiltStatement {
  const parameters = new Parameters(context.owner)
  parameters.add(id, 'bigint')
  const actor = parameters.add(context.actor, 'text')
  const bytes = parameters.add(context.bytes, 'bigint')
  const expected = revisions && parameters.add(revisions, 'bigint[]')
  const key = keyParts(parameters, keyed)
  const names = flips ? [flips] : tasks.writable.filter(name => change[name] !== undefined)
  const hasText = names.some(name => name in tasks.sized)
  const live = hasText ? parameters.add(context.liveBytes, 'bigint') : ''
  const placeholders: Record<string, string> = {}
  if (!flips) for (const name of names) addValues(placeholders, name, change[name] ?? null, parameters)
  const shape = [names, flips, expected !== undefined, keyed !== undefined].join(' ')
  const statement = updates.get(shape, name => {
    const derived = Object.entries(placeholders).filter(([column]) => !(column in tasks.fields))
    /** The SQL of each new value. It may refer to `old` and `owner.at`. */
    const columns: Record<string, string> = Object.fromEntries(derived)
    const inputs = names.map(name => {
      const field: Field = tasks.fields[name]
      const placeholder = placeholders[name] ?? 'null'
      const merges = field.kind === 'json' && field.merges
      const given = flips
        ? `not old.${name}`
        : merges
          ? merged(columns[name] ?? `old.${name}`, placeholder)
          : placeholder
      columns[name] = given
      for (const [other, follow] of Object.entries(field.follows ?? {})) columns[other] = follow(given)
      return { name, given }
    })
    const sized = Object.entries(columns).flatMap(([column, sql]) => {
      const bytesOf = tasks.sized[column]
      return bytesOf ? [{ new: bytesOf(sql), old: bytesOf(`old.${column}`) }] : []
    })
    const logColumns = Object.keys(columns).filter(column => column in tasks.fields)
    const inOld = (sql: string) => sql.replaceAll('old.', 'tasks.')
    const changes = inputs.map(({ name, given }) => `tasks.${name} is distinct from ${inOld(given)}`)
    const grows = sized.map(bytes => `${inOld(bytes.new)} - ${inOld(bytes.old)}`)
    const loggedBytes = inputs.flatMap(({ name }) => {
      const bytesOf = tasks.sized[name]
      return bytesOf ? [inOld(bytesOf(columns[name] ?? 'null')), bytesOf(`tasks.${name}`)] : []
    })
    const logBytes = changeBytes(loggedBytes)
    const isChanged = changes.join(' or ') || 'false'
    // A new value that depends on old ones is computed once, in `old`.
    const computed = Object.entries(columns).filter(
      ([, sql]) => sql.includes('old.') && !sql.includes('owner.'),
    )
    for (const [column] of computed) columns[column] = `old.new_${column}`
    const old = [
      ...logColumns.map(column => `tasks.${column}`),
      ...computed.map(([column, sql]) => `${inOld(sql)} as new_${column}`),
      'tasks.revision',
      `${logBytes} as log_bytes`,
      ...(hasText ? [`${grows.join(' + ')} as growth`] : []),
      ...(key ? ['tasks.updated_at', `(${isChanged}) as is_changed`] : []),
    ]
    const conditions = [
      one,
      ...(key ? [key.isNew] : flips ? [] : [`(${isChanged})`]),
      ...(expected ? [`tasks.revision = any(${expected})`] : []),
    ]
    const onlyChanged = key ? 'where old.is_changed' : ''
    const room = hasText ? ` and (old.growth <= 0 or owners.live_bytes + old.growth <= ${live})` : ''
    const set = Object.entries({ ...columns, updated_at: 'owner.at', revision: 'owner.revision' }).map(
      ([column, value]) => `${column} = ${value}`,
    )
    return ownerWrite(
      name,
      `with old as materialized (select ${old.join(', ')} from ${table} where ${conditions.join(' and ')}),
      owner as (
        update duly.owners set ${raised('old.log_bytes', key !== undefined, key && 'old.is_changed')}
          ${hasText ? ', live_bytes = owners.live_bytes + old.growth' : ''}
        from old where owners.id = $1${room} ${returning(bytes)}
      ),
      logged as (${logged(actionOf(columns), jsonOf(logColumns, columns, names), {
        id: '$2::bigint',
        before: 'old.revision',
        actor,
        bytes: 'old.log_bytes',
        from: `old, owner ${onlyChanged}`,
      })})
      ${
        key?.claimed(
          [
            '$2::bigint',
            'case when old.is_changed then owner.revision else old.revision end',
            `case when old.is_changed then ${outcomes.updated} else ${outcomes.unchanged} end`,
            'greatest(owner.at, statement_timestamp())',
            'case when not old.is_changed then old.updated_at end',
          ],
          'old, owner',
        ) ?? ''
      }
      update ${table} set ${set.join(', ')}
      from old, owner where tasks.user_id = $1 and tasks.id = $2::bigint ${key ? 'and old.is_changed' : ''}
      returning ${tasks.columns('tasks')}, owner.needs_reclaim, owner.epoch`,
    )
  })
  return { statement, values: parameters.values }
}

/**
 * Moves a task without children to the trash. The row is its own tombstone until a job removes it,
 * or until the storage is full.
 */
export function removeStatement(
  context: WriteContext,
  id: number,
  { keyed, revisions }: WriteOptions,
): BuiltStatement {
  const parameters = new Parameters(context.owner)
  parameters.add(id, 'bigint')
  const [actor, bytes] = [parameters.add(context.actor, 'text'), parameters.add(context.bytes, 'bigint')]
  const expected = revisions && parameters.add(revisions, 'bigint[]')
  const key = keyParts(parameters, keyed)
  const statement = removals.get(`${expected !== undefined} ${keyed !== undefined}`, name => {
    const log = changeBytes()
    const conditions = [
      one,
      ...(key ? [key.isNew] : []),
      ...(expected ? [`tasks.revision = any(${expected})`] : []),
      // `removeTask` in change/ removes a task with its children.
      'not exists (select from duly.tasks as child where child.user_id = $1 and child.parent_id = $2::bigint and child.deleted_at is null)',
    ]
    return ownerWrite(
      name,
      `with old as materialized (
        select tasks.revision, ${taskBytesIn('tasks')} as bytes from ${table} where ${conditions.join(' and ')}
      ),
      owner as (
        update duly.owners set ${raised(log, key !== undefined)}, task_count = owners.task_count - 1,
          live_bytes = owners.live_bytes - old.bytes, trash_bytes = owners.trash_bytes + old.bytes
        from old where owners.id = $1 ${returning(bytes)}
      ),
      logged as (${logged(`${actions.deleted}`, 'null', { id: '$2::bigint', before: 'old.revision', actor, bytes: log, from: 'old, owner' })})
      ${key?.claimed(['$2::bigint', 'owner.revision', `${outcomes.deleted}`, 'owner.at'], 'owner') ?? ''}
      update ${table} set deleted_at = owner.at, updated_at = owner.at, revision = owner.revision
      from owner where tasks.user_id = $1 and tasks.id = $2::bigint
      returning owner.needs_reclaim, owner.revision, owner.epoch`,
    )
  })
  return { statement, values: parameters.values }
}

const isWritable = (name: string) => (tasks.writable as readonly string[]).includes(name)

/** Adds parameters for the value of a field and for the columns that are derived from it. */
function addValues(
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

/** SQL: an object after a merge patch; null if the result is empty and there was no object. */
const merged = (old: string, patch: string) =>
  `case when ${old} is null then nullif(jsonb_strip_nulls(${patch}), '{}') else jsonb_strip_nulls((${old}) || ${patch}) end`

/**
 * SQL: `{"title": ["old", "new"]}` of the fields that change. A single given field always changes:
 * otherwise there is nothing to log.
 */
function jsonOf(
  names: readonly string[],
  columns: Readonly<Record<string, string>>,
  given: readonly string[],
): string {
  const pairs = names.map(name => {
    const pair = `jsonb_build_object('${name}', jsonb_build_array(old.${name}, ${columns[name]}))`
    const isChanged = `old.${name} is distinct from ${columns[name]}`
    return given.length === 1 && given[0] === name
      ? pair
      : `case when ${isChanged} then ${pair} else '{}' end`
  })
  return pairs.join(' || ') || 'null'
}

/** SQL: the action of an update. Completing and reopening have their own. */
function actionOf(columns: Readonly<Record<string, string>>): string {
  const done = columns.is_completed
  if (done === undefined) return `${actions.updated}`
  return `case when old.is_completed = (${done}) then ${actions.updated} when old.is_completed then ${actions.reopened} else ${actions.completed} end`
}
