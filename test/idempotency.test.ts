import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Database, unprepared } from '../server/db/database.ts'
import { AppError } from '../server/errors.ts'
import type { NewTask, TaskChange } from '../server/tasks/fields.ts'
import { keyedBy } from '../server/tasks/keys.ts'
import { pruneHistory } from '../server/tasks/sweep.ts'
import { type Outcome, tasksOf } from '../server/tasks/tasks.ts'
import { newUser, onPostgres, openDatabase, ownMigratedDatabase } from './served.ts'

let db: Database
/** Another replica. The embedded database allows only one process, so there it is the same. */
let replica: Database
let close: () => Promise<void>
before(async () => {
  const own = await ownMigratedDatabase()
  db = own.db
  replica = onPostgres ? (await openDatabase(own.env)).db : own.db
  close = async () => {
    if (onPostgres) await replica.close()
    await own.close()
  }
})
after(() => close())

const failsWith = (code: string) => (error: unknown) => error instanceof AppError && error.code === code
const random = (() => {
  const seed = Number(process.env.TEST_SEED ?? 7)
  let state = seed
  process.stdout.write(`seed ${seed}\n`)
  return (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return state % below
  }
})()

const as = (owner: string, database = db) => tasksOf(database, owner)
const create = (owner: string, key: string, task: NewTask = { title: 'a' }, database = db) =>
  as(owner, database).create(task, { keyed: keyedBy(key, `create ${JSON.stringify(task)}`) })
const update = (owner: string, key: string, id: number, change: TaskChange, database = db) =>
  as(owner, database).update(id, change, { keyed: keyedBy(key, `update ${id} ${JSON.stringify(change)}`) })
const remove = (owner: string, key: string, id: number, database = db) =>
  as(owner, database).remove(id, { keyed: keyedBy(key, `delete ${id}`) })

/** Live tasks, revision and number of entries in the log. */
async function countsOf(owner: string): Promise<readonly number[]> {
  const text = `select task_count, revision, (select count(*) from duly.changes where user_id = $1) from duly.owners where id = $1`
  const [row] = await db.query(unprepared(text), [owner])
  return (row ?? []).map(Number)
}

describe('a write with an idempotency key', () => {
  it('is executed once, and a retry has the same outcome', async () => {
    const owner = newUser()
    const created = await create(owner, 'c', { title: 'a', description: 'b' })
    assert.equal(created.isReplayed, false)
    assert.deepEqual(await create(owner, 'c', { title: 'a', description: 'b' }), {
      ...created,
      isReplayed: true,
    })
    const { id } = created.task
    const updated = await update(owner, 'u', id, { title: 'c' })
    assert.deepEqual(await update(owner, 'u', id, { title: 'c' }), { ...updated, isReplayed: true })
    const removed = await remove(owner, 'd', id)
    assert.deepEqual(await remove(owner, 'd', id), { ...removed, isReplayed: true })
    assert.deepEqual(await countsOf(owner), [0, 3, 3])
  })

  it('has the same outcome after later changes and after the deletion of the task', async () => {
    const owner = newUser()
    const created = await create(owner, 'c', { title: 'one', description: 'two' })
    const { id } = created.task
    const done = await update(owner, 'done', id, { is_completed: true, description: null })
    await as(owner).update(id, { title: 'three' })
    await as(owner).toggle(id)
    await as(owner).toggle(id)
    const last = await update(owner, 'last', id, { title: 'four', description: 'five' })
    await as(owner).remove(id)
    const repeated = [
      await create(owner, 'c', { title: 'one', description: 'two' }),
      await update(owner, 'done', id, { is_completed: true, description: null }),
      await update(owner, 'last', id, { title: 'four', description: 'five' }),
    ]
    assert.deepEqual(
      repeated,
      [created, done, last].map(outcome => ({ ...outcome, isReplayed: true })),
    )
  })

  it('that changes nothing is stored, so that a late retry overwrites no other change', async () => {
    const owner = newUser()
    const { task } = await create(owner, 'c')
    const unchanged = await update(owner, 'u', task.id, { title: 'a' })
    assert.deepEqual([unchanged.isExpected, unchanged.isChanged, unchanged.isReplayed], [true, false, false])
    assert.deepEqual(unchanged.task, task)
    assert.deepEqual(await update(owner, 'nothing', task.id, {}), unchanged)
    const other = await as(owner).update(task.id, { title: 'from another device' })
    assert.deepEqual(await update(owner, 'u', task.id, { title: 'a' }), { ...unchanged, isReplayed: true })
    assert.deepEqual(await as(owner).get(task.id), other.task)
  })

  it('is rejected, and not executed, if the key was used for another request', async () => {
    const owner = newUser()
    const { task } = await create(owner, 'k')
    await assert.rejects(create(owner, 'k', { title: 'b' }), failsWith('idempotency_key_reused'))
    await assert.rejects(update(owner, 'k', task.id, { title: 'b' }), failsWith('idempotency_key_reused'))
    await assert.rejects(remove(owner, 'k', task.id), failsWith('idempotency_key_reused'))
    assert.deepEqual(await countsOf(owner), [1, 1, 1])
  })

  it('is a separate write for another key, and for another owner', async () => {
    const [alice, bob] = [newUser(), newUser()]
    await create(alice, 'k')
    assert.equal((await create(alice, 'K')).isReplayed, false)
    assert.equal((await create(bob, 'k')).isReplayed, false)
    assert.deepEqual([(await countsOf(alice))[0], (await countsOf(bob))[0]], [2, 1])
  })

  it('that finds no task, or expects another revision, uses no key', async () => {
    const owner = newUser()
    const { task } = await create(owner, 'c')
    await assert.rejects(update(owner, 'k', 404_404, { title: 'b' }), failsWith('task_not_found'))
    const keyed = keyedBy('k', 'a')
    const outcome = await as(owner).update(task.id, { title: 'b' }, { keyed, revisions: [99] })
    assert.deepEqual([outcome.isExpected, outcome.isChanged, outcome.task], [false, false, task])
    assert.equal((await remove(owner, 'k', task.id)).isReplayed, false)
  })

  it('is remembered as long as the change log', async () => {
    const [old, fresh] = [newUser(), newUser()]
    await create(old, 'k')
    await create(fresh, 'k')
    for (const [table, column] of [
      ['keys', 'at'],
      ['changes', 'at'],
    ])
      await db.query(
        unprepared(`update duly.${table} set ${column} = ${column} - interval '31 days' where user_id = $1`),
        [old],
      )
    await db.query(
      unprepared(`update duly.owners set history_from = history_from - interval '31 days' where id = $1`),
      [old],
    )
    assert.equal(await pruneHistory(db, 30), 2)
    assert.equal(await pruneHistory(db, 30), 0)
    assert.equal((await create(fresh, 'k')).isReplayed, true)
    assert.equal((await create(old, 'k')).isReplayed, false)
    assert.equal((await countsOf(old))[0], 2)
    const [kept] = await db.query(unprepared(`select history_from < now() from duly.owners where id = $1`), [
      old,
    ])
    assert.deepEqual(kept, ['t'], 'the new entry is found when its time comes')
  })

  it('is rejected, and not executed again, if its response can no longer be determined', async () => {
    const owner = newUser()
    const { task } = await create(owner, 'c')
    await as(owner).update(task.id, { title: 'b' })
    await db.query(unprepared('delete from duly.changes where user_id = $1'), [owner])
    await assert.rejects(create(owner, 'c'), failsWith('answer_dropped'))
    assert.equal((await countsOf(owner))[0], 1)
  })
})

