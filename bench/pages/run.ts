import { parseArgs } from 'node:util'
import pg from 'pg'
import { ask, get } from '../growth/ask.ts'
import { stage } from '../http/contestants.ts'
import { untilDone } from '../http/interruption.ts'

const help = `Usage: npm run bench pages -- [--tasks N] [--count N] [--only TEXT]

PostgreSQL's time for a page of 100 tasks, in every order and with every kind of filter, for a user with 100,000 tasks of
which 90,000 are completed. The rows of another user lie between them.

  --tasks N   tasks of the user (default 100000)
  --count N   requests for each page (default 20; pages that an index serves are read ten times as often)
  --only TEXT only pages whose query contains it`

/** Maximum milliseconds of PostgreSQL for a page: with an index, or reading the user's tasks. */
type Aim = 'index' | 'creation' | 'scan'

const siblings = 'parent_id=none&list_id=inbox'
const open = 'is_completed=false'
const pages: readonly (readonly [query: string, aim: Aim])[] = [
  ['sort=-created_at', 'index'],
  ['sort=created_at', 'index'],
  [`sort=position&${siblings}&${open}`, 'index'],
  [`sort=-position&${siblings}&${open}`, 'index'],
  [`sort=position&${siblings}&is_completed=true`, 'index'],
  [`sort=due&${open}`, 'index'],
  [`sort=due&${open}&due=overdue`, 'index'],
  [`sort=due&${open}&due=next_7_days`, 'index'],
  [`sort=due&${open}&list_id=inbox`, 'index'],
  [`sort=-created_at&${open}`, 'creation'],
  [`sort=title&${open}`, 'scan'],
  [`sort=-due&${open}`, 'scan'],
  [`sort=priority&${open}&tag=home`, 'scan'],
  [`sort=position&${siblings}`, 'scan'],
  ...['updated_at', 'completed_at', 'title', 'due', 'deadline', 'priority'].flatMap(
    sort =>
      [
        [`sort=${sort}`, 'scan'],
        [`sort=-${sort}`, 'scan'],
      ] as const,
  ),
  ['is_completed=true', 'scan'],
  ['list_id=inbox', 'scan'],
  ['priority=high', 'scan'],
  ['tag=home', 'scan'],
  ['due=today', 'scan'],
  ['due_from=2026-01-01&due_to=2026-12-31', 'scan'],
  ['completed_from=2026-01-01T00:00:00Z', 'scan'],
  ['q=nowhere', 'scan'],
  ['fields=id,title', 'index'],
]

await untilDone(async () => {
  const { values } = parseArgs({
    options: {
      tasks: { type: 'string', default: '100000' },
      count: { type: 'string', default: '20' },
      only: { type: 'string', default: '' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return undefined
  }
  const { open: begin, close } = stage(['duly'])
  const work = async () => {
    const field = await begin()
    const [duly] = field.contestants
    if (!duly) throw new Error('Duly did not start.')
    const tasks = Number(values.tasks)
    const client = new pg.Client({ connectionString: field.databaseUrl })
    client.on('error', () => {})
    await client.connect()
    const [user, other] = [field.personOf('planner'), field.personOf('neighbour')]
    const megabytes = await fill(client, [user.user, other.user], tasks)
    const aims = {
      index: 2,
      creation: 20,
      scan: (1.5 * tasks) / 1000,
      search: (1.5 * tasks) / 1000 + 1.5 * megabytes,
    }
    process.stdout.write(
      '| page | PostgreSQL, ms | aim | server, ms | p50, ms |\n| --- | --- | --- | --- | --- |\n',
    )
    for (const [query, kind] of pages.filter(([text]) => text.includes(values.only))) {
      const count = kind === 'index' ? 10 * Number(values.count) : Number(values.count)
      const found = await ask(duly, [get(user, `/api/v1/tasks?limit=100&${query}`)], count)
      const aim = query.startsWith('q=') ? aims.search : aims[kind]
      const cells = [found.databaseCpu / 1000, aim, found.serverCpu / 1000, found.p50].map(ms =>
        ms.toFixed(1),
      )
      process.stdout.write(`| \`${query}\` | ${cells.join(' | ')} |\n`)
    }
    const counts = await ask(duly, [get(user, '/api/v1/counts')], Number(values.count))
    process.stdout.write(
      `| \`/counts\` | ${(counts.databaseCpu / 1000).toFixed(1)} | | ${(counts.serverCpu / 1000).toFixed(1)} | ${counts.p50.toFixed(1)} |\n`,
    )
    await client.end()
  }
  return { work, close }
})

/** @returns megabytes of text of each user; the rows of the users alternate */
async function fill(client: pg.Client, users: readonly string[], tasks: number): Promise<number> {
  await client.query(
    `insert into duly.owners (id, revision, task_count, live_bytes, counted_revision)
      select owner, 1, $2, $2::bigint * 400, 1 from unnest($1::text[]) as owner`,
    [users, tasks],
  )
  await client.query(
    `insert into duly.tasks (user_id, title, title_key, description, description_key, is_completed, completed_at, created_at,
        updated_at, revision, position, due, due_key, priority, tags, tag_keys, deadline, list_id, parent_id)
      select owner, title, title, text, text, done, case when done then at end, at, at, 1,
        'b' || lpad(to_hex((n * 7919) % 16777216), 6, '0'),
        case when day is not null then jsonb_build_object('date', day) end, day || '~',
        (array['low', 'medium', 'high'])[1 + n % 5], case when n % 10 = 3 then '["home"]'::jsonb end,
        case when n % 10 = 3 then array['home'] end, case when n % 7 = 0 then day end,
        nullif(n % 11 * (n % 2), 0), case when n % 13 = 0 then 1 end
      from generate_series(1, $2::integer) as n, unnest($1::text[]) as owner,
        lateral (select n % 10 <> 0 as done, md5(n::text) || ' task ' || n as title,
          repeat('Water the basil twice. ', 3) as text, now() - make_interval(secs => 600 * ($2::integer - n)) as at,
          case when n % 3 = 0 then to_char(now() + make_interval(days => n % 400 - 200), 'YYYY-MM-DD') end as day) as made
      order by n`,
    [users, tasks],
  )
  await client.query('vacuum analyze duly.owners, duly.tasks')
  const { rows } = await client.query(
    `select sum(octet_length(title) + octet_length(description)) / 1e6 as megabytes from duly.tasks where user_id = $1`,
    [users[0]],
  )
  return Number(rows[0].megabytes)
}
