import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { type Statement, unprepared } from '../server/db/database.ts'
import type { BuiltStatement } from '../server/db/shapes.ts'
import { nextDeleted, nextLive } from '../server/tasks/change/list-sweeps.ts'
import { nextOfList, nextTrashed } from '../server/tasks/change/purge.ts'
import { nextSize } from '../server/tasks/change/restored-size.ts'
import { tables, updateStatement } from '../server/tasks/change/save.ts'
import { type Clock, daysFromToday, passedAt } from '../server/tasks/days.ts'
import { type ListFilters, type ListQuery, sortOrders } from '../server/tasks/list-query.ts'
import { isInOrder, restOf, sourceOf } from '../server/tasks/list-source.ts'
import {
  indexedListStatement,
  smallListStatement,
  tasksOfIds,
  turnStatement,
} from '../server/tasks/list-statement.ts'
import { removeStatement } from '../server/tasks/remove-statement.ts'
import { batch, page, skip } from '../server/tasks/statements.ts'
import { unlimited } from '../server/tasks/storage.ts'
import { dropChanges, dropKeys, dropTrash } from '../server/tasks/storage-statements.ts'
import { listsAfter, listsOfIds, logAfter, moved, tasksAfter } from '../server/tasks/sync-statements.ts'
import { ownMigratedDatabase } from './served.ts'

const { db, close } = await ownMigratedDatabase()
after(close)

/**
 * A frequent statement gets a generic plan; at first, or unprepared, it gets one for its values.
 */
const planModes = ['force_generic_plan', 'force_custom_plan'] as const
let mode: (typeof planModes)[number] = 'force_generic_plan'

/** @param values literals */
async function planOf(
  { name, text }: Statement,
  types: readonly string[],
  values: readonly string[],
): Promise<string> {
  const rows = await db.transaction(async session => {
    await session.query(unprepared(`set local plan_cache_mode = ${mode}`))
    await session.query(unprepared(`prepare plan_${name} (${types.join(', ')}) as ${text}`))
    const plan = await session.query(
      unprepared(`explain (costs off) execute plan_${name} (${values.join(', ')})`),
    )
    await session.query(unprepared(`deallocate plan_${name}`))
    return plan
  })
  return `${name}:\n${rows.map(([line]) => line).join('\n')}`
}

/** The types of the parameters are in the text, beside the placeholders. */
function planOfBuilt({ statement, values }: BuiltStatement): Promise<string> {
  const types = ['text', ...values.slice(1).map((_, n) => typeIn(statement.text, n + 2))]
  const literals = values.map(value => (Array.isArray(value) ? `'{${value.join()}}'` : `'${value}'`))
  return planOf(statement, types, literals)
}

const typeIn = (text: string, n: number) =>
  new RegExp(`\\$${n}::(\\w+(\\[\\])?)`).exec(text)?.[1] ?? 'unknown'

/** One owner of half of all tasks, and many owners of a few. */
async function fill(): Promise<void> {
  await db.query(
    unprepared(`insert into duly.owners (id, revision, task_count)
      select case when n = 0 then 'alice' else 'user ' || n end, 1, 1 from generate_series(0, 500) as n`),
  )
  await db.query(
    unprepared(`insert into duly.lists (user_id, name, position, is_archived, created_at, updated_at, revision)
      select 'alice', 'list ' || n, 'a' || n, n % 5 = 0, now(), now(), 1 from generate_series(1, 20) as n`),
  )
  await db.query(
    unprepared(`insert into duly.tasks
        (user_id, title, title_key, description, description_key, is_completed, created_at, updated_at, revision, position,
          list_id, parent_id, due_key)
      select case when n % 2 = 0 then 'alice' else 'user ' || (n % 499 + 1) end, 'task ' || n, 'task ' || n,
        repeat(md5(n::text), 10), repeat(md5(n::text), 10), n % 10 = 0,
        now() - n * interval '1 second', now() - n * interval '1 second', 1, 'a' || n,
        nullif(n % 3, 0), case when n % 8 = 0 then 1 end, case when n % 4 = 0 then '2026-12-01~' end
      from generate_series(1, 10000) as n`),
  )
}

