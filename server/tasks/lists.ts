import { type Database, quick, type Reader, type Session, statement } from '../db/database.ts'
import { listRead, nextListRead } from '../db/fair-reads.ts'
import { AppError } from '../errors.ts'
import { beforeOpenTasks, openTasksTurn } from './counts.ts'
import { type List, lists } from './list-fields.ts'

// Reads of the lists of one owner. `$1` is the owner.

/** Open tasks that one statement counts: about 2 ms of the embedded database. */
const countedAtOnce = 2000
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

/** Counted in many statements, between which other users have their turn. */
async function countsOf(db: Database, owner: string, reader: Reader): Promise<Map<number, number>> {
  const counts = new Map<number, number>()
  let from = beforeOpenTasks
  let read = listRead
  for (let seen = countedAtOnce; seen === countedAtOnce; ) {
    const { statement, values } = openTasksTurn(owner, from, countedAtOnce)
    const rows = await read(db, owner, session => session.query(statement, values), reader)
    read = nextListRead
    seen = 0
    for (const [list, place, id, count] of rows) {
      counts.set(Number(list ?? 0), (counts.get(Number(list ?? 0)) ?? 0) + Number(count))
      seen += Number(count)
      from = { key: place ?? '', id: Number(id) }
    }
  }
  return counts
}
