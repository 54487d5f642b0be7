import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Database, type Statement, unprepared } from '../server/db/database.ts'
import { manyTasks } from './many-tasks.ts'
import { newUser, type Served, served, tokenOf } from './served.ts'

// The cost of a request, counted instead of timed: sequential statements, each a round trip, and
// bytes of response headers. A change that adds one must change a number here.

let api: Served
let sent: string[]
before(async () => {
  api = await served({ DATABASE_POOL: '1' })
  sent = []
  watch(api.server.db)
})
after(() => api.close())

/** Records every statement, including those in transactions. */
function watch(db: Database): void {
  const { query, read, run, transaction } = db
  const note = (statement: Statement) => {
    // Not part of a request: background checks, and maintenance of the embedded database.
    if (
      /from duly.revocations|pg_current_wal_lsn/.test(statement.text) ||
      /^duly_(jobs?|times)_/.test(statement.name)
    )
      return
    sent.push(statement.name || statement.text)
  }
  Object.assign(db, {
    query: (...call: Parameters<Database['query']>) => {
      note(call[0])
      return query.apply(db, call)
    },
    read: (...call: Parameters<Database['read']>) => {
      note(call[0])
      return read.apply(db, call)
    },
    run: (...call: Parameters<Database['run']>) => {
      note(call[0])
      return run.apply(db, call)
    },
    transaction: (work: Parameters<Database['transaction']>[0], ...more: []) =>
      transaction.call(
        db,
        async session => {
          sent.push('begin')
          const result = await work({
            query: (...call) => {
              note(call[0])
              return session.query(...call)
            },
            read: (...call) => {
              note(call[0])
              return session.read(...call)
            },
            run: (...call) => {
              note(call[0])
              return session.run(...call)
            },
          })
          sent.push('commit')
          return result
        },
        ...more,
      ),
  })
}

interface Expected {
  readonly method: string
  readonly path: string
  readonly json?: object
  readonly headers?: Record<string, string>
  readonly status: number
  /** Statements, and thus round trips, since none are sent concurrently. */
  readonly statements: number
}

const json = { title: 'Water the plants', description: 'The fern twice' }
const calls: readonly Expected[] = [
  { method: 'GET', path: '/livez', status: 200, statements: 0 },
  { method: 'GET', path: '/health', status: 200, statements: 1 },
  { method: 'GET', path: '/api/tasks', status: 200, statements: 1 },
  { method: 'GET', path: '/api/tasks?offset=1000', status: 200, statements: 1 },
  { method: 'GET', path: '/api/tasks/{id}', status: 200, statements: 1 },
  { method: 'POST', path: '/api/tasks', json, status: 201, statements: 1 },
  { method: 'PUT', path: '/api/tasks/{id}', json: { title: 'Another' }, status: 200, statements: 1 },
  { method: 'PATCH', path: '/api/tasks/{id}/complete', status: 200, statements: 1 },
  { method: 'GET', path: '/api/v1/tasks', status: 200, statements: 1 },
  { method: 'GET', path: '/api/v1/tasks/{id}', status: 200, statements: 1 },
  { method: 'POST', path: '/api/v1/tasks', json, status: 201, statements: 1 },
  { method: 'PATCH', path: '/api/v1/tasks/{id}', json: { title: 'A third' }, status: 200, statements: 1 },
  { method: 'GET', path: '/api/v1/todos', status: 200, statements: 1 },
  // Claiming the key, the write, and storing the response, in a transaction.
  {
    method: 'POST',
    path: '/api/v1/tasks',
    json,
    headers: { 'idempotency-key': 'a' },
    status: 201,
    statements: 1,
  },
  { method: 'DELETE', path: '/api/tasks/{id}', status: 204, statements: 1 },
]

describe('a request', () => {
  let token: string
  let id: number
  before(async () => {
    token = tokenOf(newUser())
    // The first request with a token also checks its signature, and waits for the revocations.
    id = (await api.call('POST', '/api/tasks', { token, json })).body.id
  })

  for (const { method, path, status, statements, ...rest } of calls) {
    const keyed = rest.headers ? ' with an idempotency key' : ''
    it(`${method} ${path}${keyed} sends ${statements} statement${statements === 1 ? '' : 's'}`, async () => {
      sent.length = 0
      const answer = await api.call(method, path.replace('{id}', String(id)), { token, ...rest })
      assert.equal(answer.status, status, answer.text)
      assert.deepEqual(sent.length, statements, sent.join('\n'))
    })
  }

  it('that is rejected sends none', async () => {
    for (const [call, status] of [
      [{}, 401],
      [{ token: 'x' }, 401],
      [{ token: tokenOf('x', { exp: 1 }) }, 401],
      [{ token, json: { title: '' } }, 422],
    ] as const) {
      sent.length = 0
      const method = 'json' in call ? 'POST' : 'GET'
      assert.equal((await api.call(method, '/api/tasks', call)).status, status)
      assert.deepEqual(sent, [])
    }
  })

  it('for an unchanged list reads only the row of the owner', async () => {
    const first = await api.call('GET', '/api/v1/tasks', { token })
    sent.length = 0
    const headers = { 'if-none-match': first.headers.get('etag') ?? '' }
    assert.equal((await api.call('GET', '/api/v1/tasks', { token, headers })).status, 304)
    assert.deepEqual(sent, ['duly_state'])
  })

  it('for a list of 1,100 short tasks sends a statement for each 64 KiB, after a short first one', async () => {
    const user = newUser()
    await manyTasks(api.server.db, user, 1100, json)
    sent.length = 0
    await api.call('GET', '/api/v1/todos', { user })
    assert.ok(sent.length > 2 && sent.length < 10, `${sent.length} statements`)
  })

  it('uses generic plans, whatever its parameters are', async () => {
    for (let n = 0; n < 3; n += 1) await api.call('GET', '/api/v1/tasks', { token })
    const rows = await api.server.db.query(
      unprepared(`select name, custom_plans from pg_prepared_statements where name like 'duly\\_%'`),
    )
    const plans = new Map(rows as [string, string][])
    assert.ok([...plans.keys()].some(name => name.startsWith('duly_list_')))
    assert.deepEqual(new Set(plans.values()), new Set(['0']), [...plans.keys()].join(' '))
  })

  // Two of the headers report the rate limit, two restrict browsers and caches.
  it('has short response headers', async () => {
    const { headers } = await api.call('GET', '/api/tasks', { token })
    const head = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join('')
    assert.ok(head.length <= 330, `${head.length} bytes:\n${head}`)
  })
})
