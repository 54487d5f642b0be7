import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { type Database, unprepared } from '../../server/db/database.ts'
import { AppError } from '../../server/errors.ts'
import type { Change } from '../../server/tasks/change/change.ts'
import {
  createList,
  moveList,
  removeList,
  restoreList,
  updateList,
} from '../../server/tasks/change/list-operations.ts'
import { runChange } from '../../server/tasks/change/run.ts'
import { replaceTag } from '../../server/tasks/change/tag-operations.ts'
import {
  createTask,
  moveTask,
  removeTask,
  restoreTask,
  updateTask,
} from '../../server/tasks/change/task-operations.ts'
import { UndoConflict, undo } from '../../server/tasks/change/undo.ts'
import { actions, loggedValue } from '../../server/tasks/changes.ts'
import { tasks as taskTable } from '../../server/tasks/fields.ts'
import { invariants } from '../../server/tasks/invariants.ts'
import { lists as listTable } from '../../server/tasks/list-fields.ts'
import { unlimited } from '../../server/tasks/storage.ts'
import { tasksOf } from '../../server/tasks/tasks.ts'
import { newUser, ownMigratedDatabase } from '../served.ts'
import { long, seed } from '../size.ts'

// Random operations, whose results are recorded: walking back the log must give every recorded
// state, and an undo must give the state that a model computes from them.

const [users, steps] = long ? [20, 200] : [4, 60]

let db: Database
let close: () => Promise<void>
before(async () => {
  const own = await ownMigratedDatabase()
  ;({ db, close } = own)
})
after(() => close())

type Item = Readonly<Record<string, unknown>>
/** Items by kind and id, as they are stored. */
type State = ReadonlyMap<string, Item>

let random = (most: number) => most - 1
function sow(number: number): void {
  let state = number
  random = most => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * most)
  }
}
const oneOf = <T>(values: readonly T[]): T => values[random(values.length)] as T

async function stateOf(user: string): Promise<State> {
  const state = new Map<string, Item>()
  for (const [kind, table] of [
    ['task', taskTable],
    ['list', listTable],
  ] as const) {
    const columns = table.names.map(name => `'${name}', t.${name}`).join(', ')
    const text = `select jsonb_build_object(${columns}, 'deleted', t.deleted_at is not null)::text from duly.${kind}s as t where t.user_id = $1`
    for (const [json] of await db.query(unprepared(text), [user])) {
      const row = JSON.parse(String(json)) as Record<string, unknown>
      for (const name of table.names) row[name] = loggedValue(name, row[name], table.fields)
      state.set(`${kind} ${row.id}`, row)
    }
  }
  return state
}

const revisionOf = async (user: string) =>
  Number((await db.query(unprepared('select revision from duly.owners where id = $1'), [user]))[0]?.[0] ?? 0)

const untold = ['updated_at', 'revision']
const told = (item: Item | undefined, ...without: string[]) =>
  item && Object.fromEntries(Object.entries(item).filter(([name]) => ![...untold, ...without].includes(name)))

/** The state at an earlier revision, computed from the current state and the log. */
async function walkedBack(user: string, now: State, revision: number): Promise<State> {
  const state = new Map<string, Item>(now)
  const rows = await db.query(
    unprepared(
      `select item_type, item_id, action, fields::text from duly.changes where user_id = $1 and revision > $2::bigint
      order by revision desc`,
    ),
    [user, revision],
  )
  for (const [type, id, action, fields] of rows) {
    const kind = type === '1' ? 'task' : 'list'
    const key = `${kind} ${id}`
    const item = state.get(key)
    assert.ok(item, `${key} is missing`)
    const done = Number(action)
    if (done === actions.created || done === actions.discarded) {
      state.delete(key)
      continue
    }
    const old: Record<string, unknown> = { ...item }
    for (const [name, [from]] of Object.entries(JSON.parse(fields ?? '{}') as Record<string, [unknown]>))
      old[name] = loggedValue(name, from, kind === 'task' ? taskTable.fields : listTable.fields)
    if (done === actions.deleted) old.deleted = false
    if (done === actions.restored) old.deleted = true
    state.set(key, old)
  }
  return state
}

