import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { declared } from '../front-ends/declared.ts'
import type { NewClient } from './client.ts'

/** In the order of their creation. */
const apple = {
  title: 'apple pie',
  priority: 'high',
  due_date: '2026-12-03',
  category: 'home',
  tags: ['x', 'y'],
}
const fruit = [
  { ...apple, status: 'DONE' },
  { title: 'Banana', priority: 'LOW', due_date: '2026-12-01T09:30', category: 'work', tags: ['y'] },
  { title: 'cherry', priority: 'normal', description: 'Ripe bananas' },
  { title: 'date', due_date: '2026-12-02', category: 'home', completed: true },
]

/** Query → initials of the tasks that it lists, in order. */
const queries: Readonly<Record<string, string>> = {
  '': 'dcba',
  'status=all': 'dcba',
  'status=completed': 'da',
  'status=DONE': 'da',
  'status=pending': 'cb',
  'status=in_progress': 'cb',
  'completed=true': 'da',
  'complete=false': 'cb',
  'is_completed=true': 'da',
  'priority=high': 'a',
  'priority=URGENT': 'a',
  'priority=medium': 'c',
  'priority=Low': 'b',
  'search=apple': 'a',
  'search=BANANA': 'cb',
  'q=pie+apple': 'a',
  'category=home': 'da',
  'tags=y': 'ba',
  'tags=x,y': 'a',
  'tags=x&tags=y': 'a',
  'status=pending&category=work&search=ban&tags=y': 'b',
  'sort=created_at': 'dcba',
  'sort=created_at&order=asc': 'abcd',
  'sort=-created_at': 'dcba',
  'sort=created&order=desc': 'dcba',
  'sort_by=title': 'abcd',
  'sort_by=title&sort_order=desc': 'dcba',
  'sort=-title': 'dcba',
  'sort=due_date': 'bdac',
  'sort=due&order=desc': 'adbc',
  'sort=-due_date': 'adbc',
  'sort=priority': 'acbd',
  'sort=priority&order=asc': 'bcad',
  'sort=updated_at': 'dcba',
  'sort=updated_at&order=asc': 'abcd',
  'order=asc': 'abcd',
  'page=1&page_size=3': 'dcb',
  'page=2&per_page=3': 'a',
  'page=2&limit=2': 'ba',
  'page_size=1': 'd',
  'page=9&page_size=2': '',
  'status=completed&page=2&page_size=1': 'a',
  // Values without a meaning are ignored.
  'sort=default': 'dcba',
  'sort=&order=&search=&priority=&category=&tags=&status=': 'dcba',
  'order=sideways': 'dcba',
  'priority=all': 'dcba',
  'completed=perhaps': 'dcba',
  'page=0': 'dcba',
  'page=x&page_size=many': 'dcba',
  'colour=red': 'dcba',
}

const hostile = [
  '%00',
  '%27',
  '%25',
  '%5C',
  '%F0%9F%90%91',
  '%FF',
  '-1',
  '1e9',
  '9'.repeat(30),
  'a'.repeat(500),
]
const names = [
  'status',
  'completed',
  'priority',
  'search',
  'q',
  'category',
  'tags',
  'sort',
  'order',
  'page',
  'per_page',
]

export function testLists(name: string, newClient: NewClient): void {
  const contract = declared(name)

  describe(`${name}: lists`, () => {
    it('are filtered, sorted and paginated by the query', async () => {
      const client = newClient()
      for (const task of fruit) await client.send('POST', client.collection, task)
      for (const [query, initials] of Object.entries(queries)) {
        for (const slash of query === '' ? ['', '/'] : ['']) {
          const tasks = await client.list(`${slash}?${query}`)
          assert.equal(tasks.map(({ title }) => String(title)[0]?.toLowerCase()).join(''), initials, query)
        }
      }
    })

    it('count the matching tasks', async () => {
      const client = newClient()
      if (contract.list === 'bare') return
      for (const task of [...fruit, ...fruit]) await client.send('POST', client.collection, task)
      for (const [query, count] of [
        ['', 8],
        ['?status=completed', 4],
        ['?page=2&page_size=3', 8],
        ['?status=pending&page_size=1', 4],
        ['?sort=title&page_size=1', 8],
        ['?search=nothing', 0],
      ] as const) {
        const { body } = await client.send('GET', client.collection + query)
        assert.deepEqual([body.count, body.total ?? count], [count, count], query)
      }
    })

    it('return a list or a validation error for every value of a query', async () => {
      const client = newClient()
      await client.create()
      for (const value of hostile) {
        const query = names.map(key => `${key}=${value}`).join('&')
        const answer = await client.send('GET', `${client.collection}?${query}`)
        if (answer.status !== 200) client.refused(answer, 'broken', query)
      }
    })

    it('reject a limit and an offset that the documented contract rejects', async () => {
      const client = newClient()
      const known = contract.window
        ? ['limit=0', 'limit=x', `${contract.window}=-1`, `${contract.window}=x`]
        : []
      for (const query of known)
        client.refused(await client.send('GET', `${client.collection}?${query}`), 'broken', query)
    })
  })
}