describe('concurrent writes with the same key', () => {
  const replicas: readonly (readonly [name: string, databases: () => readonly Database[]])[] = [
    ['on one replica', () => [db]],
    ['on two replicas', () => [db, replica]],
  ]
  for (const [name, databases] of replicas) {
    it(`${name} are executed once and have the same outcome, also as the first of their owner`, async () => {
      const owner = newUser()
      const all = databases().flatMap(database => Array.from({ length: 50 }, () => database))
      const outcomes = await Promise.all(all.map(database => create(owner, 'k', { title: 'a' }, database)))
      assert.equal(outcomes.filter(({ isReplayed }) => !isReplayed).length, 1)
      assert.equal(new Set(outcomes.map(({ task }) => JSON.stringify(task))).size, 1)
      const id = outcomes[0]?.task.id as number
      const updates = await Promise.all(all.map(database => update(owner, 'u', id, { title: 'b' }, database)))
      assert.equal(updates.filter(({ isReplayed }) => !isReplayed).length, 1)
      const removals = await Promise.all(all.map(database => remove(owner, 'd', id, database)))
      assert.equal(removals.filter(({ isReplayed }) => !isReplayed).length, 1)
      assert.deepEqual(await countsOf(owner), [0, 3, 3])
    })
  }

  it('and other writes of many owners all succeed, without a gap in any log', async () => {
    const owners = Array.from({ length: 20 }, () => newUser())
    await Promise.all(
      Array.from({ length: 400 }, async (_, n) => {
        const owner = owners[n % owners.length] as string
        const database = n % 3 === 0 ? replica : db
        if (n % 2 === 0) await create(owner, `k${n % 7}`, { title: `t${n % 7}` }, database)
        else await as(owner, database).create({ title: 'b' })
      }),
    )
    for (const owner of owners) {
      const [live, revision, entries] = await countsOf(owner)
      assert.deepEqual([revision, entries], [live, live])
    }
  })
})

it('an outcome is rebuilt from every later state: random writes, retried in random order', async () => {
  const owner = newUser()
  const keys: { key: string; id: number; change: TaskChange; first: Outcome }[] = []
  const ids: number[] = []
  const texts = ['', 'ü\u2028"\\', 'x'.repeat(500), 'null', '{"a":[1]}']
  for (let n = 0; n < 150; n += 1) {
    if (ids.length < 3) ids.push((await as(owner).create({ title: `t${n}`, description: null })).task.id)
    const id = ids[random(ids.length)] as number
    const change: TaskChange = {
      ...(random(2) ? { title: `t${random(3)}` } : {}),
      ...(random(2) ? { description: random(3) ? (texts[random(texts.length)] as string) : null } : {}),
      ...(random(3) ? {} : { is_completed: random(2) === 1 }),
    }
    const key = `k${n}`
    const first = await update(owner, key, id, change)
    keys.push({ key, id, change, first })
    if (random(4) === 0) await as(owner).toggle(id)
    const again = keys[random(keys.length)]
    assert.ok(again)
    const outcome = await update(owner, again.key, again.id, again.change)
    const expected = { ...again.first, isReplayed: true }
    assert.deepEqual(outcome, expected, again.key)
    if (random(25) === 0)
      await as(owner)
        .remove(ids.pop() as number)
        .catch(() => {})
  }
})
