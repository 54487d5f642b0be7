import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import type { Change } from '../server/tasks/change/change.ts'
import { createList, removeList, restoreList } from '../server/tasks/change/list-operations.ts'
import { runChange } from '../server/tasks/change/run.ts'
import { restoreTask } from '../server/tasks/change/task-operations.ts'
import { undo } from '../server/tasks/change/undo.ts'
import { inTurns } from '../server/tasks/in-turns.ts'
import { unlimited } from '../server/tasks/storage.ts'
import { deriveTimes } from '../server/tasks/time-zone-data.ts'
import { ownTasks } from './own-tasks.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

const { db, close } = await ownMigratedDatabase()
after(close)

const { signal } = new AbortController()
const berlin = { date: '2026-12-01', time: '09:30', time_zone: 'Europe/Berlin', at: '2026-12-01T08:30:00Z' }

/** Simulates an instant that was computed with other time zone data. */
const misplace = (user: string, id: number, name: 'start' | 'due', zone = berlin.time_zone) =>
  db.query(
    unprepared(`update duly.tasks set ${name}_at = '2026-12-01T07:30:00Z',
      ${name} = ${name} || jsonb_build_object('at', '2026-12-01T07:30:00Z', 'time_zone', $3::text)
      where user_id = $1 and id = $2`),
    [user, id, zone],
  )

describe('after a change of the time zone data', () => {
  it('other requests are served while many instants are recomputed', async () => {
    let others = 0
    const run = () => {
      others += 1
      next = setImmediate(run)
    }
    let next = setImmediate(run)
    const seen: number[] = []
    for await (const n of inTurns(Array.from({ length: 500 }, (_, n) => n))) seen.push(n)
    clearImmediate(next)
    assert.deepEqual([seen.length, seen.at(-1)], [500, 499])
    assert.ok(others >= 9, `${others} turns of the event loop`)
  })

  it('instants are recomputed as a change by the operator, and nothing else is written', async () => {
    const user = newUser()
    const own = ownTasks(db, user)
    const create = (task: object) => own.create({ title: 'a', is_completed: false, ...task })
    const right = await create({ due: berlin })
    const wrong = await create({ due: berlin, start: berlin })
    const gone = await create({ due: berlin })
    const lost = await create({ due: berlin })
    await create({ due: { date: '2026-12-01', time: '09:30' } })
    for (const name of ['start', 'due'] as const) await misplace(user, wrong.id, name)
    await misplace(user, gone.id, 'due')
    await misplace(user, lost.id, 'due', 'Mars/Olympus')
    await own.remove(gone.id)
    const { revision } = await own.state()

    assert.equal(await deriveTimes(db, signal), 1)
    const now = await own.get(wrong.id)
    assert.deepEqual([now.start, now.due, now.revision], [berlin, berlin, revision + 1])
    const [row] = await db.query(
      unprepared(
        'select due_at = $3::text::timestamptz, start_at = due_at from duly.tasks where user_id = $1 and id = $2',
      ),
      [user, wrong.id, berlin.at],
    )
    assert.deepEqual(row, ['t', 't'])
    const log = await db.query(
      unprepared('select item_id, actor from duly.changes where user_id = $1 and revision > $2'),
      [user, revision],
    )
    assert.deepEqual(log, [[String(wrong.id), 'operator']])
    assert.equal((await own.get(right.id)).revision, right.revision)
    assert.equal((await own.get(lost.id)).due?.at, '2026-12-01T07:30:00Z')

    const run = <T>(work: (change: Change) => Promise<T>) =>
      runChange({ db, owner: user, quota: unlimited, actor: 'session' }, work)
    await run(change => restoreTask(change, gone.id))
    assert.deepEqual((await own.get(gone.id)).due, berlin)

    assert.equal(await deriveTimes(db, signal), 0)
    assert.equal((await own.state()).revision, revision + 2)
  })

  it('a list is restored with recomputed instants, as one change', async () => {
    const user = newUser()
    const own = ownTasks(db, user)
    const run = async <T>(work: (change: Change) => Promise<T>) => {
      const outcome = await runChange({ db, owner: user, quota: unlimited, actor: 'session' }, work)
      assert.ok(!outcome.isReplayed)
      return outcome
    }
    const { result: list } = await run(change => createList(change, { name: 'Trip' }))
    const create = (due: typeof berlin | null) =>
      own.create({ title: 'a', is_completed: false, list_id: list.id, due })
    const [wrong, right, undated] = [await create(berlin), await create(berlin), await create(null)]
    await run(change => removeList(change, list.id))
    await misplace(user, wrong.id, 'due')
    const { revision, isChanged } = await run(change => restoreList(change, list.id))
    assert.ok(isChanged)
    for (const { id } of [wrong, right, undated]) assert.equal((await own.get(id)).revision, revision)
    assert.deepEqual((await own.get(wrong.id)).due, berlin)
    const { result: undone } = await run(change => undo(change, revision, { tasks: 100 }))
    assert.equal(undone.length, 4)
  })

  it('an undo restores the local time, with a recomputed instant', async () => {
    const user = newUser()
    const own = ownTasks(db, user)
    const { id } = await own.create({ title: 'a', is_completed: false, due: berlin })
    await misplace(user, id, 'due')
    const { revision } = await own.update(id, { due: null })
    await runChange({ db, owner: user, quota: unlimited, actor: 'session' }, change =>
      undo(change, revision, { tasks: 100 }),
    )
    assert.deepEqual((await own.get(id)).due, berlin)
  })
})
