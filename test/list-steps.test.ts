import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { type Database, unprepared } from '../server/db/database.ts'
import { AppError } from '../server/errors.ts'
import { createLog } from '../server/log.ts'
import type { Change } from '../server/tasks/change/change.ts'
import { createList, removeList, restoreList } from '../server/tasks/change/list-operations.ts'
import { emptyTrash, purgeList, purgeTask } from '../server/tasks/change/purge.ts'
import { stepSize } from '../server/tasks/change/rows.ts'
import { type ChangeContext, finishSteps, runChange } from '../server/tasks/change/run.ts'
import { createTask, moveTask, restoreTask } from '../server/tasks/change/task-operations.ts'
import { UndoConflict, undo } from '../server/tasks/change/undo.ts'
import { invariants } from '../server/tasks/invariants.ts'
import { keyedBy } from '../server/tasks/keys.ts'
import { removeTasksOf } from '../server/tasks/owner.ts'
import { Storage, unlimited } from '../server/tasks/storage.ts'
import { tasksOf } from '../server/tasks/tasks.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

// Lists whose tasks are too many for one transaction of the embedded database.

const { db, close } = await ownMigratedDatabase()
after(close)

const query = (text: string, values: (string | number)[] = []) => db.query(unprepared(text), values)
/** Enough for three steps. */
const many = 2 * stepSize + 20
// The invariants are those of all owners.
afterEach(() => query('truncate duly.owners, duly.tasks, duly.lists, duly.changes, duly.keys'))

/** Calls `hook` after each transaction of a change, with the number of those so far. */
function hooked(hook: (count: number) => Promise<unknown> | undefined): Database {
  let count = 0
  return new Proxy(db, {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (name !== 'change') return typeof value === 'function' ? value.bind(target) : value
      return (async (...args) => {
        const result = await target.change(...args)
        count += 1
        await hook(count)
        return result
      }) satisfies Database['change']
    },
  })
}

const context = (user: string, more: Partial<ChangeContext> = {}): ChangeContext => ({
  ...{ db, owner: user, quota: unlimited, actor: 'session' },
  ...more,
})

async function run<T>(user: string, work: (change: Change) => Promise<T>, more: Partial<ChangeContext> = {}) {
  const outcome = await runChange(context(user, more), work)
  assert.ok(!outcome.isReplayed)
  return outcome
}

/** Corrects the counters of the storage. */
const counted = async (user: string) => {
  await query('update duly.owners set counted_revision = -1 where id = $1', [user])
  await new Storage(db, { maxTasks: 1e6, maxStorage: 1e9 }, createLog('silent')).reclaim(user)
}

/** A list of tasks of which every tenth has nine children. */
async function filled(user: string, count = many): Promise<number> {
  const { result } = await run(user, change => createList(change, { name: 'list' }))
  await query(
    `with made as (
      insert into duly.tasks (user_id, title, title_key, is_completed, created_at, updated_at, revision, position, list_id)
      select $1, 'task', 'task', n % 4 = 0, now(), now(), 1, 'a' || lpad(n::text, 6, '0'), $2::bigint from generate_series(1, $3::integer) as n
      returning id
    )
    select count(*) from made`,
    [user, result.id, count],
  )
  await query(
    `update duly.tasks set parent_id = id - id % 10 where user_id = $1 and id % 10 > 0 and list_id = $2
      and id - id % 10 >= (select min(id) from duly.tasks where user_id = $1 and list_id = $2)`,
    [user, result.id],
  )
  await counted(user)
  return result.id
}

const rows = (user: string, list: number, condition: string) =>
  query(
    `select id, coalesce(parent_id, 0) from duly.tasks where user_id = $1 and list_id = $2 and ${condition} order by id`,
    [user, list],
  )
const live = (user: string, list: number) => rows(user, list, 'deleted_at is null')
const jobs = (user: string) => query('select id from duly.jobs where user_id = $1', [user])

async function assertSound(user: string): Promise<void> {
  assert.deepEqual(await jobs(user), [])
  for (const { holds, broken } of invariants) assert.deepEqual(await db.query(broken), [], holds)
}

const refused = (code: string) => (error: unknown) => error instanceof AppError && error.code === code

