import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { failedStart } from './command.ts'
import { declared } from './front-ends/declared.ts'
import { ImpatientClient, type Values } from './impatient/client.ts'
import { type OwnDatabase, ownDatabase, type Served, served, testSecret, unlimited } from './served.ts'

// CONTRACT_OPTIONS: each option applies to the selected contract and to no other.

const contracts = ['task-api', 'stage-2', 'todo-app'] as const
const options = [
  ...['bare-list', 'whole-list', 'delete-body', 'wrapped-task'],
  ...['counts', 'defaults', 'error-object'],
]

let database: OwnDatabase
before(async () => {
  database = await ownDatabase()
})
after(() => database.drop())

function describeWith(CONTRACT: string, CONTRACT_OPTIONS: string, tests: (api: () => Served) => void): void {
  describe(`${CONTRACT} with ${CONTRACT_OPTIONS}`, () => {
    let api: Served
    before(async () => {
      api = await served({ ...unlimited, CONTRACT, CONTRACT_OPTIONS }, database)
    })
    after(() => api.close())
    tests(() => api)
  })
}

const createMany = (client: ImpatientClient, path: string, count: number) =>
  Promise.all(Array.from({ length: count }, (_, n) => client.send('POST', path, { title: `${n}` })))

for (const name of contracts) {
  const contract = declared(name)
  const { flag } = contract
  describeWith(name, options.join(','), api => {
    const newClient = () => new ImpatientClient(api(), name)
    /** A task without its times. */
    const shown = (client: ImpatientClient, values: Values) =>
      client.blank({ priority: 'medium', category: 'other', ...values })
    const rest = ({ created_at, updated_at, ...others }: Values) => {
      assert.ok(created_at && updated_at)
      return others
    }

    it('wraps each task, with defaults, in every response with one task', async () => {
      const client = newClient()
      const { status, body } = await client.send('POST', '/api/tasks', { title: 'a' })
      const { id } = body.task
      assert.deepEqual([status, Object.keys(body)], [201, ['task']])
      assert.deepEqual(rest(body.task), shown(client, { id, title: 'a' }))
      assert.deepEqual((await client.send('GET', client.at(id))).body, body)
      const values = { title: 'b', priority: 'Low', category: 'home', [flag]: true }
      const changed = await client.send('PUT', client.at(id), values)
      assert.deepEqual(rest(changed.body.task), shown(client, { id, ...values }))
      const cleared = await client.send('PATCH', client.at(id), {
        priority: null,
        category: '',
        [flag]: false,
      })
      assert.deepEqual(rest(cleared.body.task), shown(client, { id, title: 'b' }))
      assert.deepEqual(await client.send('GET', client.collection).then(answer => answer.body), [
        cleared.body.task,
      ])
      if (!contract.toggle) return
      for (const [method, path] of [
        ['PATCH', '/complete'],
        ['PATCH', '/toggle'],
        ['POST', '/complete'],
      ] as const) {
        const { body: toggled } = await client.send(method, client.at(id, path))
        assert.equal(toggled.task.id, id)
        assert.deepEqual((await client.send('GET', client.at(id))).body, toggled)
      }
    })

    it('lists a bare array of all tasks, or of the requested page', async () => {
      const client = newClient()
      await createMany(client, client.collection, 52)
      for (const [query, count] of [
        ['', 52],
        ['?status=pending', 52],
        ['?limit=3', 3],
        ['?page=2', 2],
        ['?page=1', 50],
        ['?page_size=4', 4],
        ['?page=2&per_page=50', 2],
      ] as const) {
        const { status, body } = await client.send('GET', client.collection + query)
        assert.deepEqual([status, body.length], [200, count], query)
      }
    })

    it('returns a body for a deletion', async () => {
      const client = newClient()
      const { id } = (await client.send('POST', client.collection, { title: 'a' })).body.task
      const { status, body } = await client.send('DELETE', client.at(id))
      assert.deepEqual([status, { ...body, message: '' }], [200, { success: true, message: '', id }])
      assert.match(body.message, /\w/)
      assert.equal((await client.send('GET', client.at(id))).status, 404)
    })

    it('returns errors as objects', async () => {
      const client = newClient()
      const { statuses, codes } = contract
      for (const [key, answer] of [
        ['missingToken', await client.sendAs(undefined, 'GET', client.collection)],
        ['badToken', await client.sendAs('a.b.c', 'GET', client.collection)],
        ['forbidden', await client.send('GET', '/api/mallory/tasks')],
        ['missing', await client.send('GET', client.at(Number.MAX_SAFE_INTEGER))],
        ['broken', await client.send('POST', client.collection, { title: '', priority: 5 })],
        ['missing', await client.send('GET', '/api/nowhere/at/all')],
      ] as const) {
        const { error, detail, ...others } = answer.body
        assert.deepEqual([answer.status, others], [statuses[key], {}], key)
        assert.deepEqual(Object.keys(error).sort(), ['code', 'details', 'message'])
        assert.equal(error.message, detail)
        assert.match(error.code, codes?.[key] ? new RegExp(`^${codes[key]}$`) : /^\w+$/)
        assert.ok(Array.isArray(error.details))
      }
    })

    it('does not change todos and v1', async () => {
      const todos = new ImpatientClient(api(), 'todos')
      const task = await todos.create()
      await todos.change(task, 'PUT', '', { title: 'b' }, { title: 'b' })
      todos.refused(await todos.send('POST', todos.collection, {}), 'broken')
      assert.equal((await todos.send('DELETE', todos.at(task.id))).status, 204)
      const { body } = await todos.send('GET', '/api/v1/tasks')
      assert.deepEqual(body, { tasks: [], next_cursor: null })
    })
  })
}

for (const name of contracts.filter(contract => declared(contract).list !== 'bare')) {
  describeWith(name, 'whole-list,counts', api => {
    it('lists all tasks with both counts, unless a page is requested', async () => {
      const client = new ImpatientClient(api(), name)
      await createMany(client, client.collection, 50)
      for (const title of ['done', 'done too'])
        await client.send('POST', client.collection, { title, status: 'done' })
      for (const [query, length, counts] of [
        ['', 52, [2, 50]],
        ['?limit=3', 3, [2, 50]],
        ['?page=2', 2, [2, 50]],
        ['?search=too', 1, [1, 0]],
      ] as const) {
        const { status, body } = await client.send('GET', client.collection + query)
        const { tasks, completed_count, pending_count, count, total = count, has_more = false } = body
        assert.equal(status, 200)
        assert.deepEqual([tasks.length, [completed_count, pending_count]], [length, counts], query)
        assert.deepEqual([count, total], [counts[0] + counts[1], counts[0] + counts[1]], query)
        assert.equal(has_more, name === 'task-api' && query === '?limit=3', query)
        const keys = [...Object.keys(declared(name).list), 'completed_count', 'pending_count']
        assert.deepEqual(Object.keys(body).sort(), keys.sort())
      }
    })
  })
}

describe('the server', () => {
  it('rejects unknown contracts and options, and lists the valid ones', async () => {
    const env = { ...database.env, CONTRACT: 'stage-3', CONTRACT_OPTIONS: 'bare-list,bear-list' }
    const { code, stderr } = await failedStart({ ...env, BETTER_AUTH_SECRET: testSecret })
    assert.notEqual(code, 0)
    for (const known of [...contracts, ...options, 'CONTRACT', 'CONTRACT_OPTIONS'])
      assert.ok(stderr.includes(known), `${known}: ${stderr}`)
  })
})
