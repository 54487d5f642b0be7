import { type Element, type Session, type Statement, statement, type Value } from '../../db/database.ts'
import { arrayLiteral } from '../../db/rows-query.ts'
import { Shapes } from '../../db/shapes.ts'
import { type Field, type Fields, sqlTypes, valueIn } from '../../fields/field.ts'
import { changeOverhead, taskBytesIn } from '../bytes.ts'
import { actions, itemTypes } from '../changes.ts'
import { tasks } from '../fields.ts'
import { lists } from '../list-fields.ts'
import { isSame } from '../rules.ts'
import type { Change, Tracked } from './change.ts'
import type { ListRow, TaskRow } from './rows.ts'

// Stores the items of a change: one statement for all new items, and one for each set of changed
// fields. Values are sent as arrays, one for each column. `$1` is the owner, `$2` the revision and
// `$3` the time of the change.

type Row = TaskRow | ListRow
type Values = Readonly<Record<string, unknown>>

/** How a statement has changed the owner's counters. */
export interface Stored {
  tasks: number
  /** Bytes. */
  live: number
  trash: number
}

/** An entry of the change log. */
export interface Entry {
  readonly type: number
  readonly id: number
  readonly action: number
  readonly fields: Values | null
  readonly before: number | null
}

/** A column of the rows that a statement stores. */
interface Column {
  readonly name: string
  /** A PostgreSQL type. */
  readonly type: string
  readonly of: (row: Row) => Element
}

interface Table {
  readonly name: 'tasks' | 'lists'
  readonly itemType: number
  readonly fields: Fields
  /** SQL: the bytes of a row. */
  readonly bytes: string
}

export const tables = {
  tasks: {
    name: 'tasks',
    itemType: itemTypes.task,
    fields: tasks.fields as Fields,
    bytes: taskBytesIn('tasks'),
  },
  lists: { name: 'lists', itemType: itemTypes.list, fields: lists.fields as Fields, bytes: '0' },
} satisfies Record<string, Table>

const unlogged = new Set(['id', 'created_at', 'updated_at', 'revision'])
/** The fields that most new tasks set. */
const usual = new Set(['title', 'description', 'is_completed', 'list_id', 'parent_id', 'position'])
const inserts = new Shapes('duly_change_insert')
const updates = new Shapes('duly_change_update')

/** The entries of the log for a change. */
export function entriesOf(change: Change): Entry[] {
  const swept = new Set(change.sweeps.flatMap(({ kind, list }) => (kind === 'move' ? [] : [list])))
  return [
    ...[...change.lists.values()].flatMap(item => entryOf(tables.lists, item, swept.has(item.now.id))),
    ...[...change.tasks.values()].flatMap(item => entryOf(tables.tasks, item, change.isStep)),
  ]
}

/** @param inSteps whether the change has several revisions */
function entryOf(table: Table, { before, now, isRebalanced }: Tracked<Row>, inSteps: boolean): Entry[] {
  const { id } = now
  const type = table.itemType
  if (!before) {
    const action = now.deleted_at === null ? actions.created : actions.discarded
    return [{ type, id, action, fields: null, before: null }]
  }
  const names = changedNames(table, before, now)
  const wasLive = before.deleted_at === null
  const isLive = now.deleted_at === null
  if (names.length === 0 && wasLive === isLive) return []
  const read = (row: Row, name: string) => (row as unknown as Values)[name]
  const fields = Object.fromEntries(names.map(name => [name, [read(before, name), read(now, name)]]))
  const action = actionOf({ wasLive, isLive, names, now, isRebalanced: isRebalanced ?? false, inSteps })
  return [{ type, id, action, fields: names.length > 0 ? fields : null, before: before.revision }]
}

function changedNames({ fields }: Table, before: Row, now: Row): string[] {
  if (before === now) return []
  return Object.keys(fields).filter(
    name =>
      !unlogged.has(name) && !isSame((before as unknown as Values)[name], (now as unknown as Values)[name]),
  )
}

/** The action of an entry: the first that applies. */
function actionOf(item: {
  readonly wasLive: boolean
  readonly isLive: boolean
  readonly names: readonly string[]
  readonly now: Row
  readonly isRebalanced: boolean
  readonly inSteps: boolean
}): number {
  const { wasLive, isLive, names, now, isRebalanced, inSteps } = item
  if (wasLive && !isLive) return inSteps ? actions.deletedInSteps : actions.deleted
  if (!wasLive && isLive) return inSteps ? actions.restoredInSteps : actions.restored
  if (isRebalanced && names.every(name => name === 'position')) return actions.rebalanced
  if (names.some(name => ['list_id', 'parent_id', 'position'].includes(name))) return actions.moved
  if ('is_completed' in now && names.includes('is_completed'))
    return now.is_completed ? actions.completed : actions.reopened
  return actions.updated
}