describe('a list of many tasks', () => {
  it('is deleted and restored as one change in steps, between which others are served', async () => {
    const [user, other] = [newUser(), newUser()]
    const list = await filled(user)
    const all = await live(user, list)
    const { task } = await tasksOf(db, other).create({ title: 'other' })
    const events: string[] = []
    let isDone = false
    const reading = (async () => {
      while (!isDone) {
        await tasksOf(db, other).get(task.id)
        events.push('read')
      }
    })()
    const watched = hooked(async () => events.push('step'))
    const { revision } = await run(user, change => removeList(change, list), { db: watched })
    isDone = true
    await reading
    const text = events.join(' ')
    assert.equal(text.match(/step/g)?.length, 4, text)
    assert.ok((text.match(/step read/g) ?? []).length >= 2, text)
    assert.deepEqual(await live(user, list), [])
    await assertSound(user)
    const [deleted] = await query(
      `select count(distinct tasks.deleted_at), min(tasks.deleted_at) = min(lists.deleted_at), count(distinct tasks.revision)
      from duly.tasks join duly.lists on lists.user_id = $1 and lists.id = list_id where tasks.user_id = $1`,
      [user],
    )
    assert.deepEqual(deleted, ['1', 't', '3'])
    const restored = await run(user, change => restoreList(change, list))
    assert.equal(restored.change.lists.get(list)?.now.revision, restored.revision)
    assert.deepEqual(await live(user, list), all)
    await assertSound(user)
    // The deletion is undone already.
    const again = await run(user, change => undo(change, revision, { tasks: many }))
    assert.equal(again.isChanged, false)
  })

  it('is undone and redone by the id of its first revision, and by no other', async () => {
    const user = newUser()
    const list = await filled(user)
    const all = await live(user, list)
    const position = () => query('select position from duly.lists where user_id = $1', [user])
    const before = await position()
    const removed = await run(user, change => removeList(change, list))
    for (const n of [1, 2, 3])
      await assert.rejects(
        run(user, change => undo(change, removed.revision + n, { tasks: many })),
        (error: unknown) =>
          error instanceof UndoConflict &&
          /Undo the change of the list/.test(error.conflicts[0]?.reason ?? ''),
      )
    const undone = await run(user, change => undo(change, removed.revision, { tasks: many }))
    assert.deepEqual([await live(user, list), await position()], [all, before])
    const redone = await run(user, change => undo(change, undone.revision, { tasks: many }))
    assert.deepEqual(await live(user, list), [])
    await run(user, change => undo(change, redone.revision, { tasks: many }))
    assert.deepEqual([await live(user, list), await position()], [all, before])
    await assertSound(user)
  })

  it('leaves alone what was deleted before it, or restored from it, as a short list does', async () => {
    const user = newUser()
    const list = await filled(user)
    const [[first] = []] = await rows(user, list, 'parent_id is null and not is_completed')
    const { result: gone } = await run(user, change => createTask(change, { title: 'gone', list_id: list }))
    await tasksOf(db, user).remove(gone.id)
    await run(user, change => removeList(change, list))
    const { result: kept } = await run(user, change => restoreTask(change, Number(first)))
    assert.equal(kept.list_id, null)
    const children = await query('select list_id from duly.tasks where user_id = $1 and parent_id = $2', [
      user,
      kept.id,
    ])
    assert.ok(children.every(([id]) => id === null))
    await run(user, change => restoreList(change, list))
    assert.deepEqual(
      [(await live(user, list)).length, (await tasksOf(db, user).get(kept.id)).list_id],
      [many - 1 - children.length, null],
    )
    await assert.rejects(tasksOf(db, user).get(gone.id), refused('task_not_found'))
    await assertSound(user)
  })

  it('is restored without a parent that was removed for good, whose children are at the top level', async () => {
    for (const count of [30, many]) {
      const user = newUser()
      const list = await filled(user, count)
      const [[parent] = []] = await query(
        'select max(parent_id) from duly.tasks where user_id = $1 and list_id = $2',
        [user, list],
      )
      const children = (await live(user, list)).filter(([, above]) => above === parent)
      await run(user, change => removeList(change, list))
      // As if the storage had been full.
      await query('delete from duly.tasks where user_id = $1 and id = $2', [user, Number(parent)])
      await counted(user)
      const { isChanged } = await run(user, change => restoreList(change, list))
      assert.ok(isChanged)
      const restored = new Map(await live(user, list).then(found => found.map(([id, above]) => [id, above])))
      assert.equal(restored.size, count - 1)
      for (const [id] of children) assert.equal(restored.get(id ?? ''), '0')
      await assertSound(user)
    }
  })

  it('is restored with the instants of today', async () => {
    const user = newUser()
    const list = await filled(user)
    const due = { date: '2026-12-01', time: '09:30', time_zone: 'Europe/Berlin', at: '2026-12-01T07:30:00Z' }
    await query(
      `update duly.tasks set due = $2::text::jsonb, due_key = '2026-12-01T09:30:00', due_at = '2026-12-01T07:30:00Z'
      where user_id = $1 and id % 2 = 0`,
      [user, JSON.stringify(due)],
    )
    await counted(user)
    await run(user, change => removeList(change, list))
    await run(user, change => restoreList(change, list))
    const found = await query(
      `select distinct due->>'at', due_at = (due->>'at')::timestamptz from duly.tasks where user_id = $1 and due is not null`,
      [user],
    )
    assert.deepEqual(found, [['2026-12-01T08:30:00Z', 't']])
    await assertSound(user)
  })

  it('is restored only where the limits allow all of its tasks', async () => {
    const user = newUser()
    const list = await filled(user)
    await run(user, change => removeList(change, list))
    await tasksOf(db, user).create({ title: 'one more' })
    const restore = (quota: object) =>
      run(user, change => restoreList(change, list), { quota: { ...unlimited, ...quota } })
    const state = () => query('select revision, task_count from duly.owners where id = $1', [user])
    const before = await state()
    await assert.rejects(restore({ tasks: many }), refused('too_many_tasks'))
    await assert.rejects(restore({ liveBytes: many * 350 }), refused('storage_full'))
    assert.deepEqual([await state(), await live(user, list)], [before, []])
    await assertSound(user)
    await restore({ tasks: many + 1 })
    assert.equal((await live(user, list)).length, many)
    await assertSound(user)
  })
})

