import { type Database, unprepared } from '../server/db/database.ts'

/**
 * Gives a new user so many tasks by SQL, since requests for hundreds of them take seconds. They are
 * numbered, the newest is number 1, and the number follows the title.
 */
export async function manyTasks(
  db: Database,
  user: string,
  count: number,
  { title = 'task', description }: { title?: string; description?: string } = {},
): Promise<void> {
  const owner = 'insert into duly.owners (id, revision, task_count) values ($1, $2, $2)'
  await db.query(unprepared(owner), [user, count])
  const tasks = `insert into duly.tasks
      (user_id, title, title_key, description, description_key, is_completed, created_at, updated_at, revision, position)
    select $1, $3 || ' ' || n, lower($3) || ' ' || n, $4, lower($4), false, now() - n * interval '1 s', now() - n * interval '1 s', n, 'a1'
    from generate_series(1, $2::integer) as n`
  await db.query(unprepared(tasks), [user, count, title, description ?? null])
}
