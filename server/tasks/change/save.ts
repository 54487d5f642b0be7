import type { Session } from '../../db/database.ts'
import { statement } from '../../db/database.ts'
import { Shapes } from '../../db/shapes.ts'
import { type Field, type Fields, sqlTypes } from '../../fields/field.ts'
import { changeOverhead, taskBytesIn } from '../bytes.ts'
import { actions, itemTypes } from '../changes.ts'
import { tasks } from '../fields.ts'
import { lists } from '../list-fields.ts'
import { isSame } from '../rules.ts'
import type { Change, Tracked } from './change.ts'
import type { ListRow, TaskRow } from './rows.ts'

// Stores the items of a change: one statement for all new items, and one for each set of changed
// fields. Values are sent as JSON. `$1` is the owner.

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

interface Table {
  readonly name: 'tasks' | 'lists'
  readonly itemType: number
  readonly fields: Fields
  /** SQL: the bytes of a row. */
  readonly bytes: string
}

const tables = {
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
  return [
    ...[...change.lists.values()].flatMap(item => entryOf(tables.lists, item)),
    ...[...change.tasks.values()].flatMap(item => entryOf(tables.tasks, item)),
  ]
}

function entryOf(table: Table, { before, now, isRebalanced }: Tracked<Row>): Entry[] {
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
  const action = actionOf({ wasLive, isLive, names, now, isRebalanced: isRebalanced ?? false })
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
}): number {
  const { wasLive, isLive, names, now, isRebalanced } = item
  if (wasLive && !isLive) return actions.deleted
  if (!wasLive && isLive) return actions.restored
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
      if (before.deleted_at !== now.deleted_at) names.push('deleted_at')
      const shape = names.join(' ')
      if (shape !== '') groups.set(shape, [...(groups.get(shape) ?? []), now])
    }
  }
  const asJson = (rows: readonly Row[], names: readonly string[]) =>
    JSON.stringify(
      rows.map(row => ({
        id: row.id,
        ...(keptTimes.has(row) ? { created_at: row.created_at, updated_at: row.updated_at } : {}),
        ...columnsOf(table, row, names),
      })),
    )
  const at = [change.revision, change.at] as const
  const allNames = [...Object.keys(table.fields).filter(name => !unlogged.has(name)), 'deleted_at']
  // Most new tasks set 8 of 28 columns. Reading the others from JSON takes a third of the insert.
  const usedNames = allNames.filter(name => usual.has(name))
  const isUsual = created.every(row =>
    allNames.every(name => usual.has(name) || isNone(table.fields[name], (row as unknown as Values)[name])),
  )
  const newNames = table.name === 'tasks' && isUsual ? usedNames : allNames
  return [
    ...[...groups].map(([shape, rows]) => {
      const names = shape.split(' ')
      return db.query(updateStatement(table, names), [owner.id, asJson(rows, names), ...at])
    }),
    ...(created.length > 0
      ? [
          db.query(insertStatement(table, newNames), [
            ...[owner.id, asJson(created, newNames), ...at],
            ...[change.actor, changeOverhead(owner.id)],
          ]),
        ]
      : []),
  ]
}

const isNone = (field: Field | undefined, value: unknown): boolean =>
  value === null || (field?.kind === 'json' && isSame(value, field.empty))

/** The values of some fields, and of the columns that are derived from them. */
function columnsOf({ fields }: Table, row: Row, names: readonly string[]): Values {
  const columns: Record<string, unknown> = {}
  for (const name of names) {
    const value = (row as unknown as Values)[name]
    const field = fields[name]
    // PostgreSQL reads an absent member as null.
    if (isNone(field, value)) continue
    columns[name] = value
    if (field?.kind !== 'text' && field?.kind !== 'json') continue
    // Each `of` takes the values of its field.
    for (const [column, { of }] of Object.entries(field.derived ?? {}))
      columns[column] = (of as (value: unknown) => unknown)(value)
  }
  return columns
}

function typesOf({ fields }: Table, names: readonly string[]): [column: string, type: string][] {
  return names.flatMap((name): [string, string][] => {
    const field: Field | undefined = fields[name]
    if (!field) return [[name, 'timestamptz']]
    const derived = field.kind === 'text' || field.kind === 'json' ? Object.entries(field.derived ?? {}) : []
    return [
      [name, sqlTypes[field.kind]],
      ...derived.map(([column, { type }]): [string, string] => [column, type]),
    ]
  })
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

function updateStatement(table: Table, names: readonly string[]) {
  return updates.get(`${table.name} ${names.join(' ')}`, name => {
    const { name: of, bytes } = table
    const types = typesOf(table, names)
    const returned = `${of}.id, ${bytes} as bytes, ${of}.deleted_at is null as is_live`
    return statement(
      name,
      `with input as materialized (
        select * from json_to_recordset($2::text::json) as input (id bigint, updated_at timestamptz, ${types.map(pair => pair.join(' ')).join(', ')})
      ),
      old as materialized (
        select ${returned} from duly.${of} where ${of}.user_id = $1 and ${of}.id = any(array(select input.id from input))
      ),
      written as (
        update duly.${of} set ${types.map(([column]) => `${column} = input.${column}`).join(', ')},
          revision = $3::bigint, updated_at = coalesce(input.updated_at, $4::text::timestamptz)
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

/** Also logs the inserted rows. $5 actor, $6 bytes of an entry. */
function insertStatement(table: Table, names: readonly string[]) {
  return inserts.get(`${table.name} ${names.length}`, name => {
    const { name: of, bytes, itemType } = table
    const types = typesOf(table, names)
    const columns = types.map(([column]) => column)
    return statement(
      name,
      `with written as (
        insert into duly.${of} (user_id, id, ${columns.join(', ')}, revision, created_at, updated_at) overriding system value
        select $1, input.id, ${columns.map(column => `input.${column}`).join(', ')}, $3::bigint,
          coalesce(input.created_at, change.at), coalesce(input.updated_at, change.at)
        from ${timeIn('$4')},
          json_to_recordset($2::text::json) as input (id bigint, created_at timestamptz, updated_at timestamptz, ${types.map(pair => pair.join(' ')).join(', ')})
        returning ${of}.id, ${bytes} as bytes, ${of}.deleted_at is null as is_live
      ),
      logged as (
        insert into duly.changes (user_id, revision, item_type, item_id, action, actor, at, bytes)
        select $1, $3::bigint, ${itemType}, written.id, case when written.is_live then ${actions.created} else ${actions.discarded} end,
          $5, change.at, $6::integer
        from ${timeIn('$4')}, written
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
