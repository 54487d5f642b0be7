import { ownerWrite } from '../db/database.ts'
import { type BuiltStatement, Parameters, Shapes } from '../db/shapes.ts'
import type { Field } from '../fields/field.ts'
import { changeBytes } from './bytes.ts'
import { actions, outcomes } from './changes.ts'
import { type TaskField, tasks } from './fields.ts'
import {
  addValues,
  keyParts,
  logged,
  raised,
  returning,
  theTask,
  type WriteContext,
  type WriteOptions,
} from './write-statements.ts'

const shapes = new Shapes('duly_update')

type Sql = string

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
  const bytes = parameters.add(context.quota.bytes, 'bigint')
  const expected = revisions && parameters.add(revisions, 'bigint[]')
  const key = keyParts(parameters, keyed)
  const names = flips ? [flips] : tasks.writable.filter(name => change[name] !== undefined)
  const hasText = names.some(name => name in tasks.sized)
  const live = hasText ? parameters.add(context.quota.liveBytes, 'bigint') : undefined
  const placeholders: Record<string, Sql> = {}
  if (!flips) for (const name of names) addValues(placeholders, name, change[name] ?? null, parameters)
  const shape = [names, flips, expected !== undefined, keyed !== undefined].join(' ')
  const statement = shapes.get(shape, name => {
    const values = newValues(names, placeholders, flips !== undefined)
    return ownerWrite(name, updateSql(values, { actor, bytes, expected, key, live, flips }))
  })
  return { statement, values: parameters.values }
}

/** The SQL of new values. It may refer to `old` and `owner.at`. */
interface NewValues {
  /** By field of the change. */
  readonly given: Readonly<Record<string, Sql>>
  /** By column: those of the fields, those that follow them, and derived ones. */
  readonly columns: Readonly<Record<string, Sql>>
}

function newValues(
  names: readonly TaskField[],
  placeholders: Readonly<Record<string, Sql>>,
  flips: boolean,
): NewValues {
  const derived = Object.entries(placeholders).filter(([column]) => !(column in tasks.fields))
  const columns: Record<string, Sql> = Object.fromEntries(derived)
  const given: Record<string, Sql> = {}
  for (const name of names) {
    const field: Field = tasks.fields[name]
    const placeholder = placeholders[name] ?? 'null'
    const merges = field.kind === 'json' && field.merges
    // Another field may have set the column already, as one that follows it.
    const value = flips
      ? `not old.${name}`
      : merges
        ? merged(columns[name] ?? `old.${name}`, placeholder)
        : placeholder
    given[name] = value
    columns[name] = value
    for (const [other, follow] of Object.entries(field.follows ?? {})) columns[other] = follow(value)
  }
  return { given, columns }
}

/** The placeholders of an update. */
interface Parts {
  readonly actor: Sql
  readonly bytes: Sql
  readonly expected: Sql | undefined
  readonly key: ReturnType<typeof keyParts>
  /** Undefined if the update changes no text, so that the task cannot grow. */
  readonly live: Sql | undefined
  readonly flips: TaskField | undefined
}

function updateSql({ given, columns }: NewValues, { actor, bytes, expected, key, live, flips }: Parts): Sql {
  const names = Object.keys(given)
  const logColumns = Object.keys(columns).filter(column => column in tasks.fields)
  const isChanged =
    Object.entries(given)
      .map(([name, value]) => `tasks.${name} is distinct from ${ofRow(value)}`)
      .join(' or ') || 'false'
  const logBytes = changeBytes(
    names.flatMap(name => {
      const bytesOf = tasks.sized[name]
      return bytesOf ? [ofRow(bytesOf(columns[name] ?? 'null')), bytesOf(`tasks.${name}`)] : []
    }),
  )
  // A new value that depends on old ones is computed once, in `old`.
  const computed = Object.entries(columns).filter(
    ([, value]) => value.includes('old.') && !value.includes('owner.'),
  )
  const assigned: Record<string, Sql> = { ...columns }
  for (const [column] of computed) assigned[column] = `old.new_${column}`
  const old = [
    ...logColumns.map(column => `tasks.${column}`),
    ...computed.map(([column, value]) => `${ofRow(value)} as new_${column}`),
    'tasks.revision',
    `${logBytes} as log_bytes`,
    ...(live ? [`${growthOf(columns)} as growth`] : []),
    ...(key ? ['tasks.updated_at', `(${isChanged}) as is_changed`] : []),
  ]
  const conditions = [
    theTask,
    ...(key ? [key.isNew] : flips ? [] : [`(${isChanged})`]),
    ...(expected ? [`tasks.revision = any(${expected})`] : []),
  ]
  const fits = live ? ` and (old.growth <= 0 or owners.live_bytes + old.growth <= ${live})` : ''
  const set = Object.entries({ ...assigned, updated_at: 'owner.at', revision: 'owner.revision' }).map(
    ([column, value]) => `${column} = ${value}`,
  )
  return `with old as materialized (select ${old.join(', ')} from duly.tasks where ${conditions.join(' and ')}),
      owner as (
        update duly.owners set ${raised('old.log_bytes', key !== undefined, key && 'old.is_changed')}
          ${live ? ', live_bytes = owners.live_bytes + old.growth' : ''}
        from old where owners.id = $1${fits} ${returning(bytes)}
      ),
      logged as (${logged(actionOf(assigned), jsonOf(logColumns, assigned, names), {
        id: '$2::bigint',
        before: 'old.revision',
        actor,
        bytes: 'old.log_bytes',
        from: `old, owner ${key ? 'where old.is_changed' : ''}`,
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
      update duly.tasks set ${set.join(', ')}
      from old, owner where tasks.user_id = $1 and tasks.id = $2::bigint ${key ? 'and old.is_changed' : ''}
      returning ${tasks.columns('tasks')}, owner.needs_reclaim, owner.epoch`
}

/** SQL on the old row, for the part of the statement that reads it. */
const ofRow = (sql: Sql) => sql.replaceAll('old.', 'tasks.')

/** The bytes by which the new texts are longer than the old ones. */
function growthOf(columns: NewValues['columns']): Sql {
  const growths = Object.entries(columns).flatMap(([column, value]) => {
    const bytesOf = tasks.sized[column]
    return bytesOf ? [`${ofRow(bytesOf(value))} - ${bytesOf(`tasks.${column}`)}`] : []
  })
  return growths.join(' + ')
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
