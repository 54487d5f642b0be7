import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { countsOf } from '../server/tasks/counts.ts'
import { tagPage } from '../server/tasks/tag-list.ts'
import { newUser, type Served, served } from './served.ts'

let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

const dayFrom = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

async function create(user: string, path: string, json: object): Promise<number> {
  const { status, body } = await api.call('POST', path, { user, json })
  assert.equal(status, 201, JSON.stringify(body))
  return body.id
}

describe('the counts of a user', () => {
  it('include open tasks by list and due date, and the trash', async () => {
    const user = newUser()
    const counts = async (query = '') => (await api.call('GET', `/api/v1/counts${query}`, { user })).body
    const none = { inbox: 0, lists: [], overdue: 0, today: 0, next_7_days: 0, trash: 0 }
    assert.deepEqual(await counts(), none)
    const [first, archived] = [
      await create(user, '/api/v1/lists', { name: 'first' }),
      await create(user, '/api/v1/lists', { name: 'archived' }),
    ]
    await api.call('PATCH', `/api/v1/lists/${archived}`, { user, json: { is_archived: true } })
    for (const task of [
      { due: { date: dayFrom(-2) } },
      { due: { date: dayFrom(-2) }, is_completed: true },
      { due: { date: dayFrom(0) }, list_id: first },
      { due: { date: dayFrom(6) }, list_id: first },
      { due: { date: dayFrom(0) }, list_id: archived },
      { due: { date: dayFrom(9) } },
      {},
    ])
      await create(user, '/api/v1/tasks', { title: 'a', ...task })
    const gone = await create(user, '/api/v1/tasks', { title: 'gone' })
    await api.call('DELETE', `/api/v1/tasks/${gone}`, { user })
    const expected = {
      inbox: 3,
      lists: [
        { id: first, open_task_count: 2 },
        { id: archived, open_task_count: 1 },
      ],
      overdue: 1,
      today: 1,
      next_7_days: 2,
      trash: 1,
    }
    assert.deepEqual(await counts('?time_zone=UTC'), expected)
    assert.deepEqual(await counts(), expected)
    assert.equal((await api.call('GET', '/api/v1/counts?time_zone=Mars', { user })).status, 422)
  })

  it('are complete for many tasks, which are counted in steps', async () => {
    const user = newUser()
    const tasks = `insert into duly.tasks (user_id, title, title_key, is_completed, created_at, updated_at, revision, position, due_key, list_id)
      select $1, 'a', 'a', n % 10 = 0, now(), now(), 1, 'a0', case when n % 3 = 0 then '2026-12-0' || 1 + n % 9 || '~' end, nullif(n % 4, 0)
      from generate_series(1, 3000) as n`
    await api.server.db.query(unprepared(tasks), [user])
    const trash = `insert into duly.tasks (user_id, title, title_key, is_completed, created_at, updated_at, revision, position, deleted_at)
      select $1, 'a', 'a', n % 2 = 0, now(), now(), 1, 'a0', timestamptz '2026-12-01' + make_interval(secs => n / 1000)
      from generate_series(1, 4100) as n`
    await api.server.db.query(unprepared(trash), [user])
    const lists = `insert into duly.lists (user_id, name, position, is_archived, created_at, updated_at, revision, deleted_at)
      select $1, n::text, 'a' || 9 - n / 300, false, now(), now(), 1, case when n % 300 <> 0 then now() end
      from generate_series(1, 2100) as n returning id, deleted_at is null`
    const made = await api.server.db.query(unprepared(lists), [user])
    const clock = { now: '2026-12-04T12:00:00Z', zone: 'UTC' }
    const counts = await countsOf(api.server.db, user, clock, { isGone: () => false })
    const all = Array.from({ length: 3000 }, (_, n) => n + 1).filter(n => n % 10 !== 0)
    const due = (first: number, last: number) =>
      all.filter(n => n % 3 === 0 && 1 + (n % 9) >= first && 1 + (n % 9) <= last).length
    assert.deepEqual(counts, {
      inbox: all.filter(n => n % 4 === 0).length,
      // These lists do not exist. Existing ones are read by id, and sorted by position.
      lists: made
        .filter(([, isLive]) => isLive === 't')
        .map(([id]) => ({ id: Number(id), openTasks: 0 }))
        .reverse(),
      overdue: due(1, 3),
      today: due(4, 4),
      nextDays: due(4, 9),
      trash: 4100 + 2093,
    })
  })
})

