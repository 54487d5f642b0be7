import { type Session, unprepared } from './database.ts'

// What tasks from before there was a search are found by. The folding is that of server/tasks as it was when this migration was
// written: where it changes, a later migration makes all of it anew, and this one stays.

const batch = unprepared(
  `select user_id, id, title, description, title_key from duly.tasks
  where (user_id, id) > ($1, $2::bigint) order by user_id, id limit 500`,
)
const insert = {
  name: 'duly_migrate_search',
  text: 'insert into duly.search (user_id, id, title, description) values ($1, $2, $3, $4)',
}
const order = unprepared('update duly.tasks set title_key = $3 where user_id = $1 and id = $2')

/** Fills `duly.search`, and mends the title keys that SQL could not fold. Memory stays bounded. */
export async function makeOldTasksSearchable(session: Session): Promise<void> {
  for (let after: [string, string] = ['', '0']; ; ) {
    const rows = (await session.query(batch, after)) as [string, string, string, string | null, string][]
    const done: Promise<unknown>[] = []
    for (const [user, id, title, description, key] of rows) {
      const foldedTitle = fold(title)
      const foldedDescription = description === null ? null : fold(description)
      done.push(session.query(insert, [user, id, foldedTitle, foldedDescription]))
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
