import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { type Session, type Statement, unprepared } from '../server/db/database.ts'
import { wake } from '../server/sync/webhooks/service.ts'
import { createStatement } from '../server/tasks/create-statement.ts'
import { daysFromToday, passedAt } from '../server/tasks/days.ts'
import { keyedBy } from '../server/tasks/keys.ts'
import { type ListFilters, sortOrders } from '../server/tasks/list-query.ts'
import { sourceInOrder, sourceOf } from '../server/tasks/list-source.ts'
import {
  indexedListStatement,
  smallListStatement,
  tasksOfIds,
  turnStatement,
} from '../server/tasks/list-statement.ts'
import { removeStatement } from '../server/tasks/remove-statement.ts'
import * as statements from '../server/tasks/statements.ts'
import { unlimited } from '../server/tasks/storage.ts'
import * as storage from '../server/tasks/storage-statements.ts'
import * as sync from '../server/tasks/sync-statements.ts'
import { updateStatement } from '../server/tasks/update-statement.ts'
import { ownTasks } from './own-tasks.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

// Only the statements separate the rows of owners. This shows what happens if a statement lacks the
// condition, and what row-level security would do; `npm run bench row-security` measures its cost.

const { db, close } = await ownMigratedDatabase()
after(close)

/** The statement without its condition on the owner. */
function withoutOwner({ text }: Statement): Statement {
  const forgotten = text.replaceAll('tasks.user_id = $1', '$1::text is not null')
  assert.notEqual(forgotten, text, 'the statement contains the condition')
  return unprepared(forgotten)
}

/** Runs `work` as a role that does not own the tables, so that the policies apply to it. */
async function guarded<T>(owner: string, work: (session: Session) => Promise<T>): Promise<T | undefined> {
  let found: T | undefined
  const undo = new Error('undone')
  const role = `guarded_${process.pid}`
  const trying = db.transaction(async session => {
    for (const text of [
      `create role ${role}`,
      `grant usage on schema duly to ${role}`,
      `grant all on all tables in schema duly to ${role}`,
      `create policy own on duly.tasks using (user_id = current_setting('duly.owner'))`,
      'alter table duly.tasks enable row level security',
      `set local role ${role}`,
    ])
      await session.query(unprepared(text))
    await session.query(unprepared(`select set_config('duly.owner', $1, true)`), [owner])
    found = await work(session)
    throw undo
  })
  await trying.catch(error => {
    if (error !== undo) throw error
  })
  return found
}

describe('a statement without the condition on the owner', () => {
  it('finds another owner’s task, since nothing else prevents it', async () => {
    const [ann, bob] = [newUser(), newUser()]
    const { id } = await ownTasks(db, ann).create({ title: 'Ann’s', description: null, is_completed: false })
    assert.deepEqual(await db.query(statements.get, [bob, id]), [])
    const [leaked] = await db.query(withoutOwner(statements.get), [bob, id])
    assert.equal(leaked?.[0], String(id))
  })

  it('finds nothing with row-level security', async () => {
    const [ann, bob] = [newUser(), newUser()]
    const { id } = await ownTasks(db, ann).create({ title: 'Ann’s', description: null, is_completed: false })
    const asked = (owner: string) =>
      guarded(owner, session => session.query(withoutOwner(statements.get), [owner, id]))
    assert.deepEqual(await asked(bob), [])
    assert.equal((await asked(ann))?.[0]?.[0], String(id))
  })
})

describe('every statement on tasks', () => {
  const clock = { now: '2026-12-01T08:30:00Z', zone: 'Europe/Berlin' }
  const filters: readonly ListFilters[] = [
    {},
    { filters: { is_completed: true } },
    { search: 'plants' },
    { filters: { is_completed: false }, search: 'plants' },
    { hidesArchived: true },
    { filters: { is_completed: false }, list: 1, parent: null },
    { parent: 1, tags: ['a'], overdue: passedAt(clock), startIn: [daysFromToday(clock, 7)] },
  ]
  const lists = sortOrders.flatMap(sort =>
    filters.flatMap(filter => {
      const query = { sort, limit: 10, ...filter }
      const source = sourceOf(query)
      const inOrder = sourceInOrder(query)
      const from = { key: 'infinity', id: 1 }
      const built = [
        ...(inOrder ? [indexedListStatement('ann', query, inOrder)] : []),
        smallListStatement('ann', query, { tasks: 9, bytes: 9 }),
        turnStatement('ann', query, source, { from, isDown: true, before: from, rows: 500 }, true),
      ]
      return built.map(({ statement }) => statement)
    }),
  )
  const ofStorage = Object.values(storage).filter(one => typeof one === 'object')
  const context = { owner: 'ann', actor: 'issuer', quota: unlimited }
  const writes = [{}, { revisions: [1] }, { keyed: keyedBy('key', 'request') }].flatMap(options =>
    [
      createStatement(context, { title: 'a' }, options),
      updateStatement(context, 1, { title: 'b' }, options),
      updateStatement(context, 1, { description: 'c', is_completed: true }, options),
      removeStatement(context, 1, options),
    ].map(({ statement }) => statement),
  )
  const ofSync = [sync.logAfter, sync.tasksAfter, sync.listsAfter, sync.listsOfIds, sync.noteWebhooks, wake]
  const all: Statement[] = [
    ...Object.values(statements),
    ...ofStorage,
    ...lists,
    ...writes,
    tasksOfIds,
    ...ofSync,
  ]
  const tables = /duly\.(tasks|owners|changes|keys|lists|settings|webhooks|deliveries|jobs)\b/g

  it('has a condition on the owner for each table', () => {
    assert.ok(all.length > 30, `${all.length} statements`)
    for (const { name, text } of all) {
      const touched = new Set(text.match(tables))
      const named = text.match(/(user_id|owners\.id|where id) = \$1|values \(\$1|select \$1,/g) ?? []
      assert.ok(named.length >= touched.size, `${name}: ${text}`)
    }
  })
})
