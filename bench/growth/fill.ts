import type pg from 'pg'

// Rows as the server would have written them: a revision for each write, and folded texts.

const words = `(array['water', 'basil', 'cactus', 'letter', 'invoice', 'bread', 'lamp', 'bicycle'])`

/** Creates `owners` owners named `prefix`1 and so on, who have `tasks` tasks in total. */
export async function fill(client: pg.Client, prefix: string, owners: number, tasks: number): Promise<void> {
  await client.query('begin')
  await client.query(
    `create temp table made on commit drop as
      select $1 || (1 + (n - 1) % $2::integer) as user_id, (n - 1) / $2::integer + 1 as revision,
        'Number ' || n || ': ' || ${words}[1 + n % 8] || ' and ' || ${words}[1 + (n / 8) % 8] as title,
        now() - make_interval(secs => $3::integer - n) as at
      from generate_series(1, $3::integer) as n`,
    [prefix, owners, tasks],
  )
  await client.query(
    `insert into duly.owners (id, revision, task_count)
      select user_id, count(*), count(*) from made group by user_id`,
  )
  await client.query(
    `insert into duly.tasks
      (user_id, title, title_key, description, description_key, is_completed, created_at, updated_at, revision, position)
      select user_id, title, lower(title), $1, lower($1), false, at, at, revision, 'a1' from made order by at`,
    ['The basil twice, the cactus not at all.'],
  )
  await client.query('commit')
  await client.query('vacuum analyze duly.owners, duly.tasks')
}

/** Removes all owners, so that the next measurement starts with empty tables. */
export async function empty(client: pg.Client): Promise<void> {
  await client.query('truncate duly.owners, duly.tasks')
}
