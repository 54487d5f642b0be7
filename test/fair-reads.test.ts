import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { manyTasks } from './many-tasks.ts'
import { callAt, newUser, type Served, served, tokenOf, unlimited } from './served.ts'

const text = 'The basil twice, the cactus not at all. '.repeat(125)

// Longer than some contracts accept: their lists are not compared with the OpenAPI document.

let api: Served
before(async () => {
  api = await served(unlimited)
})
after(() => api.close())

/** A user with this many tasks of 5 KB each. */
async function userOf(count: number): Promise<string> {
  const user = newUser()
  await manyTasks(api.server.db, user, count, { title: 'Task', description: text })
  return user
}

const expensive = [
  'a search of long texts',
  '/api/v1/tasks?q=zz',
  'an order without an index',
  '/api/v1/tasks?sort=title&limit=1000',
  'a filter that few tasks match',
  '/api/v1/tasks?is_completed=true',
  'a deep offset',
  '/api/tasks?offset=99999',
  'a deep skip',
  '/api/v1/todos?skip=99999',
] as const

describe('while one user has 100 expensive reads in flight', () => {
  let busy: string
  before(async () => {
    busy = await userOf(700)
  })

  for (let n = 0; n < expensive.length; n += 2) {
    const [what = '', path = ''] = expensive.slice(n, n + 2)
    it(`(${what}), every request of another user gets a response`, async () => {
      const tokens = { busy: tokenOf(busy), other: tokenOf(newUser()) }
      const searches = Array.from({ length: 100 }, () =>
        callAt(api.server.url, 'GET', path, { token: tokens.busy }),
      )
      const { status, body } = await api.call('POST', '/api/v1/tasks', {
        token: tokens.other,
        json: { title: 'Mine' },
      })
      assert.equal(status, 201)
      for (const one of ['/api/v1/tasks', `/api/v1/tasks/${body.id}`, '/api/v1/tasks?q=mine', '/api/tasks'])
        assert.equal((await api.call('GET', one, { token: tokens.other })).status, 200, one)
      assert.equal((await api.call('GET', '/readyz')).status, 200)
      const answers = await Promise.all(searches)
      const refused = answers.filter(answer => answer.status === 429)
      for (const { headers } of refused) assert.equal(headers.get('retry-after'), '1')
      assert.equal(answers.filter(answer => answer.status === 200).length, 100 - refused.length)
      assert.ok(refused.length < 100)
    })
  }
})

describe('a long list is read in short statements', () => {
  it('for every route', async () => {
    const user = await userOf(500)
    const tasks: number[] = []
    const { db } = api.server
    const { read } = db
    Object.assign(db, {
      read: (...[statement, values, take]: Parameters<typeof read>) => {
        let count = 0
        return read
          .call(db, statement, values, row => {
            if (row.length > text.length) count += 1
            take(row)
          })
          .finally(() => tasks.push(count))
      },
    })
    for (const path of [
      '/api/v1/todos',
      '/api/v1/export',
      '/api/v1/tasks?limit=1000',
      '/api/tasks?limit=1000',
    ]) {
      tasks.length = 0
      assert.equal((await callAt(api.server.url, 'GET', path, { user })).status, 200, path)
      // 14 tasks are 64 KiB. The length of the tasks is known after the first statement.
      // The export reads the lists first.
      const [first = 0, ...others] = path.endsWith('export') ? tasks.slice(1) : tasks
      assert.ok(first <= 101 && others.length > 25 && Math.max(...others) <= 15, `${path}: ${tasks}`)
    }
    Object.assign(db, { read })
  })
})

describe('a deep offset', () => {
  it('returns the tasks at that offset, and the total number of tasks', async () => {
    const user = newUser()
    await manyTasks(api.server.db, user, 2300, { title: 'Task' })
    for (const [offset, limit] of [
      [0, 300],
      [999, 2],
      [1000, 150],
      [1001, 5],
      [2000, 1000],
      [2299, 5],
      [2300, 5],
      [50_000, 5],
    ] as const) {
      const { body } = await api.call('GET', `/api/tasks?offset=${offset}&limit=${limit}`, { user })
      const expected = Array.from(
        { length: Math.min(limit, Math.max(0, 2300 - offset)) },
        (_, n) => `Task ${offset + n + 1}`,
      )
      assert.deepEqual(
        body.tasks.map(({ title }: { title: string }) => title),
        expected,
        `${offset}`,
      )
      assert.equal(body.total, 2300)
      const todos = await callAt(api.server.url, 'GET', `/api/v1/todos?skip=${offset}&limit=${limit}`, {
        user,
      })
      assert.deepEqual(
        todos.body.map(({ title }: { title: string }) => title),
        expected,
        `${offset}`,
      )
    }
  })
})
