import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { Value } from '../server/db/database.ts'
import { unprepared } from '../server/db/database.ts'
import { AppError } from '../server/errors.ts'
import { keyedBy } from '../server/tasks/keys.ts'
import { removeStatement } from '../server/tasks/remove-statement.ts'
import { get } from '../server/tasks/statements.ts'
import { unlimited } from '../server/tasks/storage.ts'
import { sweepTrash } from '../server/tasks/sweep.ts'
import { updateStatement } from '../server/tasks/update-statement.ts'
import { ownTasks } from './own-tasks.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

const { db, close } = await ownMigratedDatabase()
after(close)

const open = (title: string) => ({ title, description: null, is_completed: false })
const notFound = (error: unknown) => error instanceof AppError && error.code === 'task_not_found'

async function ownerOf(user: string): Promise<{ revision: number; count: number }> {
  const rows = await db.query(
    { name: '', text: 'select revision, task_count from duly.owners where id = $1' },
    [user],
  )
  return { revision: Number(rows[0]?.[0] ?? 0), count: Number(rows[0]?.[1] ?? 0) }
}

describe('the tasks of one owner', () => {
  it('times increase with revisions, even if the clock is set back', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    const { id } = await tasks.create(open('a'))
    const ahead = '2126-01-31T09:30:00.000000Z'
    await db.query(unprepared('update duly.owners set written_at = $2 where id = $1'), [user, ahead])
    const created = await tasks.create(open('b'))
    const renamed = await tasks.update(id, { title: 'c' })
    const toggled = await tasks.toggle(id)
    assert.deepEqual(
      [created.created_at, created.updated_at, renamed.updated_at, toggled.completed_at],
      [ahead, ahead, ahead, ahead],
    )
    await tasks.remove(id)
    const deleted = await db.query(
      unprepared('select deleted_at = $3::timestamptz from duly.tasks where user_id = $1 and id = $2'),
      [user, id, ahead],
    )
    assert.deepEqual(deleted, [['t']])
  })

  it('an update is executed if another one changes the task before it is known why nothing was written', async () => {
    const user = newUser()
    const { id } = await ownTasks(db, user).create(open('a'))
    let writes = 0
    const racing = new Proxy(db, {
      get(target, name: keyof typeof db) {
        const member = target[name]
        if (typeof member !== 'function') return member
        if (name !== 'read') return member.bind(target)
        return async (...read: Parameters<typeof db.read>) => {
          await target.read(...read)
          writes += 1
          if (writes === 1) await ownTasks(db, user).update(id, { title: 'b' })
        }
      },
    })
    assert.equal((await ownTasks(racing, user).update(id, { title: 'a' })).title, 'a')
    assert.ok(writes > 1)
  })

  it('each write uses one revision, which the task has then', async () => {
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

  it('a write that changes nothing, or finds nothing, uses none', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    const task = await tasks.create({ title: 'a', description: 'b', is_completed: true })
    assert.deepEqual(await tasks.update(task.id, { title: 'a', description: 'b', is_completed: true }), task)
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
    assert.equal(task.completed_at, null)
    const done = await tasks.update(task.id, { is_completed: true })
    assert.equal(done.completed_at, done.updated_at)
    const renamed = await tasks.update(task.id, { title: 'b' })
    assert.equal(renamed.completed_at, done.completed_at)
    assert.equal((await tasks.toggle(task.id)).completed_at, null)
    const born = await tasks.create({ title: 'c', description: null, is_completed: true })
    assert.equal(born.completed_at, born.created_at)
  })

  it('a description is removed by null, and kept if it is omitted', async () => {
    const tasks = ownTasks(db, newUser())
    const task = await tasks.create({ title: 'a', description: 'b', is_completed: false })
    assert.equal((await tasks.update(task.id, { title: 'c' })).description, 'b')
    assert.equal((await tasks.update(task.id, { description: null })).description, null)
  })

  it('all of them are read in batches, newest first, without duplicates or omissions', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    const made = await Promise.all(Array.from({ length: 250 }, (_, n) => tasks.create(open(`task ${n}`))))
    for (const limit of [1, 100, 101, 250, 1000]) {
      const all = await tasks.all({ limit })
      assert.equal(new Set(all.map(task => task.id)).size, Math.min(limit, made.length))
      const keys = all.map(task => `${task.created_at} ${String(task.id).padStart(16, '0')}`)
      assert.deepEqual(keys, [...keys].sort().reverse())
    }
  })

  it('deleted ones are removed after TRASH_DAYS, and no others', async () => {
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
    assert.equal(await sweepTrash(db, 30), 1)
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
  const context = { owner: 'alice', actor: 'issuer', quota: unlimited }
  const keyed = keyedBy('key', 'request')
  const options = [{}, { revisions: [1] }, { keyed }, { revisions: [1], keyed }]
  const writes = options.flatMap(option => [
    updateStatement(context, 5, { title: 'x' }, option),
    updateStatement(context, 5, { description: null, is_completed: true }, option),
    updateStatement(context, 5, {}, option),
    removeStatement(context, 5, option),
  ])
  const flip = updateStatement(context, 5, {}, { flips: 'is_completed' })
  const read = { statement: get, values: ['alice', 5] as readonly Value[] }
  it('uses primary keys, also without statistics', async () => {
    for (const { statement, values } of [read, flip, ...writes]) {
      const types = values.map((_, n) => (n === 0 ? 'text' : n === 1 ? 'bigint' : 'unknown'))
      const literals = values.map(value =>
        value === null ? 'null' : Array.isArray(value) ? `'{${value.join()}}'` : `'${value}'`,
      )
      const plan = await db.transaction(async session => {
        await session.query(unprepared('set local plan_cache_mode = force_generic_plan'))
        await session.query(unprepared(`prepare plan_of_one (${types.join(', ')}) as ${statement.text}`))
        const lines = await session.query(
          unprepared(`explain (costs off) execute plan_of_one (${literals.join(', ')})`),
        )
        await session.query(unprepared('deallocate plan_of_one'))
        return lines.map(([line]) => line).join('\n')
      })
      assert.match(plan, /using tasks_pkey on tasks/, statement.text)
      assert.doesNotMatch(plan, /tasks_created_at|Seq Scan/, plan)
    }
  })
})

// Writes of one process share transactions: faults/races.test.ts tests the lock of the owner.
describe('concurrent writers of one owner', () => {
  it('leave no gap and no duplicate among the revisions, and lose no toggle', async () => {
    const user = newUser()
    const tasks = ownTasks(db, user)
    const shared = await tasks.create(open('everyone toggles this'))
    const revisions = [shared.revision]
    const [writers, rounds] = [20, 5]
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
      for (let round = 0; round < rounds; round += 1) {
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
    await Promise.all(Array.from({ length: writers }, (_, n) => writer(n)))
    finished = true
    await reader

    const removed = writers * Math.ceil(rounds / 2)
    const owner = await ownerOf(user)
    assert.equal(new Set(revisions).size, revisions.length, 'revisions are unique')
    assert.equal(owner.revision, revisions.length + removed, 'revisions have no gap')
    const all = await tasks.all()
    assert.equal(owner.count, all.length)
    assert.equal(all.length, 1 + writers * rounds - removed)
    const final = await tasks.get(shared.id)
    assert.equal(final.is_completed, toggles % 2 === 1)
    assert.equal(ahead, 0, 'no reader saw a task with a later revision than its owner')
  })
})