/** Stores the rows of a change, and logs the new ones. */
export async function saveItems(change: Change): Promise<Stored> {
  const stored: Stored = { tasks: 0, live: 0, trash: 0 }
  const work = [
    ...save(change, tables.lists, [...change.lists.values()]),
    ...save(change, tables.tasks, [...change.tasks.values()]),
  ]
  for (const [[count, live, trash] = []] of await Promise.all(work)) {
    stored.tasks += Number(count ?? 0)
    stored.live += Number(live ?? 0)
    stored.trash += Number(trash ?? 0)
  }
  return stored
}

function save(change: Change, table: Table, items: readonly Tracked<Row>[]) {
  const { db, owner } = change
  const groups = new Map<string, Row[]>()
  const created: Row[] = []
  const keptTimes = new Set<Row>()
  for (const { before, now, keepsTimes } of items) {
    if (keepsTimes) keptTimes.add(now)
    if (!before) created.push(now)
    else {
      const names = changedNames(table, before, now)
      if ((before.deleted_at === null) !== (now.deleted_at === null)) names.push('deleted_at')
      const shape = names.join(' ')
      const group = groups.get(shape)
      if (group) group.push(now)
      else if (shape !== '') groups.set(shape, [now])
    }
  }
  const times = (['created_at', 'updated_at'] as const).map(name => ({
    ...{ name, type: 'timestamptz' },
    of: (row: Row) => (keptTimes.has(row) ? row[name] : null),
  }))
  const store = (made: Statement, columns: readonly Column[], rows: readonly Row[], more: Value[] = []) => {
    const arrays = columns.map(({ of }) => rows.map(of))
    return db.query(made, [owner.id, change.revision, change.at, ...more, ...arrays])
  }
  const writes = [...groups].map(([shape, rows]) => {
    const columns = [...columnsOf(table, ['id', ...shape.split(' ')]), ...times.slice(1)]
    return store(updateStatement(table, shape, columns), columns, rows)
  })
  if (created.length === 0) return writes
  const names = [...Object.keys(table.fields).filter(name => !unlogged.has(name)), 'deleted_at']
  const isUsual =
    table.name === 'tasks' &&
    keptTimes.size === 0 &&
    names.every(
      name =>
        usual.has(name) || created.every(row => isNone(table.fields[name], (row as unknown as Values)[name])),
    )
  const columns = isUsual
    ? columnsOf(table, ['id', ...usual])
    : [...columnsOf(table, ['id', ...names]), ...times]
  const log = [change.actor, changeOverhead(owner.id)]
  return [...writes, store(insertStatement(table, columns), columns, created, log)]
}

const isNone = (field: Field | undefined, value: unknown): boolean =>
  value === null || (field?.kind === 'json' && isSame(value, field.empty))

/** The columns of some fields, and those that are derived from them. */
function columnsOf({ fields }: Table, names: readonly string[]): Column[] {
  return names.flatMap((name): Column[] => {
    const field: Field | undefined = fields[name]
    const read = (row: Row) => (row as unknown as Values)[name]
    if (!field) return [{ name, type: 'timestamptz', of: row => read(row) as Element }]
    const derived = field.kind === 'text' || field.kind === 'json' ? Object.entries(field.derived ?? {}) : []
    return [
      { name, type: sqlTypes[field.kind], of: row => valueIn(field, read(row)) },
      ...derived.map(([column, { type, of }]) => ({
        ...{ name: column, type },
        of: (row: Row) => derivedOf(of, read(row)),
      })),
    ]
  })
}

/** A derived value. An array is sent as text, because PostgreSQL would flatten arrays of arrays. */
function derivedOf(of: (value: never) => Value, value: unknown): Element {
  if (value === null) return null
  // Each `of` takes the values of its field.
  const derived = (of as (value: unknown) => Value)(value)
  return Array.isArray(derived) ? arrayLiteral(derived) : (derived as Element)
}

/**
 * SQL: the rows, from parameters that are an array for each column, from `$first` on. A generic
 * plan expects a thousand rows of `generate_series`, and ten of the arrays alone: it could then
 * join them by comparing each row with each other one, which takes seconds for thousands.
 */
function inputOf(columns: readonly Column[], first: number): string {
  const arrays = columns.map(({ type }, n) => `unnest($${first + n}::${type.replace('[]', '')}[])`)
  const names = columns.map(({ name }) => name).join(', ')
  return `rows from (${arrays.join(', ')}, generate_series(1, cardinality($${first}::bigint[]))) as input (${names}, n)`
}

