import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import { type ListQuery, type Position, type SortOrder, sortOrders } from '../server/tasks/list.ts'
import { fewHits, scanned } from '../server/tasks/search-statements.ts'
import { sweep } from '../server/tasks/sweep.ts'
import type { Task } from '../server/tasks/task.ts'
import { makeGrams, sortIn } from './background.ts'
import { ownTasks } from './own-tasks.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

const { db, close } = await ownMigratedDatabase()
after(close)

/** Tasks that are found by reading them, and tasks that have been given grams before each search. */
const ways = ['reading', 'grams'] as const
const byGrams = new Set<string>()

function ownerBy(way: (typeof ways)[number]): string {
  const owner = newUser()
  if (way === 'grams') byGrams.add(owner)
  return owner
}

const titled = (title: string) => ({ title, description: null, isCompleted: false })

async function titles(owner: string, search: string, query: Partial<ListQuery> = {}): Promise<string[]> {
  if (byGrams.has(owner)) await makeGrams(db, owner, 0)
  const page = await ownTasks(db, owner).list({ sort: 'created_at', limit: 100, ...query, search })
  return page.tasks.map(({ title }) => title)
}

async function grams(owner: string, column: 'title' | 'description'): Promise<number> {
  const text = `select count(*) from duly.search where user_id = $1 and ${column}_grams is not null`
  return Number((await db.query(unprepared(text), [owner]))[0]?.[0])
}