function assertSame(found: State, expected: State, what: string, ...without: string[]): void {
  const plain = (state: State) =>
    [...state]
      .map(([key, item]) => [key, told(item, ...without)])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
  assert.deepEqual(plain(found), plain(expected), what)
}

const context = (user: string) => ({ db, owner: user, quota: unlimited, actor: 'session' })
const change = (user: string, work: (change: Change) => Promise<unknown>) => runChange(context(user), work)

/** The operation of a random step, on items that may be missing or in the trash. */
function randomOperation(state: State): (change: Change) => Promise<unknown> {
  const ids = (kind: string) =>
    [...state.keys()].filter(key => key.startsWith(kind)).map(key => Number(key.slice(5)))
  const task = () => (random(20) === 0 ? 404_404_404 : (oneOf(ids('task')) ?? 1))
  const list = () => oneOf(ids('list')) ?? 1
  const place = () => {
    const scope = [{}, { list_id: oneOf([null, list()]) }, { parent_id: oneOf([null, task(), task()]) }]
    const mark = [{}, { before: oneOf([null, task()]) }, { after: oneOf([null, task()]) }]
    return { ...oneOf(scope), ...oneOf(mark) }
  }
  const values = () => ({
    ...(random(2) ? { title: `t${random(3)}` } : {}),
    ...(random(3) ? {} : { tags: [[], ['a'], ['a', 'b']][random(3)] as string[] }),
    ...(random(3) ? {} : { due: oneOf([null, { date: '2026-12-01' }]) }),
    ...(random(3) ? {} : { is_completed: random(2) === 1 }),
    ...(random(4) ? {} : { metadata: { n: random(3) } }),
  })
  return oneOf<(change: Change) => Promise<unknown>>([
    change => createTask(change, { title: 'new', tags: ['a'] }),
    change => createTask(change, { title: 'in list', list_id: list() }),
    change => createTask(change, { title: 'part', parent_id: task() }),
    change => createTask(change, { title: 'part', parent_id: task() }),
    change => updateTask(change, task(), values()),
    change => updateTask(change, task(), values()),
    change => moveTask(change, task(), place()),
    change => moveTask(change, task(), place()),
    change => moveTask(change, task(), place()),
    change => removeTask(change, task()),
    change => restoreTask(change, task()),
    change => createList(change, { name: 'list' }),
    change => updateList(change, list(), { name: `l${random(3)}`, is_archived: random(2) === 1 }),
    change => moveList(change, list(), { before: oneOf([null, list()]) }),
    change => removeList(change, list(), random(2) ? undefined : oneOf([null, list()])),
    change => restoreList(change, list()),
    change => replaceTag(change, 'a', oneOf(['b', 'c'])),
    change => replaceTag(change, 'b'),
  ])
}

async function step(user: string, state: State): Promise<void> {
  const count = oneOf([1, 1, 1, 4])
  const work = Array.from({ length: count }, () => randomOperation(state))
  await change(user, async change => {
    for (const one of work) await one(change)
  }).catch(error => {
    if (!(error instanceof AppError)) throw error
  })
}

async function assertTree(state: State): Promise<void> {
  for (const [key, item] of state) {
    if (!key.startsWith('task') || item.deleted) continue
    if (item.list_id !== null) assert.equal(state.get(`list ${item.list_id}`)?.deleted, false, key)
    let depth = 1
    for (let above = item; above.parent_id !== null; depth += 1) {
      const parent = state.get(`task ${above.parent_id}`)
      assert.ok(parent && !parent.deleted, `${key} has a parent`)
      assert.equal(parent.list_id, item.list_id, key)
      assert.ok(depth < 9, `${key} has eight levels at most`)
      above = parent
    }
  }
}

