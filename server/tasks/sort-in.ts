import { type Session, statement } from '../db/database.ts'
import { inBackground } from './in-background.ts'

/** So many of an owner's tasks are sorted for each page, in a fifth of a millisecond; with more, they are sorted in. */
export const sortedEachTime = 200

/**
 * The owner's tasks that are not sorted in, to be read by their ids: the index of these has them in that order, and no other knows owners
 * in this collation. It is taken where there is a limit, too, that the planner cannot know.
 */
export const unsorted = `tasks.user_id = $1 collate "C" and tasks.deleted_at is null and tasks.sorted_updated_at is null`

/** What a change sets: from then on the task stands elsewhere in each order. */
export const unsort = 'sorted_updated_at = null, sorted_title_key = null, sorted_is_completed = null'

// Few at a time, since others wait meanwhile.
const batchSize = 100

/**
 * Sorts $3 of the owner's tasks in, behind the id $2. A task that somebody holds is passed over: most of these are being changed, and would be
 * unsorted again. It is no write of the owner's: what there is to see of the tasks stays as it is.
 */
export const sortSomeIn = statement(
  'duly_sort_in',
  `update duly.tasks set sorted_updated_at = tasks.updated_at, sorted_title_key = tasks.title_key,
    sorted_is_completed = tasks.is_completed
  where tasks.user_id = $1 and tasks.id = any(array(
    select tasks.id from duly.tasks where ${unsorted} and tasks.id > $2::bigint order by tasks.id limit (select $3::bigint)
    for no key update skip locked
  ))
  returning tasks.id`,
)

/**
 * Gives the owner's tasks the places in each order that they have as they are now, from which a change takes them again. So the indexes
 * are for those who read long lists by them, and who only writes leaves them alone. In parts.
 */
export async function* sortingIn(db: Session, owner: string): AsyncGenerator<void> {
  // Not from the first one each time: those that were sorted in are still met there, until they are vacuumed away.
  for (let last = 0; ; ) {
    const sorted = await db.query(sortSomeIn, [owner, last, batchSize])
    if (sorted.length < batchSize) return
    last = Math.max(...sorted.map(([id]) => Number(id)))
    yield
  }
}

/** In the background of a list that had to sort many. */
export const startSortingIn = inBackground(sortingIn)
