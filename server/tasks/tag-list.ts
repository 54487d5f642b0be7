import { type Database, type Reader, statement } from '../db/database.ts'
import { listRead } from '../db/fair-reads.ts'

/** A tag in its most frequent spelling, with the number of its open tasks. */
export interface CountedTag {
  readonly name: string
  readonly openTasks: number
}

const allTags = statement(
  'duly_tags',
  `select mode() within group (order by tag.name), count(*) filter (where not tasks.is_completed)
  from duly.tasks cross join lateral rows from (jsonb_array_elements_text(tasks.tags), unnest(tasks.tag_keys)) as tag (name, key)
  where tasks.user_id = $1 and tasks.deleted_at is null and tasks.tag_keys is not null
  group by tag.key order by tag.key`,
)

/** All tags of tasks that are not in the trash, in the order of their names. */
export async function tagsOf(db: Database, owner: string, reader: Reader): Promise<CountedTag[]> {
  const rows = await listRead(db, owner, session => session.query(allTags, [owner]), reader)
  return rows.map(([name, count]) => ({ name: String(name), openTasks: Number(count) }))
}
