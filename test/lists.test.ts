import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { turnRows } from '../server/db/fair-reads.ts'
import type { Task } from '../server/tasks/fields.ts'
import { isPosition } from '../server/tasks/list.ts'
import { type ListQuery, type Position, type SortOrder, sortOrders } from '../server/tasks/list-query.ts'
import { ownTasks } from './own-tasks.ts'
import { newUser, onPostgres, ownMigratedDatabase } from './served.ts'

const { db, close } = await ownMigratedDatabase()
after(close)

const open = (title: string) => ({ title, description: null, is_completed: false })
/** The sort key of each order, as an independent definition; null if a task has none. */
const keys: Readonly<Record<string, (task: Task) => string | null>> = {
  created_at: task => task.created_at,
  updated_at: task => task.updated_at,
  completed_at: task => task.completed_at,
  title: task => task.title.toLowerCase(),
  deadline: task => task.deadline,
  due: ({ due }) => due && (due.time === undefined ? `${due.date} all day` : `${due.date} ${due.time}`),
  position: task => task.position,
  priority: ({ priority }) => priority && String(['low', 'medium', 'high'].indexOf(priority)),
}

/** Tasks without a value come last in both directions, then by id. */
function inOrder(tasks: readonly Task[], sort: SortOrder): Task[] {
  const [down, name] = sort.startsWith('-') ? [-1, sort.slice(1)] : [1, sort]
  const key = keys[name] as (task: Task) => string | null
  return [...tasks].sort((a, b) => {
    const [x, y] = [key(a), key(b)]
    if ((x === null) !== (y === null)) return x === null ? 1 : -1
    return down * (x === y ? a.id - b.id : Buffer.compare(Buffer.from(x ?? ''), Buffer.from(y ?? '')))
  })
}

/** All pages of a list; calls `between` after each. */
async function pages(user: string, query: ListQuery, between = async () => {}): Promise<Task[]> {
  const found: Task[] = []
  let after: Position | null = null
  do {
    const page = await ownTasks(db, user).list(after ? { ...query, after } : query)
    assert.ok(page.tasks.length <= query.limit)
    found.push(...page.tasks)
    after = page.next
    await between()
  } while (after)
  return found
}

/** Tasks with many ties in every order. */
async function someTasks(user: string, count: number): Promise<Task[]> {
  const tasks = ownTasks(db, user)
  const made = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      tasks.create({
        ...open(`${n % 2 ? 'T' : 't'}itle ${n % 5}`),
        is_completed: n % 3 === 0,
        priority: [null, 'low', 'medium', 'high'][n % 4] ?? null,
        due: n % 3 ? { date: `2026-12-0${1 + (n % 4)}`, ...(n % 2 ? { time: '09:00' } : {}) } : null,
        deadline: n % 5 ? `2026-12-0${1 + (n % 2)}` : null,
      }),
    ),
  )
  const tie = `update duly.tasks set created_at = date_trunc('hour', created_at) + id % 4 * interval '1 minute',
    updated_at = date_trunc('hour', created_at) + id % 3 * interval '1 second' where user_id = $1`
  await db.query(unprepared(tie), [user])
  return Promise.all(made.map(({ id }) => tasks.get(id)))
}

const ids = (tasks: readonly Task[]) => tasks.map(({ id }) => id)

