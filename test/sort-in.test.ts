import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import { invariants } from '../server/tasks/invariants.ts'
import { sortOrders } from '../server/tasks/list.ts'
import { sortedEachTime } from '../server/tasks/sort-in.ts'
import { sortIn } from './background.ts'
import { ownTasks } from './own-tasks.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

const { db, close } = await ownMigratedDatabase()
after(close)

async function create(user: string, count: number): Promise<number[]> {
  const tasks = ownTasks(db, user)
  const made = Array.from({ length: count }, (_, n) =>
    tasks.create({ title: `Task ${(n * 7) % count}`, description: null, isCompleted: n % 2 === 0 }),
  )
  return (await Promise.all(made)).map(({ id }) => id)
}

async function unsortedOf(user: string): Promise<number> {
  const count = `select count(*) from duly.tasks where user_id = $1 and deleted_at is null and sorted_updated_at is null`
  const [row] = await db.query(unprepared(count), [user])
  return Number(row?.[0])
}

async function brokenInvariants(): Promise<unknown[]> {
  const broken = await Promise.all(invariants.map(invariant => db.query(invariant.broken)))
  return broken.flat()
}

describe('tasks are sorted in', () => {
  for (const query of [
    { sort: 'title' },
    { sort: '-updated_at' },
    { sort: '-created_at', isCompleted: true },
  ] as const) {
    it(`once a long list is read (${Object.values(query).join(', ')})`, async () => {
      const user = newUser()
      await create(user, sortedEachTime + 50)
      await ownTasks(db, user).list({ ...query, limit: 10 })
      for (let n = 0; n < 200 && (await unsortedOf(user)) > 0; n += 1) await pause(25)
      assert.equal(await unsortedOf(user), 0)
      assert.deepEqual(await brokenInvariants(), [])
    })
  }

  it('not for a short list, nor for one by creation, nor for another owner’s', async () => {
    const [short, long] = [newUser(), newUser()]
    await create(short, 10)
    await create(long, sortedEachTime + 50)
    await ownTasks(db, short).list({ sort: 'title', limit: 10 })
    await ownTasks(db, long).list({ sort: '-created_at', limit: 10 })
    await sortIn(db, newUser())
    await pause(200)
    assert.deepEqual([await unsortedOf(short), await unsortedOf(long)], [10, sortedEachTime + 50])
  })

  it('without anything to be seen of it: revision, times and tags stay', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    await create(user, 30)
    const all = () =>
      Promise.all([tasks.state(), ...sortOrders.map(sort => tasks.list({ sort, limit: 100 }))])
    const before = await all()
    await sortIn(db, user)
    assert.equal(await unsortedOf(user), 0)
    assert.deepEqual(await all(), before)
  })

  it('while others write and read, each change in its place in every list that begins after it', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    const ids = await create(user, 120)
    let finished = false
    const sorting = (async () => {
      while (!finished) await sortIn(db, user)
    })()
    const writers = Array.from({ length: 6 }, async (_, w) => {
      const mine = ids.filter((_, n) => n % 6 === w)
      for (let round = 0; round < 4; round += 1) {
        for (const id of mine) {
          const title = `changed ${round} ${id}`
          if (round === 3 && id % 4 === 0) await tasks.remove(id)
          else await (round % 2 ? tasks.toggle(id) : tasks.update(id, { title }))
          if (id % 5 > 0) continue
          const listed = (await tasks.list({ sort: 'title', limit: 200 })).tasks.filter(
            task => task.id === id,
          )
          const isThere = round < 3 || id % 4 > 0
          // Nobody else changes this one: it is as this writer has left it, wherever it stands.
          assert.deepEqual(listed, isThere ? [await tasks.get(id)] : [])
        }
      }
    })
    await Promise.all(writers).finally(() => {
      finished = true
    })
    await sorting
    const found = await Promise.all(sortOrders.map(sort => tasks.list({ sort, limit: 200 })))
    const left = ids.filter(id => id % 4 > 0)
    for (const { tasks: listed } of found)
      assert.deepEqual(
        listed.map(({ id }) => id).sort((a, b) => a - b),
        left,
      )
    const titles = found[4]?.tasks.map(({ title }) => title) ?? []
    assert.deepEqual(titles, titles.toSorted())
    const times = found[2]?.tasks.map(({ updatedAt }) => updatedAt) ?? []
    assert.deepEqual(times, times.toSorted())
    assert.deepEqual(await brokenInvariants(), [])
  })
})

describe('a change to a task', () => {
  /** Of tasks: updates, and those that left every index as it was (HOT), as far as this session has not reported them yet. */
  const counted = unprepared(
    `select n_tup_upd, n_tup_hot_upd from pg_stat_xact_user_tables where relid = 'duly.tasks'::regclass`,
  )
  const updatesOf = (user: string, id: number) =>
    db.transaction(async session => {
      const tasks = ownTasks(session, user)
      const [before] = await session.query(counted)
      await tasks.toggle(id)
      await tasks.update(id, { title: 'another', description: 'text' })
      await tasks.toggle(id)
      const [after] = await session.query(counted)
      return after?.map((count, n) => Number(count) - Number(before?.[n]))
    })

  it('leaves every index as it is, where nobody reads long lists in an order', async () => {
    const user = newUser()
    const [id = 0] = await create(user, 3)
    assert.deepEqual(await updatesOf(user, id), [3, 3])
  })

  it('touches them once after the task was sorted in', async () => {
    const user = newUser()
    const [id = 0] = await create(user, 3)
    await sortIn(db, user)
    assert.deepEqual(await updatesOf(user, id), [3, 2])
  })
})
