import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Database, type Statement, unprepared, type Value } from '../server/db/database.ts'
import { sortOrders } from '../server/tasks/list.ts'
import { listStatement } from '../server/tasks/list-statements.ts'
import { ownMigratedDatabase } from './served.ts'

let db: Database
let close: () => Promise<void>
before(async () => {
  const own = await ownMigratedDatabase()
  db = own.db
  close = own.close
})
after(() => close())

const types: Readonly<Record<string, string>> = {
  $1: 'text',
  $2: 'text',
  $3: 'bigint',
  $4: 'bigint',
  $5: 'boolean',
}

/** The plan for whatever values come, which is the one that a statement used often gets. */
async function planOf({ name, text }: Statement, values: readonly Value[]): Promise<string> {
  const literals = values.map(value => (typeof value === 'string' ? `'${value}'` : String(value)))
  const rows = await db.transaction(async session => {
    await session.query(unprepared('set local plan_cache_mode = force_generic_plan'))
    const parameters = literals.map((_, n) => types[`$${n + 1}`]).join(', ')
    await session.query(unprepared(`prepare plan_${name} (${parameters}) as ${text}`))
    const plan = await session.query(
      unprepared(`explain (costs off) execute plan_${name} (${literals.join(', ')})`),
    )
    await session.query(unprepared(`deallocate plan_${name}`))
    return plan
  })
  return rows.map(([line]) => line).join('\n')
}

/** One owner of half of all tasks, and many of a few. */
async function fill(): Promise<void> {
  await db.query(
    unprepared(`insert into duly.owners (id, revision, task_count)
      select case when n = 0 then 'alice' else 'user ' || n end, 1, 1 from generate_series(0, 500) as n`),
  )
  await db.query(
    unprepared(`insert into duly.tasks (user_id, title, title_key, is_completed, created_at, updated_at, revision)
      select case when n % 2 = 0 then 'alice' else 'user ' || (n % 499 + 1) end, 'task ' || n, 'task ' || n, n % 10 = 0,
        now() - n * interval '1 second', now() - n * interval '1 second', 1 from generate_series(1, 10000) as n`),
  )
}

async function holdsToItsIndex(): Promise<void> {
  for (const sort of sortOrders) {
    const index = `tasks_${sort.replace('-', '').replace('title', 'title_key')}`
    for (const filtered of [false, true]) {
      const { statement, start } = listStatement(sort, filtered)
      const plan = await planOf(statement, ['alice', start.key, start.id, 101, ...(filtered ? [true] : [])])
      assert.match(
        plan,
        new RegExp(`Index Scan (Backward )?using ${index} on tasks`),
        `${statement.name}: ${plan}`,
      )
      const condition = /Index Cond: .*ROW\(.*/.exec(plan)?.[0] ?? ''
      assert.equal(condition.includes('is_completed'), filtered, plan)
      assert.doesNotMatch(plan, /Sort|Seq Scan/, `${statement.name}: ${plan}`)
    }
  }
}

describe('a page is read from the index of its order, from the position on', () => {
  it('where the database has nothing yet', holdsToItsIndex)

  it('where it has many tasks, and has not looked at them', async () => {
    await fill()
    await holdsToItsIndex()
  })

  it('where it has looked at them', async () => {
    await db.query(unprepared('analyze'))
    await holdsToItsIndex()
  })

  it('where what it knows is out of date', async () => {
    await db.query(unprepared('delete from duly.owners'))
    await db.query(unprepared('vacuum analyze'))
    await fill()
    await holdsToItsIndex()
  })
})
