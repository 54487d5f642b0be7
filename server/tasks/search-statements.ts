import { unprepared } from '../db/database.ts'

/**
 * So many of an owner's texts are searched by reading them, which takes a few milliseconds. The others are given grams once there
 * is a search: made by every create they would cost it several times what all else in it does, for owners who never search.
 */
export const scanned = 5000

/** So many hits are put in order by themselves; where there are more, a page of them is soon found in the order's index. */
export const fewHits = 5000

/** Whether a row of `duly.search` holds the folded text. */
export const holds = (text: string) =>
  `(strpos(search.title, ${text}::text) > 0 or strpos(search.description, ${text}::text) > 0)`

// Not prepared: a plan for whatever text comes reads everything where one for this text would not, and planning takes 0.3 ms.
const hits = (...parts: readonly string[]) => {
  const ids = parts.map(where => `select search.id from duly.search where ${where} and ${holds('$2')}`)
  return unprepared(
    // Materialized, or the ids would be found once more to be counted.
    `with hits as materialized (select array(${ids.join(' union all ')} limit ${fewHits + 1}) as ids)
    select owners.revision, owners.epoch, cardinality(hits.ids), hits.ids, owners.task_count > ${scanned}
    from hits left join duly.owners on owners.id = $1`,
  )
}

/**
 * The owner, in a collation in which equal is equal as well and the primary key is not sorted: by that one, all of the owner's texts
 * would be read, since the planner cannot know how many of them have grams.
 */
export const ownerOfTexts = `search.user_id = $1 collate "C"`

/**
 * After the owner's state: the number and the ids of the tasks, deleted ones too, that hold the folded text $2, whose grams are $3,
 * `fewHits` and one at most; and whether some may be without grams that should have them.
 */
export const hitsByGrams = hits(
  `${ownerOfTexts} and search.title_grams is null`,
  `${ownerOfTexts} and search.title_grams is not null
    and (search.title_grams @> $3::integer[] or search.description_grams @> $3::integer[])`,
)

/** As `hitsByGrams`, for a text that is too short to have grams: reads all of the owner's texts. */
export const hitsByText = hits('search.user_id = $1')
