import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Database, unprepared } from '../../server/db/database.ts'
import { AppError } from '../../server/errors.ts'
import { createList, removeList } from '../../server/tasks/change/list-operations.ts'
import { runChange } from '../../server/tasks/change/run.ts'
import { invariants } from '../../server/tasks/invariants.ts'
import { unlimited } from '../../server/tasks/storage.ts'
import { tasksOf } from '../../server/tasks/tasks.ts'
import { newUser, onPostgres, openDatabase, ownMigratedDatabase, unsynced } from '../served.ts'
import { size } from '../size.ts'

// Concurrent changes of one owner, on two replicas if the database allows two.

let db: Database
let other: Database
let close: () => Promise<void>
before(async () => {
  const own = await ownMigratedDatabase()
  db = own.db
  other = onPostgres ? (await openDatabase({ ...unsynced, ...own.env })).db : db
  close = async () => {
    if (other !== db) await other.close()
    await own.close()
  }
})
after(() => close())

const rounds = 20
const most = size(300, 10_000)
const create = async (user: string, title: string, more: object = {}) =>
  (await tasksOf(db, user).create({ title, ...more })).task.id
const inOrder = async (user: string) =>
  (
    await db.query(
      unprepared(
        'select id, position from duly.tasks where user_id = $1 and deleted_at is null order by position, id',
      ),
      [user],
    )
  ).map(([id, position]) => ({ id: Number(id), position: String(position) }))

async function assertSound(): Promise<void> {
  for (const { holds, broken } of invariants) assert.deepEqual(await db.query(broken), [], holds)
}

/** Runs both concurrently; one may be rejected. */
async function both(one: Promise<unknown>, another: Promise<unknown>): Promise<number> {
  const results = await Promise.allSettled([one, another])
  for (const result of results)
    if (result.status === 'rejected') assert.ok(result.reason instanceof AppError, String(result.reason))
  return results.filter(({ status }) => status === 'fulfilled').length
}

describe('concurrent changes', () => {
  it('create no cycle with two moves', async () => {
    const user = newUser()
    for (let n = 0; n < rounds; n += 1) {
      const [a, b] = [await create(user, 'a'), await create(user, 'b')]
      const moves = [
        tasksOf(db, user).move(a, { parent_id: b }),
        tasksOf(other, user).move(b, { parent_id: a }),
      ]
      assert.equal(await both(moves[0] as Promise<unknown>, moves[1] as Promise<unknown>), 1)
    }
    await assertSound()
  })

  it('into one gap keep both tasks, in a stable order', async () => {
    const user = newUser()
    const [first, last] = [await create(user, 'first'), await create(user, 'last')]
    for (let n = 0; n < rounds; n += 1) {
      const [a, b] = [await create(user, 'a'), await create(user, 'b')]
      await both(tasksOf(db, user).move(a, { after: first }), tasksOf(other, user).move(b, { before: last }))
    }
    const order = await inOrder(user)
    assert.equal(order.length, 2 + 2 * rounds)
    assert.deepEqual([order[0]?.id, order.at(-1)?.id], [first, last])
    assert.equal(new Set(order.map(({ position }) => position)).size, order.length)
  })

  it('leave no orphans in a list or below a task that is deleted at the same time', async () => {
    const user = newUser()
    for (let n = 0; n < rounds; n += 1) {
      const context = { db: other, owner: user, quota: unlimited, actor: 'session' }
      const list = await runChange(context, change => createList(change, { name: 'a' }))
      assert.ok(!list.isReplayed)
      const { id } = list.result
      const parent = await create(user, 'parent')
      await Promise.allSettled([
        runChange(context, change => removeList(change, id)),
        tasksOf(db, user).create({ title: 'in list', list_id: id }),
        tasksOf(other, user).remove(parent),
        tasksOf(db, user).create({ title: 'part', parent_id: parent }),
      ])
    }
    await assertSound()
  })
})

it(`${most} moves into one gap leave short positions in the right order`, async () => {
  const user = newUser()
  const ids: number[] = []
  for (let n = 0; n < 30; n += 1) ids.push(await create(user, `${n}`))
  const [first = 0] = ids
  let order = [...ids]
  for (let n = 0; n < most; n += 1) {
    const last = order.at(-1) as number
    await tasksOf(db, user).move(last, { after: first })
    order = [first, last, ...order.slice(1, -1)]
  }
  const found = await inOrder(user)
  assert.deepEqual(
    found.map(({ id }) => id),
    order,
  )
  assert.ok(found.every(({ position }) => position.length <= 24))
  await assertSound()
})
