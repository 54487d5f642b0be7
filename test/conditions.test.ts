import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { AppError } from '../server/errors.ts'
import { ownTasks } from './own-tasks.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

const { db, close } = await ownMigratedDatabase()
after(close)

const open = (title: string) => ({ title, description: null, is_completed: false })
const notFound = (error: unknown) => error instanceof AppError && error.code === 'task_not_found'

describe('a conditional change', () => {
  it('is made if the revision is one of those given, and returns the changed task', async () => {
    const tasks = ownTasks(db, newUser())
    const task = await tasks.create(open('a'))
    const outcome = await tasks.updateIf(task.id, { title: 'b', description: 'c' }, [7, task.revision])
    assert.equal(outcome.isExpected, true)
    assert.deepEqual(outcome.task, await tasks.get(task.id))
    assert.deepEqual([outcome.task.title, outcome.task.description, outcome.task.revision], ['b', 'c', 2])
  })

  it('is not made otherwise, and returns the current task', async () => {
    const tasks = ownTasks(db, newUser())
    const old = await tasks.create(open('a'))
    const now = await tasks.update(old.id, { title: 'b' })
    for (const revisions of [[], [old.revision], [3, 99]]) {
      const outcome = await tasks.updateIf(old.id, { title: 'c' }, revisions)
      assert.deepEqual(outcome, { isExpected: false, isChanged: false, isReplayed: false, task: now })
    }
    assert.equal((await tasks.state()).revision, 2)
  })

  it('that changes nothing matches, and uses no revision', async () => {
    const tasks = ownTasks(db, newUser())
    const task = await tasks.create(open('a'))
    assert.deepEqual(await tasks.updateIf(task.id, {}, [1]), {
      isExpected: true,
      isChanged: false,
      isReplayed: false,
      task,
    })
    assert.deepEqual(await tasks.updateIf(task.id, { title: 'a', is_completed: false }, [1]), {
      isExpected: true,
      isChanged: false,
      isReplayed: false,
      task,
    })
    assert.deepEqual(await tasks.updateIf(task.id, {}, [2]), {
      isExpected: false,
      isChanged: false,
      isReplayed: false,
      task,
    })
    assert.equal((await tasks.state()).revision, 1)
  })

  it('of a missing or deleted task, or one of another owner, fails with task_not_found', async () => {
    const [tasks, others] = [ownTasks(db, newUser()), ownTasks(db, newUser())]
    const [gone, theirs] = [await tasks.create(open('a')), await others.create(open('b'))]
    await tasks.remove(gone.id)
    for (const id of [gone.id, theirs.id, Number.MAX_SAFE_INTEGER]) {
      await assert.rejects(tasks.updateIf(id, { title: 'x' }, [1, 2]), notFound)
      await assert.rejects(tasks.removeIf(id, [1, 2]), notFound)
    }
    assert.deepEqual(await others.get(theirs.id), theirs)
  })

  it('by many writers with the same revision is made for exactly one', async () => {
    const tasks = ownTasks(db, newUser())
    const task = await tasks.create(open('a'))
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, n) => tasks.updateIf(task.id, { title: `by ${n}` }, [task.revision])),
    )
    const matched = outcomes.filter(outcome => outcome.isExpected)
    assert.equal(matched.length, 1)
    const now = await tasks.get(task.id)
    for (const outcome of outcomes) assert.deepEqual(outcome.task, now)
    assert.equal(now.revision, 2)
  })

  it('is never lost by writers that retry with the returned revision', async () => {
    const tasks = ownTasks(db, newUser())
    const task = await tasks.create({ ...open('a'), description: '' })
    await Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        let seen = task
        for (;;) {
          const change = { description: `${seen.description}${n}` }
          const outcome = await tasks.updateIf(task.id, change, [seen.revision])
          if (outcome.isExpected) return
          seen = outcome.task
        }
      }),
    )
    const { description } = await tasks.get(task.id)
    assert.equal([...(description ?? '')].sort().join(''), '01234567')
  })
})

describe('a conditional deletion', () => {
  it('is made if the revision is one of those given, and returns the task before it', async () => {
    const tasks = ownTasks(db, newUser())
    const task = await tasks.create(open('a'))
    assert.deepEqual(await tasks.removeIf(task.id, [1]), {
      isExpected: true,
      isChanged: true,
      isReplayed: false,
    })
    await assert.rejects(tasks.get(task.id), notFound)
    assert.equal((await tasks.state()).revision, 2)
    assert.equal((await tasks.page(1, 0)).total, 0)
  })

  it('is not made otherwise, and returns the current task', async () => {
    const tasks = ownTasks(db, newUser())
    const task = await tasks.create(open('a'))
    const now = await tasks.toggle(task.id)
    assert.deepEqual(await tasks.removeIf(task.id, [1]), {
      isExpected: false,
      isChanged: false,
      isReplayed: false,
      task: now,
    })
    assert.deepEqual(await tasks.get(task.id), now)
  })

  it('by many writers with the same revision is made for exactly one, and the others find no task', async () => {
    const tasks = ownTasks(db, newUser())
    const task = await tasks.create(open('a'))
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => tasks.removeIf(task.id, [1])))
    const done = outcomes.filter(({ status }) => status === 'fulfilled')
    assert.equal(done.length, 1)
    for (const outcome of outcomes) if (outcome.status === 'rejected') assert.ok(notFound(outcome.reason))
    assert.equal((await tasks.state()).revision, 2)
  })

  it('excludes a conditional change with the same revision: one of them is made', async () => {
    const tasks = ownTasks(db, newUser())
    for (let round = 0; round < 10; round += 1) {
      const task = await tasks.create(open('a'))
      const [changed, removed] = await Promise.allSettled([
        tasks.updateIf(task.id, { title: 'b' }, [task.revision]),
        tasks.removeIf(task.id, [task.revision]),
      ])
      const matched = [changed, removed].filter(
        outcome => outcome.status === 'fulfilled' && outcome.value.isExpected,
      )
      assert.equal(matched.length, 1)
    }
  })
})
