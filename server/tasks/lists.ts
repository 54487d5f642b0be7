import { type Database, quick, type Reader, type Session, statement } from '../db/database.ts'
import { listRead } from '../db/fair-reads.ts'
import { AppError } from '../errors.ts'
import { type List, lists } from './list-fields.ts'

// Reads of the lists of one owner. `$1` is the owner.

/** The number of open tasks of each list. The inbox is null. */
const openCounts = statement(
  'duly_list_counts',
  `select tasks.list_id, count(*) from duly.tasks
  where tasks.user_id = $1 and tasks.deleted_at is null and not tasks.is_completed group by tasks.list_id`,
)
const allLists = statement(
  'duly_lists',
  `select ${lists.columns('lists')} from duly.lists where lists.user_id = $1 and lists.deleted_at is null
  order by lists.position, lists.id`,
)
const oneList = quick(
  'duly_list',
  `select ${lists.columns('lists')} from duly.lists where lists.user_id = $1 and lists.id = $2 and lists.deleted_at is null`,
)

export interface CountedList {
  readonly list: List
  readonly openTasks: number
}

/** All lists that are not in the trash, in their order. */
export async function listsOf(db: Database, owner: string, reader: Reader): Promise<CountedList[]> {
  const [found, counts] = await Promise.all([collect(db, owner), countsOf(db, owner, reader)])
  return found.map(list => ({ list, openTasks: counts.get(list.id) ?? 0 }))
}

/** @throws AppError `list_not_found` */
export async function getList(db: Database, owner: string, id: number, reader: Reader): Promise<CountedList> {
  const [[list], counts] = await Promise.all([collect(db, owner, id), countsOf(db, owner, reader)])
  if (!list) throw new AppError('list_not_found', 'There is no such list.')
  return { list, openTasks: counts.get(id) ?? 0 }
}

/** All lists that are not in the trash, in their order, without counts. */
export const liveLists = (db: Session, owner: string): Promise<List[]> => collect(db, owner)

async function collect(db: Session, owner: string, id?: number): Promise<List[]> {
  const found: List[] = []
  const take = (row: Parameters<typeof lists.read>[0]) => void found.push(lists.read(row))
  await (id === undefined ? db.read(allLists, [owner], take) : db.read(oneList, [owner, id], take))
  return found
}

async function countsOf(db: Database, owner: string, reader: Reader): Promise<Map<number, number>> {
  const rows = await listRead(db, owner, session => session.query(openCounts, [owner]), reader)
  return new Map(rows.map(([list, count]) => [Number(list ?? 0), Number(count)]))
}