describe('the trash of many tasks', () => {
  it('is emptied in steps, and so is that of a list, but for what is deleted later', async () => {
    for (const work of [emptyTrash, purgeList] as ((change: Change, list: number) => Promise<unknown>)[]) {
      const user = newUser()
      const list = await filled(user)
      const { task: later } = await tasksOf(db, user).create({ title: 'later' })
      await run(user, change => removeList(change, list))
      const commits: number[] = []
      const watched = hooked(async count => {
        commits.push(count)
        if (count === 1) await tasksOf(db, user).remove(later.id)
      })
      await run(user, change => work(change, list), { db: watched })
      assert.deepEqual(commits, [1, 2, 3])
      assert.deepEqual(await query('select id from duly.tasks where user_id = $1', [user]), [
        [String(later.id)],
      ])
      assert.deepEqual(await query('select from duly.lists where user_id = $1', [user]), [])
      await assertSound(user)
    }
  })
})

describe('between the steps of a list', () => {
  /** Deletes a list, and calls `hook` after the first step. */
  async function interrupted(hook: (user: string, list: number) => Promise<unknown>, count = many) {
    const user = newUser()
    const list = await filled(user, count)
    let result: unknown
    const watched = hooked(async n => {
      if (n === 2) result = await hook(user, list)
    })
    const { revision } = await run(user, change => removeList(change, list), { db: watched })
    return { user, list, revision, result }
  }

  it('a change of the same user comes after the last step', async () => {
    const changes: ((change: Change, list: number) => Promise<unknown>)[] = [
      (change, list) => restoreList(change, list),
      change => undo(change, change.owner.revision - 3, { tasks: many }),
      (change, list) => purgeList(change, list),
    ]
    for (const [n, work] of changes.entries()) {
      const { user, list } = await interrupted(async (user, list) => {
        assert.notDeepEqual(await live(user, list), [])
        await run(user, change => work(change, list))
        assert.deepEqual(await jobs(user), [])
      })
      assert.equal((await live(user, list)).length, n < 2 ? many : 0)
      await assertSound(user)
    }
  })

  it('the list takes no task, and its tasks are not there for a change', async () => {
    const { user, list } = await interrupted(async (user, list) => {
      const [[task] = []] = await live(user, list)
      const own = tasksOf(db, user)
      await assert.rejects(own.create({ title: 'a', list_id: list }), refused('broken_rule'))
      await assert.rejects(own.create({ title: 'a', parent_id: Number(task) }), refused('broken_rule'))
      await assert.rejects(own.move(Number(task), { list_id: null }), refused('task_not_found'))
      await assert.rejects(
        run(user, change => removeList(change, list)),
        refused('list_not_found'),
      )
      await assert.rejects(
        run(user, change => purgeTask(change, Number(task)).then(isThere => assert.ok(isThere))).then(() =>
          own.restore(Number(task)),
        ),
        refused('task_not_found'),
      )
    })
    assert.deepEqual(await live(user, list), [])
    await assertSound(user)
  })

  it('a task can still be changed or deleted by itself', async () => {
    const { user, list } = await interrupted(async (user, list) => {
      const [[changed] = [], [deleted] = []] = (await live(user, list)).reverse()
      const own = tasksOf(db, user)
      await own.update(Number(changed), { title: 'changed' })
      await own.remove(Number(deleted))
      await own.create({ title: 'in the inbox' })
    })
    assert.deepEqual(await live(user, list), [])
    await assertSound(user)
    await run(user, change => restoreList(change, list))
    assert.equal((await live(user, list)).length, many - 1)
    await assertSound(user)
  })

  it('a retry of the request with its key waits for the rest, and is answered alike', async () => {
    const user = newUser()
    const list = await filled(user)
    const remove = (db: Database) =>
      runChange(context(user, { db }), change => removeList(change, list), {
        keyed: keyedBy('key', 'request'),
        answerOf: (_, { revision }) => ({ text: `{"status":204,"revision":${revision}}` }),
      })
    let replayed: unknown
    const watched = hooked(async n => {
      if (n !== 2) return
      const outcome = await remove(db)
      assert.ok(outcome.isReplayed)
      replayed = outcome.replay.answer
      assert.deepEqual(await jobs(user), [])
    })
    const outcome = await remove(watched)
    assert.ok(!outcome.isReplayed)
    assert.equal(replayed, `{"status":204,"revision":${outcome.revision}}`)
    await assertSound(user)
  })

  it('the process can end, and several can do the rest', async () => {
    const user = newUser()
    const list = await filled(user)
    const all = await live(user, list)
    const broken = hooked(async n => {
      if (n === 2) throw new Error('the process ends')
    })
    for (const [work, left] of [
      [removeList, []],
      [restoreList, all],
    ] as const) {
      // The change is decided, so its request does not fail.
      await run(user, change => work(change, list), { db: broken })
      if (work === removeList) assert.equal((await jobs(user)).length, 1)
      await Promise.all([1, 2, 3].map(() => finishSteps(context(user))))
      assert.deepEqual(await live(user, list), left)
      await assertSound(user)
    }
  })

  it('the user can be removed, and is not there again', async () => {
    const { user } = await interrupted(user => removeTasksOf(db, user))
    for (const table of ['owners', 'tasks', 'lists', 'changes', 'jobs'])
      assert.deepEqual(
        await query(`select from duly.${table} where ${table === 'owners' ? 'id' : 'user_id'} = $1`, [user]),
        [],
        table,
      )
  })

  it('whatever a user does leaves all lists sound', async () => {
    const user = newUser()
    const lists = [await filled(user, 700), await filled(user, 700), await filled(user, 20)]
    const ids = (await query('select id from duly.tasks where user_id = $1', [user])).map(([id]) =>
      Number(id),
    )
    let n = 0
    const next = <T>(of: readonly T[]) => {
      n += 7
      return of[n % of.length] as T
    }
    const own = tasksOf(db, user)
    const writer = async () => {
      for (let count = 0; count < 12; count += 1) {
        const [list, task] = [next(lists), next(ids)]
        const write = next([
          () => run(user, change => removeList(change, list)),
          () => run(user, change => restoreList(change, list)),
          () => run(user, change => undo(change, change.owner.revision, { tasks: 1e6 })),
          () => run(user, change => moveTask(change, task, { list_id: list })),
          () => run(user, change => restoreTask(change, task)),
          () => own.remove(task),
          () => own.create({ title: 'new', list_id: list }),
          () => own.create({ title: 'new', parent_id: task }),
          () => own.update(task, { title: `title ${count}` }),
        ])
        await write().catch(error => {
          if (!(error instanceof AppError)) throw error
        })
      }
    }
    await Promise.all([writer(), writer(), writer()])
    await assertSound(user)
  })
})
