import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { AppError } from '../server/errors.ts'
import { get, remove, removeIf, toggle, update, updateIf } from '../server/tasks/statements.ts'
import { sweep } from '../server/tasks/sweep.ts'
import { ownTasks } from './own-tasks.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

const { db, close } = await ownMigratedDatabase()
after(close)

const open = (title: string) => ({ title, description: null, isCompleted: false })
const notFound = (error: unknown) => error instanceof AppError && error.code === 'task_not_found'

async function ownerOf(user: string): Promise<{ revision: number; count: number }> {
  const rows = await db.query(
    { name: '', text: 'select revision, task_count from duly.owners where id = $1' },
    [user],
  )
  return { revision: Number(rows[0]?.[0] ?? 0), count: Number(rows[0]?.[1] ?? 0) }
}

describe('the tasks of one owner', () => {
  it('times run the way revisions do, also where the clock was set back', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    const { id } = await tasks.create(open('a'))
    const ahead = '2126-01-31T09:30:00.000000Z'
    await db.query(unprepared('update duly.owners set written_at = $2 where id = $1'), [user, ahead])
    const created = await tasks.create(open('b'))
    const renamed = await tasks.update(id, { title: 'c' })
    const toggled = await tasks.toggle(id)
    assert.deepEqual(
      [created.createdAt, created.updatedAt, renamed.updatedAt, toggled.completedAt],
      [ahead, ahead, ahead, ahead],
    )
    await tasks.remove(id)
    const deleted = await db.query(
      unprepared('select deleted_at = $3::timestamptz from duly.tasks where user_id = $1 and id = $2'),
      [user, id, ahead],
    )
    assert.deepEqual(deleted, [['t']])
  })

  it('each write spends one revision, and stamps the task with it', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    const first = await tasks.create(open('a'))
    const second = await tasks.create(open('b'))
    const renamed = await tasks.update(first.id, { title: 'c' })
    const toggled = await tasks.toggle(second.id)
    assert.deepEqual(
      [first, second, renamed, toggled].map(task => task.revision),
      [1, 2, 3, 4],
    )
    await tasks.remove(first.id)
    assert.deepEqual(await ownerOf(user), { revision: 5, count: 1 })
  })

  it('a write that changes nothing, or finds nothing, spends none', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    const task = await tasks.create({ title: 'a', description: 'b', isCompleted: true })
    assert.deepEqual(await tasks.update(task.id, { title: 'a', description: 'b', isCompleted: true }), task)
    assert.deepEqual(await tasks.update(task.id, {}), task)
    const gone = await tasks.create(open('gone'))
    await tasks.remove(gone.id)
    await assert.rejects(tasks.update(gone.id, { title: 'x' }), notFound)
    await assert.rejects(tasks.toggle(gone.id), notFound)
    await assert.rejects(tasks.remove(gone.id), notFound)
    assert.deepEqual(await ownerOf(user), { revision: 3, count: 1 })
  })

  it('completed_at is set by completing, kept while completed, and cleared by reopening', async () => {
    const tasks = ownTasks(db, newUser())
    const task = await tasks.create(open('a'))
    assert.equal(task.completedAt, null)
    const done = await tasks.update(task.id, { isCompleted: true })
    assert.equal(done.completedAt, done.updatedAt)
    const renamed = await tasks.update(task.id, { title: 'b' })
    assert.equal(renamed.completedAt, done.completedAt)
    assert.equal((await tasks.toggle(task.id)).completedAt, null)
    const born = await tasks.create({ title: 'c', description: null, isCompleted: true })
    assert.equal(born.completedAt, born.createdAt)
  })

  it('a description is cleared by null and kept by leaving it out', async () => {
    const tasks = ownTasks(db, newUser())
    const task = await tasks.create({ title: 'a', description: 'b', isCompleted: false })
    assert.equal((await tasks.update(task.id, { title: 'c' })).description, 'b')
    assert.equal((await tasks.update(task.id, { description: null })).description, null)
  })

  it('all of them come in batches, newest first, none twice and none skipped', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    const made = await Promise.all(Array.from({ length: 250 }, (_, n) => tasks.create(open(`task ${n}`))))
    for (const limit of [1, 100, 101, 250, 1000]) {
      const all = await tasks.all({ limit })
      assert.equal(new Set(all.map(task => task.id)).size, Math.min(limit, made.length))
      const keys = all.map(task => `${task.createdAt} ${String(task.id).padStart(16, '0')}`)
      assert.deepEqual(keys, [...keys].sort().reverse())
    }
  })

  it('deleted ones are swept after their days, and only those', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    const [kept, fresh, old] = [
      await tasks.create(open('a')),
      await tasks.create(open('b')),
      await tasks.create(open('c')),
    ]
    await tasks.remove(fresh.id)
    await tasks.remove(old.id)
    const age = `update duly.tasks set deleted_at = deleted_at - interval '31 days' where user_id = $1 and id = $2`
    await db.query({ name: '', text: age }, [user, old.id])
    assert.equal(await sweep(db, 30), 1)
    const rows = await db.query(
      { name: '', text: 'select id from duly.tasks where user_id = $1 order by id' },
      [user],
    )
    assert.deepEqual(
      rows.map(([id]) => Number(id)),
      [kept.id, fresh.id],
    )
  })
})

