import { ownerWrite } from '../db/database.ts'
import { type BuiltStatement, Parameters, Shapes } from '../db/shapes.ts'
import { changeBytes, taskBytesIn } from './bytes.ts'
import { actions, outcomes } from './changes.ts'
import {
  keyParts,
  logged,
  raised,
  returning,
  theTask,
  type WriteContext,
  type WriteOptions,
} from './write-statements.ts'

const shapes = new Shapes('duly_delete')

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
  const [actor, bytes] = [
    parameters.add(context.actor, 'text'),
    parameters.add(context.quota.bytes, 'bigint'),
  ]
  const expected = revisions && parameters.add(revisions, 'bigint[]')
  const key = keyParts(parameters, keyed)
  const statement = shapes.get(`${expected !== undefined} ${keyed !== undefined}`, name => {
    const log = changeBytes()
    const conditions = [
      theTask,
      ...(key ? [key.isNew] : []),
      ...(expected ? [`tasks.revision = any(${expected})`] : []),
      // `removeTask` in change/ removes a task with its children. Thousands can be in the trash, so
      // they are read only if the task is not: `offset 0` prevents a plan that reads them first.
      'not exists (select from duly.tasks as child where child.user_id = $1 and child.parent_id = tasks.id and child.deleted_at is null offset 0)',
    ]
    return ownerWrite(
      name,
      `with old as materialized (
        select tasks.revision, ${taskBytesIn('tasks')} as bytes from duly.tasks where ${conditions.join(' and ')}
      ),
      owner as (
        update duly.owners set ${raised(log, key !== undefined)}, task_count = owners.task_count - 1,
          live_bytes = owners.live_bytes - old.bytes, trash_bytes = owners.trash_bytes + old.bytes
        from old where owners.id = $1 ${returning(bytes)}
      ),
      logged as (${logged(`${actions.deleted}`, 'null', { id: '$2::bigint', before: 'old.revision', actor, bytes: log, from: 'old, owner' })})
      ${key?.claimed(['$2::bigint', 'owner.revision', `${outcomes.deleted}`, 'owner.at'], 'owner') ?? ''}
      update duly.tasks set deleted_at = owner.at, updated_at = owner.at, revision = owner.revision
      from owner where tasks.user_id = $1 and tasks.id = $2::bigint
      returning owner.needs_reclaim, owner.revision, owner.epoch`,
    )
  })
  return { statement, values: parameters.values }
}