for (const way of ways) {
  describe(`a search by ${way}`, () => {
    const ownerWith = () => ownerBy(way)
    const found: readonly (readonly [what: string, text: string, ...searches: string[]])[] = [
      ['a part of a word', 'Groceries', 'roc', 'ies', 'gro'],
      ['in any case', 'Buy MILK', 'buy milk', 'BUY', 'mIlK'],
      ['across words', 'Water the plants', 'er the pl', 'the plants'],
      ['in any case of any language', 'Привет, Ωμέγα ÉCOLE', 'привет', 'ωμέγα', 'école', 'e\u0301cole'],
      ['Turkish, with and without dots', 'İstanbul ısırgan', 'istanbul', 'ISTANBUL', 'ISIRGAN', 'İSTANBUL'],
      ['German, in capitals', 'Große Straße', 'STRASSE', 'straße', 'GROSSE'],
      ['Greek, with a final sigma', 'ΟΔΟΣ και οδός', 'οδος', 'ΟΔΟΣ', 'οδοσ'],
      ['two characters of Japanese', '明日の会議を忘れない', '会議', '明日', '忘れ'],
      ['one character of Chinese', '买牛奶', '奶', '买'],
      ['Korean', '장보기 목록', '장보기', '목록', '보기 목'],
      ['emoji', 'Feed the \u{1f411}\u{1f411} today', '\u{1f411}', '\u{1f411}\u{1f411}', 'the \u{1f411}'],
      ['text from right to left', 'לקנות חלב מחר', 'חלב', 'לקנות ח'],
      ['Arabic', 'شراء الحليب', 'الحليب', 'راء'],
      [
        'what means something elsewhere',
        `100%_\\'"; drop table --`,
        '%',
        '_',
        '\\',
        `'`,
        '"',
        `%_\\'"`,
        '0%_',
        ';',
      ],
      ['one and two characters', 'a bc', 'a', 'bc', ' b'],
      ['its whole self', 'x'.repeat(500), 'x'.repeat(500)],
    ]
    for (const [what, text, ...searches] of found) {
      it(`finds ${what}, in the title and in the description`, async () => {
        const owner = ownerWith()
        const tasks = ownTasks(db, owner)
        await tasks.create(titled(text))
        await tasks.create({ title: 'described', description: `see: ${text}`, isCompleted: false })
        await tasks.create(titled('!'))
        for (const search of searches)
          assert.deepEqual(await titles(owner, search), [text, 'described'], search)
      })
    }

    it('finds nothing that is not there', async () => {
      const owner = ownerWith()
      await ownTasks(db, owner).create({ title: 'abcd', description: 'efgh', isCompleted: false })
      for (const search of ['abd', 'abcdefgh', 'dcba', 'a%d', 'a_cd', 'ab.*', 'z', '', 'abcd '].filter(
        Boolean,
      )) {
        assert.deepEqual(await titles(owner, search), [], search)
      }
    })

    it('finds nothing by what no task can hold', async () => {
      const owner = ownerWith()
      await ownTasks(db, owner).create(titled('abcd'))
      for (const search of ['a\0b', '\0', '\ud800', 'abc\udc00']) {
        const page = await ownTasks(db, owner).list({ sort: 'title', limit: 5, search })
        assert.deepEqual([page.tasks, page.next, page.state], [[], null, await ownTasks(db, owner).state()])
      }
    })

    it('follows a change of either text, and only of that one', async () => {
      const owner = ownerWith()
      const tasks = ownTasks(db, owner)
      const { id } = await tasks.create({
        title: 'first title',
        description: 'first text',
        isCompleted: false,
      })
      const seen = async () =>
        [await titles(owner, 'first'), await titles(owner, 'second'), await titles(owner, 'text')].map(
          found => found.length,
        )
      await tasks.update(id, { title: 'second title' })
      assert.deepEqual(await seen(), [1, 1, 1])
      await tasks.update(id, { description: 'second text' })
      assert.deepEqual(await seen(), [0, 1, 1])
      await tasks.update(id, { description: null })
      assert.deepEqual(await seen(), [0, 1, 0])
      const { revision } = await tasks.toggle(id)
      await tasks.updateIf(id, { title: 'first title', description: 'text' }, [revision])
      assert.deepEqual(await seen(), [1, 0, 1])
      await tasks.updateIf(id, { title: 'second title', description: null }, [revision])
      assert.deepEqual(await seen(), [1, 0, 1])
      await tasks.remove(id)
      assert.deepEqual(await seen(), [0, 0, 0])
    })

    it('keeps up with writers of both texts at once', async () => {
      const owner = ownerWith()
      const tasks = ownTasks(db, owner)
      const { id } = await tasks.create(titled('title 0'))
      await Promise.all(
        Array.from({ length: 40 }, (_, n) =>
          tasks.update(id, n % 2 ? { title: `title ${n}` } : { description: `text ${n}` }),
        ),
      )
      const task = await tasks.get(id)
      assert.deepEqual(await titles(owner, task.title), [task.title])
      assert.deepEqual(await titles(owner, task.description ?? ''), [task.title])
      const [row] = await db.query(
        unprepared('select title, description from duly.search where id = $1 and user_id = $2'),
        [id, owner],
      )
      assert.deepEqual(row, [task.title, task.description])
    })

    it('never shows, nor counts, another owner’s task', async () => {
      const [alice, bob] = [ownerWith(), ownerWith()]
      for (let n = 0; n < 3; n += 1) await ownTasks(db, alice).create(titled('secret plans'))
      await ownTasks(db, bob).create(titled('secret wishes'))
      for (const search of ['secret', 'se', 'plans']) {
        assert.deepEqual(await titles(bob, search), search === 'plans' ? [] : ['secret wishes'])
      }
    })

    it('comes in pages in every order, with and without a filter, none twice and none skipped', async () => {
      const owner = ownerWith()
      const tasks = ownTasks(db, owner)
      const made = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          tasks.create({
            title: `${n % 2 ? 'odd' : 'even'} ${n % 3}`,
            description: null,
            isCompleted: n % 4 === 1,
          }),
        ),
      )
      for (const sort of sortOrders) {
        for (const filter of [{}, { isCompleted: true }]) {
          const list = (await tasks.list({ sort, limit: 100, ...filter })).tasks
          const expected = list.filter(({ title }) => title.startsWith('odd'))
          assert.ok(made.length > expected.length && expected.length > 0)
          assert.deepEqual(await pages(owner, { sort, limit: 2, search: 'ODD', ...filter }), expected)
        }
      }
    })
  })
}

async function pages(owner: string, query: ListQuery): Promise<Task[]> {
  if (byGrams.has(owner)) await makeGrams(db, owner, 0)
  const found: Task[] = []
  let after: Position | null = null
  do {
    const page = await ownTasks(db, owner).list(after ? { ...query, after } : query)
    found.push(...page.tasks)
    after = page.next
  } while (after)
  return found
}

