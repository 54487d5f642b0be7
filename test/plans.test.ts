import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { type Statement, unprepared } from '../server/db/database.ts'
import { sortOrders } from '../server/tasks/list.ts'
import {
  type ListStatement,
  listOfIds,
  listOfMatches,
  listStatement,
} from '../server/tasks/list-statements.ts'
import { hitsByGrams } from '../server/tasks/search-statements.ts'
import { sortSomeIn } from '../server/tasks/sort-in.ts'
import { batch, page } from '../server/tasks/statements.ts'
import { ownMigratedDatabase } from './served.ts'

const { db, close } = await ownMigratedDatabase()
after(close)

const position = ['text', 'text', 'bigint', 'bigint'] as const

/** A statement used often gets a plan for whatever values come. At first, and where it is not prepared, it gets one for its values. */
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

async function planOfList(
  { statement, start }: ListStatement,
  filtered: boolean,
  ...more: (readonly [string, string])[]
): Promise<string> {
  const rest = [...more, ...(filtered ? [['boolean', 'true'] as const] : [])]
  const literals = [
    `'alice'`,
    `'${start.key}'`,
    String(start.id),
    '101',
    ...rest.map(([, literal]) => literal),
  ]
  return planOf(statement, [...position, ...rest.map(([type]) => type)], literals)
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
  await db.query(
    unprepared(`insert into duly.search (user_id, id, title, title_grams, description, description_grams)
      select user_id, id, title_key, case when id % 2 = 0 then array[id, id % 100, id % 1000 + 1000000] end, 'text ' || repeat(md5(id::text), 10),
        case when id % 2 = 0 then array[id + 2000000, id % 100 + 3000000] end from duly.tasks`),
  )
}

const each = sortOrders.flatMap(sort =>
  [false, true].map(filtered => {
    const column = sort.replace('-', '').replace('title', 'title_key')
    const index = column === 'created_at' ? 'tasks_created_at' : `tasks_sorted_${column}`
    return { sort, filtered, ownIndex: new RegExp(`Index (Only )?Scan (Backward )?using ${index} on tasks`) }
  }),
)

/** What is sorted are the tasks that are not sorted in, and a page of its two parts. */
function sortsTheUnsortedAlone(plan: string): void {
  assert.doesNotMatch(plan, /Seq Scan/, plan)
  const [, ...sorts] = plan.split(/-> {2}(?=(?:Incremental )?Sort\b)/)
  for (const sort of sorts) {
    const [, ...below] = sort.split('->  ')
    const at = below.findIndex(node => !/^(Limit|Result|Subquery Scan)\b/.test(node))
    // What stands behind a limit is a page of one part.
    if (below.slice(0, at).some(node => node.startsWith('Limit'))) continue
    assert.match(below[at] ?? '', /^(Append|Index (Only )?Scan using tasks_unsorted)\b/, plan)
  }
}

async function listsGoByTheirIndex(): Promise<void> {
  for (const { sort, filtered, ownIndex } of each) {
    const plan = await planOfList(listStatement(sort, filtered), filtered)
    assert.match(plan, ownIndex, plan)
    const condition = /Index Cond: .*ROW\(.*/.exec(plan)?.[0] ?? ''
    assert.equal(condition.includes('is_completed'), filtered, plan)
    sortsTheUnsortedAlone(plan)
  }
}

async function searchesGoByGrams(): Promise<void> {
  const hits = await planOf(hitsByGrams, ['text', 'text', 'integer[]'], [`'alice'`, `'task'`, `'{1,2}'`])
  assert.equal(hits.match(/Bitmap Index Scan on search_grams/g)?.length, 2, hits)
  assert.match(hits, /search_without_grams/)
  assert.doesNotMatch(hits, /Seq Scan|search_pkey/)
}

async function searchesStayNarrow(): Promise<void> {
  for (const { sort, filtered, ownIndex } of each) {
    const few = await planOfList(listOfIds(sort, filtered), filtered, ['bigint[]', `'{1,2,3}'`])
    assert.match(few, /tasks_pkey/)
    assert.doesNotMatch(few, /Seq Scan|tasks_(created_at|sorted_|unsorted)/)
    const many = await planOfList(listOfMatches(sort, filtered), filtered, ['text', `'task'`])
    assert.match(many, ownIndex)
    assert.match(many, /using search_pkey on search/)
    sortsTheUnsortedAlone(many)
  }
}

async function pagesGoByTheirIndex(): Promise<void> {
  for (const columns of ['usual', 'all'] as const) {
    const skipping = await planOf(page[columns], ['text', 'bigint', 'bigint'], [`'alice'`, '100', '50'])
    const after = await planOf(
      batch[columns],
      ['text', 'text', 'bigint', 'bigint', 'bigint'],
      [`'alice'`, `'infinity'`, '9', '100', '0'],
    )
    for (const plan of [skipping, after]) {
      assert.match(plan, /Index Scan Backward using tasks_created_at on tasks/)
      assert.doesNotMatch(plan, /Sort|Seq Scan/)
    }
  }
}

async function sortingInIsNarrow(): Promise<void> {
  const plan = await planOf(sortSomeIn, ['text', 'bigint', 'bigint'], [`'alice'`, '0', '100'])
  assert.match(plan, /Index Scan using tasks_unsorted on/)
  assert.match(plan, /tasks_pkey/)
  assert.doesNotMatch(plan, /Seq Scan/, plan)
}

async function everyPlan(): Promise<void> {
  for (mode of planModes) {
    await sortingInIsNarrow()
    await pagesGoByTheirIndex()
    await listsGoByTheirIndex()
    await searchesGoByGrams()
    await searchesStayNarrow()
  }
}

describe('a page is read from the index of its order from the position on, a search goes by grams', () => {
  it('a page also where the database has nothing yet', listsGoByTheirIndex)

  it('where it has many tasks, and has not looked at them', async () => {
    await fill()
    await everyPlan()
  })

  it('where most of them are sorted in', async () => {
    await db.query(
      unprepared(`update duly.tasks set sorted_updated_at = updated_at, sorted_title_key = title_key, sorted_is_completed = is_completed
        where id % 10 > 0`),
    )
    await everyPlan()
  })

  it('where it has looked at them', async () => {
    await db.query(unprepared('analyze'))
    await everyPlan()
  })

  it('where one long list is sorted in, and no other', async () => {
    await db.query(
      unprepared(`update duly.tasks set sorted_updated_at = null, sorted_title_key = null, sorted_is_completed = null
        where user_id <> 'alice'`),
    )
    await db.query(unprepared('vacuum analyze'))
    await everyPlan()
  })

  it('where what it knows is out of date', async () => {
    await db.query(unprepared('delete from duly.owners'))
    await db.query(unprepared('vacuum analyze'))
    await fill()
    await everyPlan()
  })
})
