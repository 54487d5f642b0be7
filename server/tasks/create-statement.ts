import { ownerWrite } from '../db/database.ts'
import { type BuiltStatement, Parameters, Shapes } from '../db/shapes.ts'
import type { Field } from '../fields/field.ts'
import { changeBytes, keyBytes, taskBytes } from './bytes.ts'
import { actions, outcomes } from './changes.ts'
import { tasks } from './fields.ts'
import {
  addValues,
  keyParts,
  logged,
  returning,
  type WriteContext,
  type WriteOptions,
} from './write-statements.ts'

const shapes = new Shapes('duly_create')

/** Creates a task, and the owner if necessary. */
export function createStatement(
  context: WriteContext,
  task: Readonly<Record<string, unknown>>,
  { keyed }: WriteOptions,
): BuiltStatement {
  const parameters = new Parameters(context.owner)
  const actor = parameters.add(context.actor, 'text')
  const [most, live, bytes] = [
    parameters.add(context.quota.tasks, 'bigint'),
    parameters.add(context.quota.liveBytes, 'bigint'),
    parameters.add(context.quota.bytes, 'bigint'),
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
  const statement = shapes.get([names, keyed !== undefined].join(' '), name => {
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
        insert into duly.tasks (user_id, ${Object.keys(columns).join(', ')}, position, created_at, updated_at, revision)
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

const isWritable = (name: string) => (tasks.writable as readonly string[]).includes(name)

/**
 * SQL: a position after all siblings. It is the key of an integer in `fractional-indexing`, whose
 * first character encodes the number of digits.
 */
const appended = (number: string) => `chr(96 + length((${number})::text)) || (${number})::text`