describe('a list', () => {
  for (const sort of sortOrders) {
    it(`in the order ${sort} is paginated without duplicates or omissions, in pages of any size, with ties`, async () => {
      const user = newUser()
      const all = await someTasks(user, 24)
      for (const limit of [1, 5, 24, 100]) {
        assert.deepEqual(await pages(user, { sort, limit }), inOrder(all, sort))
        for (const is_completed of [true, false]) {
          const some = all.filter(task => task.is_completed === is_completed)
          assert.deepEqual(await pages(user, { sort, limit, filters: { is_completed } }), inOrder(some, sort))
        }
      }
    })

    it(`in the order ${sort} omits and duplicates no unchanged task while others write between the pages`, async () => {
      const user = newUser()
      const staying = await someTasks(user, 24)
      const tasks = ownTasks(db, user)
      let made: Task | undefined
      let round = 0
      const seen = await pages(user, { sort, limit: 5 }, async () => {
        if (made && round % 2 === 0) await tasks.remove(made.id)
        round += 1
        // Enough that pages in ascending order reach it, and end.
        if (round < 10) made = await tasks.create(open(`title ${round % 5}`))
      })
      const stayed = new Set(ids(staying))
      assert.equal(new Set(ids(seen)).size, seen.length)
      assert.deepEqual(ids(seen.filter(({ id }) => stayed.has(id))), ids(inOrder(staying, sort)))
    })
  }

  it('of many tasks is paginated in every order, with every filter', async () => {
    const user = newUser()
    const owner = 'insert into duly.owners (id, revision, task_count) values ($1, 1, 800)'
    await db.query(unprepared(owner), [user])
    const tasks = `insert into duly.tasks (user_id, title, title_key, is_completed, created_at, updated_at, revision, position)
      select $1, name, lower(name), n % 7 = 0, now() - n % 50 * interval '1 s', now() - n % 90 * interval '1 s', n, 'a1'
      from generate_series(1, 800) as n, lateral (select (array['Fern', 'ﬀ', 'Oak', '\u{1f411}'])[1 + n % 4] || n % 11 as name) as named`
    await db.query(unprepared(tasks), [user])
    const all = await ownTasks(db, user).all()
    assert.equal(all.length, 800)
    for (const sort of sortOrders) {
      for (const limit of [150, 700]) {
        assert.deepEqual(ids(await pages(user, { sort, limit })), ids(inOrder(all, sort)))
        const done = all.filter(({ is_completed }) => is_completed)
        assert.deepEqual(
          ids(await pages(user, { sort, limit, filters: { is_completed: true } })),
          ids(inOrder(done, sort)),
        )
        const ferns = all.filter(({ title }) => title.startsWith('Fern') && title.includes('1'))
        assert.deepEqual(ids(await pages(user, { sort, limit, search: '1 fern' })), ids(inOrder(ferns, sort)))
      }
    }
  })

  it('longer than a few steps of a scan is complete, in every order', async () => {
    const user = newUser()
    const count = 2 * turnRows[onPostgres ? 'besideOthers' : 'alone'] + 300
    const owner = 'insert into duly.owners (id, revision, task_count) values ($1, 1, $2)'
    await db.query(unprepared(owner), [user, count])
    // A scan reads the last tasks of each order first. Each step ends among tasks of the same time.
    const tasks = `insert into duly.tasks (user_id, title, title_key, is_completed, created_at, updated_at, revision, position)
      select $1, name, name, false, now() - (n / 300) * interval '1 s', now() - (n * 7919 % $2) * interval '1 s', n, 'a' || name
      from generate_series(1, $2::integer) as n, lateral (select lpad((n * 3571 % $2)::text, 4, '0') as name) as named`
    await db.query(unprepared(tasks), [user, count])
    const all = await ownTasks(db, user).all()
    assert.equal(all.length, count)
    for (const sort of ['-created_at', '-updated_at', 'title', 'due', 'position'] as const) {
      const wanted = ids(inOrder(all, sort))
      assert.deepEqual(ids(await pages(user, { sort, limit: 1000 })), wanted, sort)
      const inbox = { sort, limit: 1000, list: null, parent: null }
      assert.deepEqual(ids(await pages(user, inbox)), wanted, `the inbox by ${sort}`)
      const found = await ownTasks(db, user).list({ sort, limit: 100, search: '0' })
      const named = inOrder(all, sort).filter(({ title }) => title.includes('0'))
      assert.deepEqual(ids(found.tasks), ids(named).slice(0, 100), `a search by ${sort}`)
      const selected = await ownTasks(db, user).select({ sort, search: '0' }, { skip: 50, limit: 100 })
      assert.deepEqual(
        [selected.count, ids(selected.tasks)],
        [named.length, ids(named).slice(50, 150)],
        `a count of a search by ${sort}`,
      )
    }
  })

  it('has a next page only if there are more tasks', async () => {
    const user = newUser()
    const all = inOrder(await someTasks(user, 4), 'title')
    const tasks = ownTasks(db, user)
    assert.equal((await tasks.list({ sort: 'title', limit: 4 })).next, null)
    const { next } = await tasks.list({ sort: 'title', limit: 3 })
    assert.equal(next?.id, all[2]?.id)
    assert.deepEqual(next?.key, all[2]?.title.toLowerCase())
    const beyond = { key: 'zzz', id: 0 }
    const end = await tasks.list({ sort: 'title', limit: 3, after: beyond })
    assert.deepEqual([end.tasks, end.next, end.state.revision], [[], null, 4])
  })

  it('has a next page if the next matching task is far behind others', async () => {
    const user = newUser()
    await db.query(unprepared('insert into duly.owners (id, revision, task_count) values ($1, 1, 1300)'), [
      user,
    ])
    const insert = `insert into duly.tasks (user_id, title, title_key, is_completed, priority, created_at, updated_at, revision, position)
      select $1, 't', 't', n in (1, 1300), case when n = 1 then 'high' end, now() - n * interval '1 s', now(), 1, 'a1'
      from generate_series(1, 1300) as n`
    await db.query(unprepared(insert), [user])
    const query = { sort: '-created_at', limit: 1 } as const
    const first = await ownTasks(db, user).list({ ...query, filters: { is_completed: true } })
    assert.deepEqual([first.tasks.length, first.next?.id], [1, first.tasks[0]?.id])
    assert.equal((await pages(user, { ...query, filters: { is_completed: true } })).length, 2)
    const only = await ownTasks(db, user).list({ ...query, filters: { priority: 'high' } })
    assert.deepEqual([only.tasks.length, only.next], [1, null])
  })

  it('sorts folded titles by code point, alike on every database', async () => {
    const tasks = ownTasks(db, newUser())
    const titles = [
      'b',
      'A',
      'é',
      'É',
      'a b',
      'Z',
      '\u{1f411}',
      '日本',
      'ａ',
      '_',
      `${'x'.repeat(63)}yb`,
      `${'x'.repeat(63)}ya`,
    ]
    for (const title of titles) await tasks.create(open(title))
    const expected = [
      '_',
      'A',
      'ａ',
      'a b',
      'b',
      'é',
      'É',
      `${'x'.repeat(63)}yb`,
      `${'x'.repeat(63)}ya`,
      'Z',
      '日本',
      '\u{1f411}',
    ]
    const sorted = async (sort: SortOrder) =>
      (await tasks.list({ sort, limit: 100 })).tasks.map(({ title }) => title)
    assert.deepEqual(await sorted('title'), expected)
    assert.deepEqual(await sorted('-title'), expected.toReversed())
  })

  it('returns a task according to its new title, change and state', async () => {
    const tasks = ownTasks(db, newUser())
    const listed = async (query: Pick<ListQuery, 'sort' | 'filters'>) =>
      ids((await tasks.list({ limit: 9, ...query })).tasks)
    const [a, b] = [await tasks.create(open('a')), await tasks.create(open('b'))]
    await tasks.update(a.id, { title: 'C' })
    assert.deepEqual(await listed({ sort: 'title' }), [b.id, a.id])
    assert.equal((await listed({ sort: 'updated_at' })).at(-1), a.id)
    await tasks.toggle(b.id)
    assert.deepEqual(await listed({ sort: '-created_at', filters: { is_completed: true } }), [b.id])
    await tasks.remove(b.id)
    assert.deepEqual(await listed({ sort: '-updated_at' }), [a.id])
    assert.deepEqual(await listed({ sort: '-created_at', filters: { is_completed: true } }), [])
  })

  it('of an unknown owner is empty, and so is its state', async () => {
    const tasks = ownTasks(db, newUser())
    const nobody = { revision: 0, epoch: '0' }
    assert.deepEqual(await tasks.state(), nobody)
    assert.deepEqual(await tasks.list({ sort: 'title', limit: 3 }), { state: nobody, tasks: [], next: null })
  })

  it('never contains another owner’s task', async () => {
    const [alice, bob] = [newUser(), newUser()]
    await someTasks(alice, 5)
    const own = await someTasks(bob, 3)
    for (const sort of sortOrders) assert.deepEqual(await pages(bob, { sort, limit: 2 }), inOrder(own, sort))
  })

  it('rejects invalid positions before it queries the database', async () => {
    const tasks = ownTasks(db, newUser())
    const time = '2026-01-31T09:30:00.000000Z'
    const wrong: [SortOrder, Position][] = [
      ['created_at', { key: 'yesterday', id: 1 }],
      ['created_at', { key: '2026-02-31T09:30:00.000000Z', id: 1 }],
      ['-updated_at', { key: '2026-13-01T09:30:00.000000Z', id: 1 }],
      ['-updated_at', { key: `${time} or 1=1`, id: 1 }],
      ['created_at', { key: time, id: 1.5 }],
      ['created_at', { key: time, id: 2 ** 60 }],
      ['created_at', { key: '0000-01-31T09:30:00.000000Z', id: 1 }],
      ['title', { key: 'a\0', id: 1 }],
      ['title', { key: '\ud800', id: 1 }],
    ]
    for (const [sort, { key, id }] of wrong) assert.equal(isPosition(sort, key, id), false, key)
    for (const sort of sortOrders) {
      assert.ok(isPosition(sort, time, 1))
      await tasks.list({ sort, limit: 1, after: { key: time, id: 1 } })
    }
  })
})