describe('the tags and lists of a user with many tasks', () => {
  /** 3,000 tasks with two tags each: `common` in two spellings, and one of its own. */
  async function tagged(user: string): Promise<void> {
    const tasks = `insert into duly.tasks (user_id, title, title_key, is_completed, created_at, updated_at, revision, position, list_id, tags, tag_keys)
      select $1, 'a', 'a', n % 10 = 0, now(), now(), 1, 'a0', $2,
        jsonb_build_array(case when n % 3 = 0 then 'Common' else 'common' end, 'T' || 10000 - n), array['common', 't' || 10000 - n]
      from generate_series(1, 3000) as n`
    const list = await create(user, '/api/v1/lists', { name: 'large' })
    await api.server.db.query(unprepared(tasks), [user, list])
  }

  it('are complete, in pages of 1,000 tags', async () => {
    const user = newUser()
    await tagged(user)
    const found: { name: string; open_task_count: number }[] = []
    for (let query = ''; ; ) {
      const { status, body } = await api.call('GET', `/api/v1/tags${query}`, { user })
      assert.equal(status, 200)
      assert.ok(body.tags.length <= 1000)
      found.push(...body.tags)
      if (body.next_cursor === null) break
      query = `?cursor=${body.next_cursor}`
    }
    const own = Array.from({ length: 3000 }, (_, n) => ({
      name: `T${7000 + n}`,
      open_task_count: n % 10 === 0 ? 0 : 1,
    }))
    assert.deepEqual(found, [{ name: 'common', open_task_count: 2700 }, ...own])
    for (const cursor of ['*', 'a=='])
      assert.equal((await api.call('GET', `/api/v1/tags?cursor=${cursor}`, { user })).status, 422)
    const [list] = (await api.call('GET', '/api/v1/lists', { user })).body.lists
    assert.equal(list.open_task_count, 2700)
  })

  it('are read in statements of 500 tasks, between which other users are served', async () => {
    const user = newUser()
    await tagged(user)
    const { db } = api.server
    let statements = 0
    const query: typeof db.query = (statement, values) => {
      statements += 1
      return db.query(statement, values)
    }
    const counting: typeof db = Object.assign(Object.create(db), { reads: undefined, query })
    await tagPage(counting, user, { after: '', limit: 10 }, { isGone: () => false })
    assert.equal(statements, 7)
  })
})

describe('the usage of a user', () => {
  it('consists of the stored amounts and the limits', async () => {
    const user = newUser()
    const usage = async () => (await api.call('GET', '/api/v1/usage', { user })).body
    const empty = await usage()
    assert.deepEqual(
      [empty.task_count, empty.task_limit, empty.total_bytes, empty.total_bytes_limit],
      [0, 100_000, 0, 2 ** 28],
    )
    await create(user, '/api/v1/tasks', { title: 'a', description: 'b'.repeat(1000) })
    const one = await usage()
    assert.equal(one.task_count, 1)
    assert.ok(one.live_bytes > 1000 && one.history_bytes > 0)
    assert.equal(one.total_bytes, one.live_bytes + one.trash_bytes + one.history_bytes)
    // As if another program had written.
    await api.server.db.query(
      unprepared('update duly.owners set live_bytes = 7, counted_revision = -1 where id = $1'),
      [user],
    )
    assert.deepEqual(await usage(), one)
  })
})
