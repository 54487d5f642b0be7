import type { Session } from '../db/database.ts'
import { fold } from './fold.ts'
import { gramsOf } from './grams.ts'
import { type ListEnd, type ListQuery, readPage, readState, stateOf } from './list.ts'
import { listOfIds, listOfMatches } from './list-statements.ts'
import { startMakingGrams } from './make-grams.ts'
import { fewHits, hitsByGrams, hitsByText } from './search-statements.ts'
import type { TakeTasks } from './task-row.ts'

/**
 * The tasks whose title or description holds the text. The state is read with the hits, before the tasks: where one of them
 * changes in between, the state is older than they are, never newer.
 */
export async function readSearch(
  db: Session,
  owner: string,
  text: string,
  query: ListQuery,
  into: TakeTasks,
): Promise<ListEnd> {
  // No text that is stored holds these, and PostgreSQL refuses to look.
  if (!text.isWellFormed() || text.includes('\0')) {
    return { state: await readState(db, owner), next: null }
  }
  const folded = fold(text)
  const grams = gramsOf(owner, folded)
  const [row] =
    grams.length > 0
      ? await db.query(hitsByGrams, [owner, folded, grams])
      : await db.query(hitsByText, [owner, folded])
  const state = stateOf(row?.[0], row?.[1])
  if (row?.[4] === 't') startMakingGrams(db, owner)
  const count = Number(row?.[2])
  if (count === 0) return { state, next: null }
  const { next } =
    count > fewHits
      ? await readPage(db, owner, query, into, listOfMatches, [folded])
      : await readPage(db, owner, query, into, listOfIds, [row?.[3] ?? '{}'])
  return { state, next }
}