/** The model's result of undoing the change from `before` to `then` in `now`; or the conflicts. */
function undone(before: State, then: State, now: State): { state: State; conflicts: string[] } {
  const state = new Map<string, Item>(now)
  const conflicts: string[] = []
  for (const [key, after] of then) {
    const old = before.get(key)
    const current = now.get(key)
    if (isDeepStrictEqual(told(old), told(after))) continue
    assert.ok(current)
    if (!old) {
      if (after.deleted || current.deleted) continue
      const names = [...taskTable.writable, ...listTable.writable] as string[]
      const differs = names.some(
        name => name !== 'spellings' && !isDeepStrictEqual(after[name], current[name]),
      )
      if (differs) conflicts.push(key)
      state.set(key, { ...current, deleted: true })
      continue
    }
    const isToggle = old.deleted !== after.deleted
    if (!isToggle && current.deleted) {
      const isOnlyMoved = isDeepStrictEqual(told(old, 'position'), told(after, 'position'))
      if (!isOnlyMoved) conflicts.push(key)
      continue
    }
    const next: Record<string, unknown> = { ...current, ...(isToggle ? { deleted: old.deleted } : {}) }
    for (const name of Object.keys(old)) {
      if ([...untold, 'position', 'deleted', 'completed_at'].includes(name)) continue
      if (isDeepStrictEqual(old[name], after[name]) || isDeepStrictEqual(current[name], old[name])) continue
      if (!isDeepStrictEqual(current[name], after[name])) conflicts.push(key)
      next[name] = old[name]
      if (name === 'is_completed') next.completed_at = old.completed_at
    }
    state.set(key, next)
  }
  return { state, conflicts }
}

describe(`random operations (seed ${seed})`, () => {
  for (let n = 0; n < users; n += 1) {
    it(`can be traced back to every state, and undone (${n})`, async () => {
      sow(seed + n)
      const user = newUser()
      const recorded = new Map<number, State>([[0, new Map()]])
      for (let count = 0; count < steps; count += 1) {
        const state = await stateOf(user)
        // Sometimes concurrent writers, and single writes beside changes.
        await Promise.all(Array.from({ length: oneOf([1, 1, 1, 3]) }, () => step(user, state)))
        if (random(4) === 0) {
          const { task } = await tasksOf(db, user).create({ title: 'single' })
          if (random(2)) await tasksOf(db, user).remove(task.id)
        }
        const now = await stateOf(user)
        recorded.set(await revisionOf(user), now)
        await assertTree(now)
      }
      const last = await stateOf(user)
      for (const [revision, state] of recorded)
        assertSame(await walkedBack(user, last, revision), state, `revision ${revision}`)
      for (let count = 0; count < steps / 3; count += 1) await undoOne(user)
      for (const { holds, broken } of invariants) assert.deepEqual(await db.query(broken), [], holds)
    })
  }
})

async function undoOne(user: string): Promise<void> {
  const now = await stateOf(user)
  const latest = await revisionOf(user)
  const revision = 1 + (random(2) ? random(latest) : latest - 1 - random(Math.min(latest, 8)))
  const before = await walkedBack(user, now, revision - 1)
  const then = await walkedBack(user, now, revision)
  const model = undone(before, then, now)
  try {
    await change(user, one => undo(one, revision, { tasks: 10_000 }))
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    assert.equal(error.code, 'undo_conflict')
    assertSame(await stateOf(user), now, 'a rejected undo changes nothing')
    if (model.conflicts.length > 0) return
    // The state of the model would break a rule.
    const told = error instanceof UndoConflict ? JSON.stringify(error.conflicts) : error.message
    await assert.rejects(assertTree(model.state), { code: 'ERR_ASSERTION' }, `undo of ${revision}: ${told}`)
    return
  }
  const found = await stateOf(user)
  assert.deepEqual(model.conflicts, [], `undo of ${revision}`)
  // Positions are restored if possible.
  assertSame(found, model.state, `undo of ${revision}`, 'position')
  await assertTree(found)
}
