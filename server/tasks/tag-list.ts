import { type Database, type Reader, statement } from '../db/database.ts'
import { listRead, nextListRead } from '../db/fair-reads.ts'

/** A tag in its most frequent spelling, with the number of its open tasks. */
interface CountedTag {
  readonly name: string
  readonly openTasks: number
}

export interface TagPage {
  readonly tags: readonly CountedTag[]
  /** The key of the last tag, if there are more. */
  readonly next: string | null
}

interface Found {
  openTasks: number
  /** With the number of tasks of each. */
  readonly spellings: Map<string, number>
}

/** Tasks that one statement looks at. Each has up to 20 tags. */
const tasksAtOnce = 500
/** Further spellings of a tag are not counted, so that they take no memory. */
const maxSpellings = 20

/** The number and the last id of the next tasks, then their tags. */
const tagsOfNext = statement(
  'duly_tags',
  `with part as materialized (
    select tasks.id, tasks.tags, tasks.tag_keys, tasks.is_completed, tasks.deleted_at from duly.tasks
    where tasks.user_id = $1 and tasks.id > $2 order by tasks.id limit $3
  )
  select null as key, null as name, count(*), max(part.id) from part
  union all
  select tag.key, tag.name, count(*), count(*) filter (where not part.is_completed)
  from part cross join lateral rows from (jsonb_array_elements_text(part.tags), unnest(part.tag_keys)) as tag (name, key)
  where part.deleted_at is null and part.tag_keys is not null
  group by tag.key, tag.name`,
)

/**
 * The first tags after a key, in the order of their keys, of tasks that are not in the trash. The
 * tasks are looked at in many statements, between which other users have their turn. Of the tags, a
 * few pages are held at most.
 */
export async function tagPage(
  db: Database,
  owner: string,
  { after, limit }: { readonly after: string; readonly limit: number },
  reader: Reader,
): Promise<TagPage> {
  const found = new Map<string, Found>()
  /** No tag beyond it is on the page. */
  let bound: string | undefined
  const isWanted = (key: string) => key > after && (bound === undefined || key <= bound)
  const prune = () => {
    const keys = [...found.keys()].sort()
    bound = keys[limit] ?? bound
    for (const key of keys.slice(limit + 1)) found.delete(key)
  }
  let read = listRead
  for (let lastId = 0, seen = tasksAtOnce; seen === tasksAtOnce; ) {
    const rows = await read(
      db,
      owner,
      session => session.query(tagsOfNext, [owner, lastId, tasksAtOnce]),
      reader,
    )
    read = nextListRead
    for (const [key, name, count, other] of rows) {
      if (key == null) {
        seen = Number(count)
        lastId = Number(other)
      } else if (isWanted(key))
        add(found, key, { name: String(name), count: Number(count), open: Number(other) })
    }
    if (found.size > 8 * limit) prune()
  }
  prune()
  const keys = [...found.keys()].sort()
  const page = keys.slice(0, limit)
  return {
    tags: page.map(key => taggedAs(found.get(key))),
    next: keys.length > limit ? (page.at(-1) ?? null) : null,
  }
}

interface Counted {
  readonly name: string
  readonly count: number
  readonly open: number
}

function add(found: Map<string, Found>, key: string, { name, count, open }: Counted): void {
  const known = found.get(key) ?? { openTasks: 0, spellings: new Map() }
  found.set(key, known)
  known.openTasks += open
  const { spellings } = known
  if (spellings.size < maxSpellings || spellings.has(name))
    spellings.set(name, (spellings.get(name) ?? 0) + count)
}

function taggedAs(found: Found | undefined): CountedTag {
  const { openTasks = 0, spellings = new Map<string, number>() } = found ?? {}
  const [[name] = ['']] = [...spellings].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
  return { name, openTasks }
}