const clock: Clock = { now: '2026-12-01T08:30:00Z', zone: 'Europe/Berlin' }
const open = { filters: { is_completed: false } }
const completed = { filters: { is_completed: true } }

/** The filters of a list, and the index that contains few other tasks. */
const sources: readonly (readonly [string, ListFilters])[] = [
  ['tasks_created_at', {}],
  ['tasks_created_at', completed],
  ['tasks_created_at', { search: 'task 5', hidesArchived: true, list: 1, tags: ['a'] }],
  ['tasks_due', open],
  ['tasks_due', { ...open, search: 'task 5', hidesArchived: true }],
  ['tasks_due', { ...open, dueIn: [daysFromToday(clock, 7)], list: null }],
  ['tasks_due', { overdue: passedAt(clock) }],
  ['tasks_open', { ...open, list: null, parent: null }],
  [
    'tasks_open',
    { ...open, list: 1, parent: null, overdue: passedAt(clock), startIn: [daysFromToday(clock, 1)] },
  ],
  ['tasks_completed', { ...completed, list: 1, parent: null }],
  ['tasks_children', { parent: 1 }],
  ['tasks_children', { ...open, parent: 1, list: 1, search: 'task 5' }],
]

const by = (index: string) => new RegExp(`Index (Only )?Scan (Backward )?using ${index} on tasks`)

/** Pages whose order an index has, without other tasks in between. */
const indexed: readonly (readonly [string, Omit<ListQuery, 'limit'>])[] = [
  ['tasks_created_at', { sort: 'created_at' }],
  ['tasks_created_at', { sort: '-created_at', hidesArchived: true }],
  ['tasks_due', { sort: 'due', ...open }],
  ['tasks_due', { sort: 'due', ...open, hidesArchived: true }],
  ['tasks_open', { sort: 'position', ...open, list: null, parent: null }],
  ['tasks_open', { sort: '-position', ...open, list: 1, parent: null }],
  ['tasks_completed', { sort: 'position', ...completed, list: 1, parent: null }],
  ['tasks_children', { sort: 'position', parent: 1 }],
  ['tasks_children', { sort: '-position', parent: 1, hidesArchived: true }],
]