/** A time. `offset 0` parses the text once instead of for each row. */
const timeIn = (text: string) => `(select ${text}::text::timestamptz as at offset 0) as change`

/** SQL: the change of the number of live tasks, and of the bytes, live and in the trash. */
const counts = (table: Table, signed: readonly (readonly [sign: '+' | '-', from: string])[]) => {
  if (table.name === 'lists') return 'select 0, 0, 0'
  const sum = (value: string, isLive: boolean) =>
    signed
      .map(
        ([sign, from]) =>
          `${sign} (select coalesce(sum(${value}), 0) from ${from} where ${isLive ? '' : 'not '}is_live)`,
      )
      .join(' ')
  return `select ${sum('1', true)}, ${sum('bytes', true)}, ${sum('bytes', false)}`
}

/** $4 ids, from $5 on the values of the other columns, the last one being `updated_at`. */
export function updateStatement(table: Table, shape: string, columns: readonly Column[]) {
  return updates.get(`${table.name} ${shape}`, name => {
    const { name: of, bytes } = table
    const returned = `${of}.id, ${bytes} as bytes, ${of}.deleted_at is null as is_live`
    const values = columns.slice(1, -1).map(({ name, type }) => `${name} = input.${name}::${type}`)
    return statement(
      name,
      `with input as materialized (select * from ${inputOf(columns, 4)}),
      old as materialized (
        select ${returned} from duly.${of} where ${of}.user_id = $1 and ${of}.id = any(array(select input.id from input))
      ),
      written as (
        update duly.${of} set ${values.join(', ')},
          revision = $2::bigint, updated_at = coalesce(input.updated_at, $3::text::timestamptz)
        from input where ${of}.user_id = $1 and ${of}.id = any(array(select input.id from input)) and ${of}.id = input.id
        returning ${returned}
      )
      ${counts(table, [
        ['+', 'written'],
        ['-', 'old'],
      ])}`,
    )
  })
}

/** Also logs the inserted rows. $4 actor, $5 bytes of an entry. */
function insertStatement(table: Table, columns: readonly Column[]) {
  return inserts.get(`${table.name} ${columns.length}`, name => {
    const { name: of, bytes, itemType } = table
    const times = ['created_at', 'updated_at']
    const given = columns.filter(({ name }) => !times.includes(name))
    const isTimed = given.length < columns.length
    const at = times.map(column => (isTimed ? `coalesce(input.${column}, change.at)` : 'change.at'))
    return statement(
      name,
      `with written as (
        insert into duly.${of} (user_id, ${given.map(({ name }) => name).join(', ')}, revision, ${times.join(', ')}) overriding system value
        select $1, ${given.map(({ name, type }) => `input.${name}::${type}`).join(', ')}, $2::bigint, ${at.join(', ')}
        from ${timeIn('$3')}, ${inputOf(columns, 6)}
        returning ${of}.id, ${bytes} as bytes, ${of}.deleted_at is null as is_live
      ),
      logged as (
        insert into duly.changes (user_id, revision, item_type, item_id, action, actor, at, bytes)
        select $1, $2::bigint, ${itemType}, written.id, case when written.is_live then ${actions.created} else ${actions.discarded} end,
          $4, change.at, $5::integer
        from ${timeIn('$3')}, written
      )
      ${counts(table, [['+', 'written']])}`,
    )
  })
}

/** $2 entries as JSON, $3 revision, $4 actor, $5 time. */
const logEntries = statement(
  'duly_change_log',
  `insert into duly.changes (user_id, revision, item_type, item_id, action, fields, before, actor, at, bytes)
  select $1, $3::bigint, entry.type, entry.id, entry.action, entry.fields, entry.before, $4, change.at, entry.bytes
  from ${timeIn('$5')}, json_to_recordset($2::text::json)
    as entry (type smallint, id bigint, action smallint, fields jsonb, before bigint, bytes integer)`,
)

/** Stores entries of the log. @returns their bytes */
export async function saveLog(
  db: Session,
  { id, at }: Change['owner'],
  entries: readonly Entry[],
  { revision, actor }: { readonly revision: number; readonly actor: string },
): Promise<number> {
  const overhead = changeOverhead(id)
  // The statement that inserts new items logs them.
  const rows = entries
    .filter(({ action }) => action !== actions.created && action !== actions.discarded)
    .map(entry => ({
      bytes: overhead + (entry.fields ? Buffer.byteLength(JSON.stringify(entry.fields)) : 0),
      ...entry,
    }))
  if (rows.length > 0) await db.query(logEntries, [id, JSON.stringify(rows), revision, actor, at])
  return rows.reduce((sum, { bytes }) => sum + bytes, (entries.length - rows.length) * overhead)
}
