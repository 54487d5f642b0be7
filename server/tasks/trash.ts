import { type Database, type Reader, type Session, statement } from '../db/database.ts'
import { listRead } from '../db/fair-reads.ts'
import { timeOf } from '../fields/field.ts'
import { type Task, tasks } from './fields.ts'
import { type List, lists } from './list-fields.ts'

// The items in the trash, newest first. `$1` is the owner.

export type TrashItem =
  | { readonly type: 'task'; readonly deleted_at: string; readonly task: Task }
  | { readonly type: 'list'; readonly deleted_at: string; readonly list: List }

/** Where a page ends. */
export interface TrashPlace {
  readonly deletedAt: string
  readonly type: TrashItem['type']
  readonly id: number
}

const trashed = (table: 'tasks' | 'lists', columns: string) =>
  statement(
    `duly_trash_${table}`,
    `select ${table}.deleted_at, ${columns} from duly.${table}
    where ${table}.user_id = $1 and ${table}.deleted_at is not null
      and (${table}.deleted_at, ${table}.id) < ($2::timestamptz, $3::bigint)
    order by ${table}.deleted_at desc, ${table}.id desc limit $4::bigint`,
  )
const trashedTasks = trashed('tasks', tasks.columns('tasks'))
const trashedLists = trashed('lists', lists.columns('lists'))

/** Lists come before tasks that were deleted at the same time. */
const ranks = { list: 1, task: 0 }
const idOf = (item: TrashItem) => (item.type === 'task' ? item.task.id : item.list.id)

/** @returns one item more than `limit` if there are more */
export async function readTrash(
  db: Database,
  owner: string,
  { type, limit, after }: { type?: TrashItem['type']; limit: number; after?: TrashPlace },
  reader: Reader,
): Promise<TrashItem[]> {
  const found: TrashItem[] = []
  const from = (of: TrashItem['type']): [string, number] => {
    if (!after) return ['infinity', Number.MAX_SAFE_INTEGER]
    if (after.type === of) return [after.deletedAt, after.id]
    return [after.deletedAt, ranks[of] < ranks[after.type] ? Number.MAX_SAFE_INTEGER : 0]
  }
  const read = async (session: Session) => {
    if (type !== 'list')
      await session.read(trashedTasks, [owner, ...from('task'), limit + 1], row => {
        found.push({ type: 'task', deleted_at: timeOf(row, 0), task: tasks.read(row, 1) })
      })
    if (type !== 'task')
      await session.read(trashedLists, [owner, ...from('list'), limit + 1], row => {
        found.push({ type: 'list', deleted_at: timeOf(row, 0), list: lists.read(row, 1) })
      })
  }
  await listRead(db, owner, read, reader)
  return found
    .sort((a, b) => compare(b.deleted_at, a.deleted_at) || ranks[b.type] - ranks[a.type] || idOf(b) - idOf(a))
    .slice(0, limit + 1)
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

export const trashPlaceOf = (item: TrashItem): TrashPlace => ({
  deletedAt: item.deleted_at,
  type: item.type,
  id: idOf(item),
})