async function pagesInAnIndexAreReadFromIt(): Promise<void> {
  for (const [index, asked] of indexed) {
    const query = { limit: 100, ...asked }
    const source = sourceOf(query)
    const { filters, hidesArchived: _hides, ...rest } = restOf(source, query)
    assert.ok(isInOrder(source, query), JSON.stringify(query))
    assert.deepEqual({ ...filters, ...rest }, {}, JSON.stringify(query))
    const plan = await planOfBuilt(indexedListStatement('alice', query, source))
    assert.match(plan, by(index), plan)
    assert.match(plan, /Index Cond: .*ROW\(/, plan)
    assert.doesNotMatch(plan, /Sort|Seq Scan|Bitmap/, plan)
  }
}

/** A scan reads the next tasks from an index with few others, and sorts only those. */
async function scansGoByTheSmallestIndex(): Promise<void> {
  for (const [index, filter] of sources) {
    const orders = index === 'tasks_created_at' ? sortOrders : (['title', '-created_at', 'due'] as const)
    for (const sort of orders) {
      const query = { sort, limit: 100, ...filter }
      // An index in the order of the query is preferred.
      const source =
        sort === 'due' && filter.filters?.is_completed === false && !filter.parent ? 'tasks_due' : index
      const small = await planOfBuilt(smallListStatement('alice', query, { tasks: 500, bytes: 512 * 1024 }))
      const from = { key: '9999-12-31', id: 9 }
      const turn = await planOfBuilt(
        turnStatement(
          'alice',
          query,
          sourceOf(query),
          { from, isDown: false, before: from, rows: 500 },
          true,
        ),
      )
      for (const [plan, name] of [
        [small, 'tasks_created_at'],
        [turn, source],
      ] as const) {
        assert.match(plan, by(name), plan)
        assert.match(
          plan,
          /Limit\n[^\n]*((Result|InitPlan)[^\n]*\n[^\n]*(One-Time Filter|owners_pkey)[^\n]*\n[^\n]*(Index Cond[^\n]*\n[^\n]*)?)?Index (Only )?Scan/,
          plan,
        )
        assert.doesNotMatch(plan, /tasks_pkey|Seq Scan|Bitmap/, plan)
        for (const [, used] of plan.matchAll(/ using (\w+) on tasks/g)) assert.equal(used, name, plan)
      }
    }
  }
  const rows = await planOf(tasksOfIds, ['text', 'bigint[]'], [`'alice'`, `'{1,2,3}'`])
  assert.match(rows, /using tasks_pkey on tasks/, rows)
  assert.doesNotMatch(rows, /tasks_created_at|Seq Scan|Bitmap/, rows)
}

async function pagesGoByTheirIndex(): Promise<void> {
  const skipping = await planOf(page, ['text', 'bigint', 'bigint'], [`'alice'`, '100', '50'])
  const types = ['text', 'text', 'bigint', 'bigint', 'bigint']
  const after = await planOf(batch, types, [`'alice'`, `'infinity'`, '9', '100', '0'])
  const passing = await planOf(skip, types.slice(0, 4), [`'alice'`, `'infinity'`, '9', '99'])
  for (const plan of [skipping, after, passing]) {
    assert.match(plan, /Index (Only )?Scan Backward using tasks_created_at on tasks/)
    assert.doesNotMatch(plan, /Sort|Seq Scan/)
  }
}

/** The oldest rows are found with an index in their order, and deleted by primary key. */
async function droppingGoesByItsIndex(): Promise<void> {
  const cases = [
    { statement: dropTrash, rest: [], oldest: 'tasks_trash', key: 'tasks_pkey' },
    { statement: dropChanges, rest: [['integer', '0']], oldest: 'changes_pkey', key: 'changes_pkey' },
    { statement: dropKeys, rest: [['boolean', 'false']], oldest: 'keys_at', key: 'keys_pkey' },
  ]
  for (const { statement, rest, oldest, key } of cases) {
    const types = ['text', 'bigint', ...rest.map(([type = '']) => type)]
    const plan = await planOf(statement, types, [`'alice'`, '1000', ...rest.map(([, value = '']) => value)])
    assert.match(plan, new RegExp(`Index (Only )?Scan using ${oldest} on`), plan)
    assert.match(plan, new RegExp(`using ${key} on`), plan)
    assert.doesNotMatch(plan, /Seq Scan|Hash|Merge/, plan)
  }
}

/** The next tasks of a list are found behind those of the step before. */
async function stepsGoByKeys(): Promise<void> {
  const types = ['text', 'bigint', 'bigint', 'bigint', 'text']
  const values = [`'alice'`, '1', '501', '5', `'2026-12-01T08:30:00Z'`]
  const live = await planOf(nextLive, types.slice(0, 4), values.slice(0, 4))
  const purged = await planOf(nextOfList, types.slice(0, 3), [`'alice'`, '1', '5'])
  for (const plan of [live, purged])
    assert.match(plan, /using tasks_pkey on tasks\n\s*Index Cond: .*\(id > /, plan)
  const sized = ['text', 'text', 'bigint', 'bigint']
  const plans = [
    await planOf(nextDeleted, types, values),
    await planOf(nextSize, sized, [`'alice'`, `'2026-12-01T08:30:00Z'`, '1', '5']),
  ]
  for (const plan of plans)
    assert.match(plan, /Limit\n.*using tasks_trash on tasks tasks_1\n.*ROW\(deleted_at, id\) > /, plan)
  const trashed = await planOf(nextTrashed, ['text', 'text'], [`'alice'`, `'2026-12-01T08:30:00Z'`])
  assert.match(trashed, /using tasks_trash on tasks\n\s*Index Cond: \(user_id = /, trashed)
  for (const plan of [live, purged, trashed]) assert.doesNotMatch(plan, /Sort/, plan)
  for (const plan of [live, purged, trashed, ...plans]) assert.doesNotMatch(plan, /Seq Scan|Bitmap/, plan)
}

/** Each entry of the log finds its item by key, and each page of a first sync begins at a key. */
async function syncGoesByKeys(): Promise<void> {
  const types = ['text', 'bigint', 'smallint', 'bigint', 'bigint']
  const log = await planOf(logAfter, types, [`'alice'`, '5', '9', '1', '100'])
  assert.equal(log.match(/using changes_pkey on changes/g)?.length, 2, log)
  assert.match(log, /Index Cond: .*ROW\(revision, item_type, item_id\)/, log)
  for (const key of ['tasks_pkey', 'lists_pkey', 'settings_pkey', 'owners_pkey'])
    assert.match(log, new RegExp(`using ${key} on`), log)
  const plans = [
    log,
    await planOf(tasksAfter, ['text', 'bigint', 'bigint'], [`'alice'`, '5', '100']),
    await planOf(listsAfter, ['text', 'bigint', 'bigint'], [`'alice'`, '5', '100']),
    await planOf(listsOfIds, ['text', 'bigint[]'], [`'alice'`, `'{1,2}'`]),
    await planOf(moved, ['text[]', 'bigint[]'], [`'{alice}'`, `'{1}'`]),
  ]
  for (const plan of plans) {
    assert.match(plan, /using (tasks|lists|settings|owners|changes)_pkey on/, plan)
    assert.doesNotMatch(plan, /Seq Scan on|Bitmap|Hash|Merge|Sort Key: (tasks|lists)/, plan)
  }
}

/** Thousands of rows are not each compared with each other one. */
async function changesFindTheirRowsByKey(): Promise<void> {
  const columns = (['bigint', 'text', 'timestamptz'] as const).map((type, n) => {
    const name = ['id', 'position', 'updated_at'][n] ?? ''
    return { name, type, of: () => null }
  })
  const types = ['text', 'bigint', 'text', ...columns.map(({ type }) => `${type}[]`)]
  const values = [`'alice'`, '2', `'2026-12-01T08:30:00Z'`, `'{1,2}'`, `'{a,b}'`, `'{NULL,NULL}'`]
  const plan = await planOf(updateStatement(tables.tasks, 'position', columns), types, values)
  assert.equal(plan.match(/using tasks_pkey on tasks/g)?.length, 2, plan)
  assert.equal(plan.match(/Index Cond: .*id = ANY/g)?.length, 2, plan)
  assert.doesNotMatch(plan, /Seq Scan|Bitmap/, plan)
  // A plan for two rows can do that.
  if (mode === 'force_generic_plan') assert.doesNotMatch(plan, /Nested Loop/, plan)
}

/** The children of a task are read only if it is not in the trash, with thousands of them. */
async function deletionsReadChildrenLast(): Promise<void> {
  const context = { owner: 'alice', actor: 'session', quota: unlimited }
  const plan = await planOfBuilt(removeStatement(context, 1, {}))
  assert.match(plan, /SubPlan \d+\n *-> *Index .* using tasks_children on/, plan)
  assert.doesNotMatch(plan, /Seq Scan|Bitmap/, plan)
}

async function everyPlan(): Promise<void> {
  for (mode of planModes) {
    await syncGoesByKeys()
    await pagesGoByTheirIndex()
    await pagesInAnIndexAreReadFromIt()
    await scansGoByTheSmallestIndex()
    await droppingGoesByItsIndex()
    await stepsGoByKeys()
    await changesFindTheirRowsByKey()
    await deletionsReadChildrenLast()
  }
}

describe('a list is read from an index', () => {
  it('if the tables are empty', everyPlan)

  it('if the empty table has been vacuumed', async () => {
    await db.query(unprepared('vacuum analyze duly.tasks'))
    await everyPlan()
  })

  it('if there are many tasks without statistics', async () => {
    await fill()
    await everyPlan()
  })

  it('if there are statistics', async () => {
    await db.query(unprepared('analyze'))
    await everyPlan()
  })

  it('if the statistics are outdated', async () => {
    await db.query(unprepared('delete from duly.owners'))
    await db.query(unprepared('vacuum analyze'))
    await fill()
    await everyPlan()
  })
})