describe('the state of an owner', () => {
  it('is that of the list, and changes with every write', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    const task = await tasks.create(open('a'))
    const first = await tasks.state()
    assert.equal(first.revision, 1)
    assert.deepEqual((await tasks.list({ sort: 'title', limit: 1 })).state, first)
    await tasks.update(task.id, { title: 'a' })
    assert.deepEqual(await tasks.state(), first)
    await tasks.remove(task.id)
    assert.deepEqual(await tasks.state(), { revision: 2, epoch: first.epoch })
  })

  it('differs for an owner who was removed and returned', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    await tasks.create(open('a'))
    const former = await tasks.state()
    await db.query(unprepared('delete from duly.owners where id = $1'), [user])
    assert.deepEqual(await tasks.state(), { revision: 0, epoch: '0' })
    await tasks.create(open('a'))
    const now = await tasks.state()
    assert.equal(now.revision, former.revision)
    assert.notEqual(now.epoch, former.epoch)
  })

  it('in a list agrees with its tasks, while others write', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    const shared = await tasks.create(open('everyone toggles this'))
    let finished = false
    const writers = Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let n = 0; n < 50; n += 1) await tasks.toggle(shared.id)
      }),
    ).finally(() => {
      finished = true
    })
    while (!finished) {
      const { state, tasks: listed } = await tasks.list({ sort: '-updated_at', limit: 1 })
      assert.equal(listed[0]?.revision, state.revision)
    }
    await writers
  })
})
