import { statement } from '../db/database.ts'

/**
 * An owner's first tasks, up to so many, are searched by reading their texts: that takes a few milliseconds, while the index
 * of grams costs a create several times what all else in it does. Later ones have grams, and are found by them.
 */
export const scanned = 5000

/** So many hits are put in order by themselves; where there are more, a page of them is soon found in the order's index. */
export const fewHits = 5000

/** Whether a row of `duly.search` holds the folded text. */
export const holds = (text: string) =>
  `(strpos(search.title, ${text}::text) > 0 or strpos(search.description, ${text}::text) > 0)`

const hits = (name: string, ...conditions: readonly string[]) => {
  const rows = conditions.map(where => `select search.id from duly.search where ${where} and ${holds('$2')}`)
  return statement(
    name,
    // Materialized, or the ids would be found once more to be counted.
    `with hits as materialized (select array(${rows.join(' union all ')} limit ${fewHits + 1}) as ids)
    select owners.revision, owners.epoch, cardinality(hits.ids), hits.ids
    from hits left join duly.owners on owners.id = $1`,
  )
}

/**
 * The ids of the owner's tasks, deleted ones too, that hold the folded text $2, whose grams are $3; after the owner's state and
 * their number, `fewHits` and one at most. With the grams the owner is named in words that the planner cannot match with
 * the primary key: for an owner of whom it thinks that there is little it would read everything that is there.
 */
export const hitsByGrams = hits(
  'duly_search',
  'search.user_id = $1 and search.title_grams is null',
  `search.user_id || '' = $1 and search.title_grams is not null
    and (search.title_grams @> $3::integer[] or search.description_grams @> $3::integer[])`,
)

/** As `hitsByGrams`, for a text that is too short to have grams: reads all of the owner's texts. */
export const hitsByText = hits('duly_search_short', 'search.user_id = $1')