describe('what a search goes by', () => {
  it('loses its grams when a text changes, and is found all the same', async () => {
    const owner = newUser()
    const tasks = ownTasks(db, owner)
    const { id } = await tasks.create({ ...titled('indexed'), description: 'text' })
    await makeGrams(db, owner, 0)
    const counts = async () => [await grams(owner, 'title'), await grams(owner, 'description')]
    assert.deepEqual(await counts(), [1, 1])
    await tasks.toggle(id)
    assert.deepEqual(await counts(), [1, 1])
    await tasks.update(id, { description: 'described' })
    assert.deepEqual(await counts(), [0, 0])
    assert.deepEqual(
      [await titles(owner, 'indexed'), await titles(owner, 'described')],
      [['indexed'], ['indexed']],
    )
    await makeGrams(db, owner, 0)
    assert.deepEqual(await counts(), [1, 1])
    assert.deepEqual([await titles(owner, 'text'), await titles(owner, 'described')], [[], ['indexed']])
  })

  it('gets its grams once an owner of many searches, past the first few thousand', async () => {
    const owner = newUser()
    await fill(owner, scanned + 50)
    await ownTasks(db, owner).list({ sort: 'title', limit: 1, search: 'nothing' })
    while ((await grams(owner, 'title')) < 50) await nextTurn()
    assert.deepEqual(await titles(owner, `common 0${scanned + 49}`), [`Common 0${scanned + 49}`])
    assert.equal(await grams(owner, 'title'), 50)
  })

  it('goes with the task when it is swept, and with its owner', async () => {
    const owner = newUser()
    const tasks = ownTasks(db, owner)
    const [{ id }] = [await tasks.create(titled('a')), await tasks.create(titled('b'))]
    await tasks.remove(id)
    const count = async () =>
      Number(
        (await db.query(unprepared('select count(*) from duly.search where user_id = $1'), [owner]))[0]?.[0],
      )
    assert.equal(await count(), 2)
    const age = `update duly.tasks set deleted_at = deleted_at - interval '31 days' where user_id = $1 and id = $2`
    await db.query(unprepared(age), [owner, id])
    await sweep(db, 30)
    assert.equal(await count(), 1)
    await db.query(unprepared('delete from duly.owners where id = $1'), [owner])
    assert.equal(await count(), 0)
  })
})

describe('a search that finds more than is put in order at once', () => {
  let owner: string
  const total = fewHits + 500
  before(async () => {
    owner = newUser()
    await fill(owner, total)
    await makeGrams(db, owner)
  })

  for (const sort of ['-created_at', 'title', '-updated_at'] as SortOrder[]) {
    it(`comes in pages in the order ${sort} all the same, with all, a third and none of it sorted in`, async () => {
      const lists: Task[][] = []
      for (const [nth, count] of [1, 3, total * total].entries()) {
        await sortIn(db, owner)
        await unsortAllButEach(owner, count)
        const found = await pages(owner, { sort, limit: 1000, search: 'common' })
        assert.equal(found.length, total)
        lists.push(await pages(owner, { sort, limit: 1000 }))
        assert.deepEqual(found, lists[nth])
        assert.deepEqual(found, lists[0])
        await unsortAllButEach(owner, count)
        const done = await pages(owner, { sort, limit: 1000, search: 'common', isCompleted: true })
        assert.deepEqual(
          done,
          found.filter(task => task.isCompleted),
        )
      }
    })
  }

  it('finds the rare among the common', async () => {
    assert.deepEqual(await titles(owner, 'common 00042'), ['Common 00042'])
    assert.deepEqual(await titles(owner, 'n 00042'), ['Common 00042'])
    assert.deepEqual(await titles(owner, `common 0${total - 1}`), [`Common 0${total - 1}`])
  })
})

/** Leaves one of `count` tasks sorted in, as it is now. */
async function unsortAllButEach(owner: string, count: number): Promise<void> {
  const text = `update duly.tasks set sorted_updated_at = null, sorted_title_key = null, sorted_is_completed = null
    where user_id = $1 and id % $2::bigint > 0`
  await db.query(unprepared(text), [owner, count])
}

/** Many tasks in one statement, as `create` would have made them. */
async function fill(owner: string, count: number): Promise<void> {
  await db.query(unprepared('insert into duly.owners (id, revision, task_count) values ($1, 1, $2)'), [
    owner,
    count,
  ])
  const tasks = `insert into duly.tasks (user_id, title, title_key, is_completed, created_at, updated_at, revision)
    select $1, 'Common ' || lpad(n::text, 5, '0'), 'common ' || lpad(n::text, 5, '0'), n % 100 = 0,
      now() + n * interval '1 second', now() - n * interval '1 second', 1 from generate_series(0, $2 - 1) as n`
  await db.query(unprepared(tasks), [owner, count])
  const search = `insert into duly.search (user_id, id, title) select user_id, id, title_key from duly.tasks where user_id = $1`
  await db.query(unprepared(search), [owner])
}
