import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import type { Task } from '../server/tasks/fields.ts'
import { type ListQuery, type Position, sortOrders } from '../server/tasks/list-query.ts'
import { ownTasks } from './own-tasks.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

const { db, close } = await ownMigratedDatabase()
after(close)

const titled = (title: string) => ({ title, description: null, is_completed: false })

async function titles(owner: string, search: string, query: Partial<ListQuery> = {}): Promise<string[]> {
  const page = await ownTasks(db, owner).list({ sort: 'created_at', limit: 100, ...query, search })
  return page.tasks.map(({ title }) => title)
}

describe('a search', () => {
  const found: readonly (readonly [what: string, text: string, ...searches: string[]])[] = [
    ['a part of a word', 'Groceries', 'roc', 'ies', 'gro'],
    ['in any case', 'Buy MILK', 'buy milk', 'BUY', 'mIlK'],
    [
      'several words, in any order',
      'Water the plants',
      'plants water',
      'the  plants',
      'lants er',
      ' plants ',
    ],
    ['accents', 'Crème brûlée in a café', 'creme', 'CAFE', 'café', 'cafe\u0301', 'brulee cafe'],
    ['quotes', 'I don’t say “yes”', "don't", 'don‘t', '"yes"', '«yes»', "DON'T"],
    ['dashes', 'A well–known man—really', 'well-known', 'man-', 'well\u2011known'],
    ['widths', 'Ｆｕｌｌ ﾃｽﾄ １２', 'full', 'テスト', '12'],
    ['invisible characters', 'ha\u00adppy\u200b \ufeffday', 'happy', 'hap\u200bpy day'],
    ['white space of any kind', 'one\u00a0two\u3000three', 'one two', 'two\tthree'],
    ['letters with a stroke', 'Łódź, Søren, Đường', 'lodz', 'soren', 'duong'],
    ['in any case of any language', 'Привет, Ωμέγα ÉCOLE', 'привет', 'ωμεγα', 'école', 'e\u0301cole'],
    ['Russian without the dots of ё', 'Ёлка', 'елка', 'ёлка'],
    ['Turkish, with and without dots', 'İstanbul ısırgan', 'istanbul', 'ISTANBUL', 'ISIRGAN', 'İSTANBUL'],
    ['German, in capitals', 'Große Straße', 'STRASSE', 'straße', 'GROSSE'],
    ['Greek, with a final sigma', 'ΟΔΟΣ και οδός', 'οδος', 'ΟΔΟΣ', 'οδοσ'],
    ['Arabic without vowels and stretching', 'مَرْحَبًا أحـــمد', 'مرحبا', 'احمد'],
    ['Hebrew without points', 'שָׁלוֹם', 'שלום'],
    ['Hindi', 'हिन्दी में', 'हिन्दी', 'में हिन'],
    ['two characters of Japanese', '明日の会議を忘れない', '会議', '明日', '忘れ'],
    ['one character of Chinese', '买牛奶', '奶', '买'],
    ['Korean', '장보기 목록', '장보기', '목록', '보기 목'],
    ['emoji', 'Feed the \u{1f411}\u{1f411} today', '\u{1f411}', '\u{1f411}\u{1f411}', 'the \u{1f411}'],
    ['right-to-left text', 'לקנות חלב מחר', 'חלב', 'לקנות ח'],
    ['Arabic', 'شراء الحليب', 'الحليب', 'راء'],
    [
      'special characters of SQL and patterns',
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
    ['a whole title', 'x'.repeat(500), 'x'.repeat(500)],
  ]
  for (const [what, text, ...searches] of found) {
    it(`finds ${what}, in the title and in the description`, async () => {
      const owner = newUser()
      const tasks = ownTasks(db, owner)
      await tasks.create(titled(text))
      await tasks.create({ title: 'described', description: `see: ${text}`, is_completed: false })
      await tasks.create(titled('!'))
      for (const search of searches)
        assert.deepEqual(await titles(owner, search), [text, 'described'], search)
    })
  }

  it('does not find other texts', async () => {
    const owner = newUser()
    await ownTasks(db, owner).create({ title: 'abcd', description: 'efgh', is_completed: false })
    for (const search of [
      'abd',
      'abcdefgh',
      'dcba',
      'a%d',
      'a_cd',
      'ab.*',
      'z',
      'abcd z',
      'abcd\nefgi',
      'de',
    ])
      assert.deepEqual(await titles(owner, search), [], search)
  })

  it('distinguishes different letters of a language', async () => {
    const owner = newUser()
    for (const title of ['かき', 'мои', 'कि', 'на']) await ownTasks(db, owner).create(titled(title))
    for (const search of ['がき', 'мой', 'का', 'ка'])
      assert.deepEqual(await titles(owner, search), [], search)
  })

  it('finds every task if it has only white space or invisible characters', async () => {
    const owner = newUser()
    await ownTasks(db, owner).create(titled('abcd'))
    for (const search of [' ', '\u200b']) assert.deepEqual(await titles(owner, search), ['abcd'])
  })

  it('finds nothing if it has invalid Unicode', async () => {
    const owner = newUser()
    await ownTasks(db, owner).create(titled('abcd'))
    for (const search of ['a\ud800', '\ud800', 'abc\udc00']) {
      const page = await ownTasks(db, owner).list({ sort: 'title', limit: 5, search })
      assert.deepEqual([page.tasks, page.next, page.state], [[], null, await ownTasks(db, owner).state()])
    }
  })

  it('finds the current title and description after each change', async () => {
    const owner = newUser()
    const tasks = ownTasks(db, owner)
    const { id } = await tasks.create({
      title: 'first title',
      description: 'first text',
      is_completed: false,
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

  it('finds the current texts after concurrent writes of both', async () => {
    const owner = newUser()
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
      unprepared('select title_key, description_key from duly.tasks where id = $1 and user_id = $2'),
      [id, owner],
    )
    assert.deepEqual(row, [task.title, task.description])
  })

  it('never returns another owner’s task', async () => {
    const [alice, bob] = [newUser(), newUser()]
    for (let n = 0; n < 3; n += 1) await ownTasks(db, alice).create(titled('secret plans'))
    await ownTasks(db, bob).create(titled('secret wishes'))
    for (const search of ['secret', 'se', 'plans']) {
      assert.deepEqual(await titles(bob, search), search === 'plans' ? [] : ['secret wishes'])
    }
  })

  it('is paginated in every order, with and without a filter, without duplicates or omissions', async () => {
    const owner = newUser()
    const tasks = ownTasks(db, owner)
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        tasks.create({
          title: `${n % 2 ? 'odd' : 'even'} ${n % 3}`,
          description: null,
          is_completed: n % 4 === 1,
        }),
      ),
    )
    for (const sort of sortOrders) {
      for (const filter of [{}, { is_completed: true }]) {
        const list = (await tasks.list({ sort, limit: 100, ...filter })).tasks
        const expected = list.filter(({ title }) => title.startsWith('odd'))
        assert.ok(made.length > expected.length && expected.length > 0)
        assert.deepEqual(await pages(owner, { sort, limit: 2, search: 'ODD', ...filter }), expected)
      }
    }
  })
})

async function pages(owner: string, query: ListQuery): Promise<Task[]> {
  const found: Task[] = []
  let after: Position | null = null
  do {
    const page = await ownTasks(db, owner).list(after ? { ...query, after } : query)
    found.push(...page.tasks)
    after = page.next
  } while (after)
  return found
}
