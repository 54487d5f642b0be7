import { type Session, unprepared } from './database.ts'

// What tasks from before there was a search are found by. The functions are those of server/tasks as they were when this migration was
// written: where they change, a later migration makes all of it anew, and this one stays.

const batch = unprepared(
  `select user_id, id, title, description, title_key from duly.tasks
  where (user_id, id) > ($1, $2::bigint) order by user_id, id limit 500`,
)
// An owner's first tasks are searched without grams.
const scanned = 5000
const insert = {
  name: 'duly_migrate_search',
  text: 'insert into duly.search (user_id, id, title, title_grams, description, description_grams) values ($1, $2, $3, $4, $5, $6)',
}
const order = unprepared('update duly.tasks set title_key = $3 where user_id = $1 and id = $2')

/** Fills `duly.search`, and mends the title keys that SQL could not fold. Memory stays bounded. */
export async function makeOldTasksSearchable(session: Session): Promise<void> {
  let owner = ''
  let count = 0
  for (let after: [string, string] = ['', '0']; ; ) {
    const rows = (await session.query(batch, after)) as [string, string, string, string | null, string][]
    const done: Promise<unknown>[] = []
    for (const [user, id, title, description, key] of rows) {
      count = user === owner ? count + 1 : 1
      owner = user
      const foldedTitle = fold(title)
      const foldedDescription = description === null ? null : fold(description)
      const gramsOf = (text: string | null) => (text === null || count <= scanned ? null : grams(user, text))
      const values = [foldedTitle, gramsOf(foldedTitle), foldedDescription, gramsOf(foldedDescription)]
      done.push(session.query(insert, [user, id, ...values]))
      const titleKey = Array.from(foldedTitle).slice(0, 64).join('')
      if (titleKey !== key) done.push(session.query(order, [user, id, titleKey]))
    }
    await Promise.all(done)
    const last = rows.at(-1)
    if (!last) return
    after = [last[0], last[1]]
  }
}

function fold(text: string): string {
  const lower = text.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase()
  return lower.replaceAll('ς', 'σ').replaceAll('i\u0307', 'i').normalize('NFC')
}

function grams(owner: string, folded: string): readonly number[] {
  const seed = Array.from({ length: owner.length }, (_, n) => owner.charCodeAt(n)).reduce(mix, 0x811c9dc5)
  const found = new Set<number>()
  let first = -1
  let before = -1
  for (const character of folded) {
    const point = character.codePointAt(0) ?? 0
    const dense = point >= 0x2e80
    if (point <= 0x20 || before >= 0x2e80 !== dense) {
      first = -1
      before = point <= 0x20 ? -1 : point
      continue
    }
    if (dense) found.add([before, point].reduce(mix, seed))
    else if (first !== -1) found.add([first, before, point].reduce(mix, seed))
    first = before
    before = point
  }
  return [...found]
}

function mix(hash: number, value: number): number {
  const k = Math.imul(value, 0xcc9e2d51)
  const h = hash ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593)
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}