describe('the plan of a statement on one task', () => {
  const id = [['text', 'bigint'], `'alice', 5`] as const
  const write = [[...id[0], 'bigint'], `${id[1]}, 1000`] as const
  const change = [
    ['text', 'bigint', 'text', 'boolean', 'text', 'boolean', 'text', 'text', 'bigint', 'bigint'],
    `'alice', 5, 'x', false, null, null, 'x', null, 1000, 1000`,
  ] as const
  for (const [{ name, text }, types, values] of [
    [get, ...id],
    [update, ...change],
    [updateIf, [...change[0], 'bigint[]'], `${change[1]}, '{1}'`],
    [toggle, ...write],
    [remove, ...write],
    [removeIf, [...write[0], 'bigint[]'], `${write[1]}, '{1}'`],
  ] as const) {
    it(`${name} goes by the primary key, where the database knows nothing about the tables yet`, async () => {
      const plan = await db.transaction(async session => {
        await session.query(unprepared('set local plan_cache_mode = force_generic_plan'))
        await session.query(unprepared(`prepare plan_${name} (${types.join(', ')}) as ${text}`))
        return session.query(unprepared(`explain (costs off) execute plan_${name} (${values})`))
      })
      const lines = plan.map(([line]) => line).join('\n')
      assert.match(lines, /using tasks_pkey on tasks/)
      assert.doesNotMatch(lines, /tasks_created_at|Seq Scan/)
    })
  }
})

describe('many writers of one owner at once', () => {
  it('leave no gap and no duplicate among the revisions, and lose no toggle', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    const shared = await tasks.create(open('everyone toggles this'))
    const revisions = [shared.revision]
    let toggles = 0
    let ahead = 0
    let finished = false
    const reader = (async () => {
      while (!finished) {
        const [row] = await db.query(
          unprepared(`select o.revision, max(t.revision) from duly.owners o
          join duly.tasks t on t.user_id = o.id where o.id = '${user}' group by o.revision`),
        )
        if (Number(row?.[1]) > Number(row?.[0])) ahead += 1
      }
    })()
    const writer = async (n: number) => {
      for (let round = 0; round < 10; round += 1) {
        const task = await tasks.create(open(`${n} ${round}`))
        const toggled = await tasks.toggle(shared.id)
        toggles += 1
        const renamed = await tasks.update(task.id, { title: 'renamed' })
        revisions.push(task.revision, toggled.revision, renamed.revision)
        if (round % 2 === 0) {
          const outcomes = await Promise.allSettled([tasks.remove(task.id), tasks.remove(task.id)])
          assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
        }
      }
    }
    await Promise.all(Array.from({ length: 50 }, (_, n) => writer(n)))
    finished = true
    await reader

    const removed = 50 * 5
    const owner = await ownerOf(user)
    assert.equal(new Set(revisions).size, revisions.length, 'no revision is given twice')
    assert.equal(owner.revision, revisions.length + removed, 'no revision is left out')
    const all = await tasks.all()
    assert.equal(owner.count, all.length)
    assert.equal(all.length, 1 + 50 * 10 - removed)
    const final = await tasks.get(shared.id)
    assert.equal(final.isCompleted, toggles % 2 === 1)
    assert.equal(ahead, 0, 'no reader saw a task ahead of its owner')
  })
})
