import { type Session, statement } from '../db/database.ts'
import { gramsOf } from './grams.ts'
import { inBackground } from './in-background.ts'
import { ownerOfTexts, scanned } from './search-statements.ts'

// Few at a time, since others wait meanwhile.
const batchSize = 50

/** $2 how many of the owner's texts are left without grams, $3 limit. */
const without = statement(
  'duly_search_without',
  `select search.id, search.title, search.description from duly.search
  where ${ownerOfTexts} and search.title_grams is null offset $2 limit $3`,
)

/**
 * $2 ids, $3 and $4 the texts of which $5 and $6 are the grams, as literals. Where a text has changed since, it is left for the
 * next time. One statement: one commit, and so one sync to the disk, for all of them.
 */
const keep = statement(
  'duly_search_keep',
  `update duly.search set title_grams = made.title_grams::integer[], description_grams = made.description_grams::integer[]
  from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[])
    as made (id, title, description, title_grams, description_grams)
  where search.user_id = $1 and search.id = made.id
    and search.title = made.title and search.description is not distinct from made.description`,
)

/** Makes the grams of an owner's texts past the first `rest` that have none, in parts. */
export async function* makingGrams(db: Session, owner: string, rest = scanned): AsyncGenerator<void> {
  for (;;) {
    const rows = await db.query(without, [owner, rest, batchSize])
    const columns = [0, 1, 2].map(n => rows.map(row => row[n] ?? null))
    const grams = [1, 2].map(n => rows.map(row => literal(owner, row[n])))
    if (rows.length > 0) await db.query(keep, [owner, ...columns, ...grams])
    if (rows.length < batchSize) return
    yield
  }
}

/** In the background of a search that had to read them. */
export const startMakingGrams = inBackground(makingGrams)

const literal = (owner: string, text: string | null | undefined) =>
  text === null || text === undefined ? null : `{${gramsOf(owner, text).join(',')}}`
