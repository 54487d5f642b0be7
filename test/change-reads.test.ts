import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Database, unprepared } from '../server/db/database.ts'
import type { Change } from '../server/tasks/change/change.ts'
import { createList, moveList, updateList } from '../server/tasks/change/list-operations.ts'
import { purgeTask } from '../server/tasks/change/purge.ts'
import { runChange } from '../server/tasks/change/run.ts'
import {
  createTask,
  moveTask,
  removeTask,
  restoreTask,
  updateTask,
} from '../server/tasks/change/task-operations.ts'
import { undo } from '../server/tasks/change/undo.ts'
import { unlimited } from '../server/tasks/storage.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

// A write to one task reads only the rows concerned, whatever else its owner has.

const { db, close } = await ownMigratedDatabase()
after(close)

const owner = newUser()
const tasks = 4000
const tables = ['tasks', 'lists', 'changes', 'keys']

/** Rows and index entries that this transaction has read. */
const reads = unprepared(`
  select sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))
  from pg_class where oid in (
    select ('duly.' || name)::regclass from unnest('{${tables}}'::text[]) as name
    union all
    select indexrelid from unnest('{${tables}}'::text[]) as name join pg_index on indrelid = ('duly.' || name)::regclass
  )`)

async function fill(): Promise<void> {
  await db.query(unprepared('insert into duly.owners (id, revision, task_count) values ($1, 9, $2)'), [
    owner,
    tasks,
  ])
  await db.query(
    unprepared(`insert into duly.tasks (user_id, title, title_key, is_completed, created_at, updated_at, revision, position)
      select $1, 'task ' || n, 'task ' || n, n % 2 = 0, now(), now(), 9, 'a' || lpad(n::text, 5, '0')
      from generate_series(1, ${tasks}) as n`),
    [owner],
  )
  await db.query(
    unprepared(`insert into duly.changes (user_id, revision, item_type, item_id, action, before, actor, at, bytes)
      select $1, 9, 1, id, 1, null, 'session', now(), 100 from duly.tasks where user_id = $1`),
    [owner],
  )
  for (const table of ['owners', ...tables]) await db.query(unprepared(`analyze duly.${table}`))
}

/** @returns the result, and how many rows the change read */
async function measured<T>(work: (change: Change) => Promise<T>): Promise<{ result: T; rows: number }> {
  let rows = Number.NaN
  const counted = new Proxy(db, {
    get: (target, name) =>
      name === 'change'
        ? (((owner, run, guard) =>
            target.change(
              owner,
              async session => {
                // The plan of statements that are used often.
                await session.query(unprepared('set local plan_cache_mode = force_generic_plan'))
                const [[before] = []] = await session.query(reads)
                const result = await run(session)
                const [[after] = []] = await session.query(reads)
                rows = Number(after) - Number(before)
                return result
              },
              guard,
            )) satisfies Database['change'])
        : Reflect.get(target, name),
  })
  const done = await runChange({ db: counted, owner, quota: unlimited, actor: 'session' }, work)
  assert.ok(!done.isReplayed)
  return { result: done.result, rows }
}

describe('a change of one task of an owner with thousands of tasks', () => {
  before(fill)

  it('reads few rows', async () => {
    const read: [what: string, rows: number][] = []
    const few = async <T>(what: string, work: (change: Change) => Promise<T>): Promise<T> => {
      const { result, rows } = await measured(work)
      read.push([what, rows])
      return result
    }
    const { id: list } = await few('a new list', change => createList(change, { name: 'list' }))
    const { id: parent } = await few('a new task', change => createTask(change, { title: 'parent' }))
    const { id } = await few('a new child', change =>
      createTask(change, { title: 'child', parent_id: parent }),
    )
    const [[first] = []] = await db.query(unprepared('select min(id) from duly.tasks where user_id = $1'), [
      owner,
    ])
    for (const move of [{ after: null }, { before: null }, { before: Number(first) }, { list_id: list }])
      await few(`a move to ${JSON.stringify(move)}`, change => moveTask(change, parent, move))
    await few('an update', change => updateTask(change, id, { title: 'new', is_completed: true }))
    await few('an undo', change => undo(change, change.owner.revision, { tasks: 10_000 }))
    await few('a deletion', change => removeTask(change, parent))
    await few('a restoration', change => restoreTask(change, parent))
    await few('an update of a list', change => updateList(change, list, { name: 'other' }))
    await few('a move of a list', change => moveList(change, list, { after: null }))
    await few('another deletion', change => removeTask(change, parent))
    await few('a purge', change => purgeTask(change, parent))
    assert.deepEqual(
      read.filter(([, rows]) => !(rows < 200)),
      [],
    )
  })
})
