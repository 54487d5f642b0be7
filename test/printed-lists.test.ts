import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Env, newUser, onPostgres, type Served, served } from './served.ts'

// Lists are printed from the bytes of the database, single tasks from values: both must be equal.

const everyAscii = String.fromCharCode(...Array.from({ length: 127 }, (_, n) => n + 1))
const titles = [
  'plain',
  `"quotes" and \\backslashes\\`,
  'x\u007f\u0080\u2028\u2029\ufeff',
  '🐑👩‍👩‍👧‍👦 שלום \u202eabc',
  `'; DROP TABLE duly.tasks --`,
]
const descriptions = [null, '', `x${everyAscii}`, '🐑'.repeat(249), `${'\n'.repeat(400)}"${'\\'.repeat(400)}`]

const servers: readonly (readonly [
  settings: Env,
  ...contracts: (readonly [name: string, path: string])[],
])[] = [
  [{}, ['task-api', '/api/tasks'], ['todos', '/api/v1/todos'], ['v1', '/api/v1/tasks']],
  [{ CONTRACT: 'stage-2' }, ['stage-2', '/api/tasks']],
  [{ CONTRACT: 'todo-app' }, ['todo-app', '/api/tasks']],
]
/** Owners with numeric ids in JSON; one per test, since contracts show an owner the same tasks. */
const numbers: Readonly<Record<string, string>> = {
  'task-api': '1234567',
  todos: '2345678',
  v1: '3456789',
  'stage-2': '4567890',
  'todo-app': '5678901',
}
const flags: Readonly<Record<string, string>> = { 'stage-2': 'complete', 'todo-app': 'completed' }

// The database does not matter to a contract, and the first server has lists of each kind.
for (const [settings, ...contracts] of onPostgres ? servers : servers.slice(0, 1)) {
  describe(`a list of ${contracts.map(([name]) => name).join(', ')}`, () => {
    let api: Served
    before(async () => {
      api = await served(settings)
    })
    after(() => api.close())

    for (const [name, path] of contracts) {
      it(`contains each task exactly as GET returns it, byte for byte: ${name}`, async () => {
        for (const user of [newUser('7'), newUser('a "quoted"'), numbers[name] ?? '']) {
          await fill(api, user, name, path)
          const { text, body, headers } = await api.call('GET', path, { user })
          assert.equal(headers.get('content-length'), String(Buffer.byteLength(text)))
          const ids = ((body.tasks ?? body) as { id: number }[]).map(({ id }) => id)
          assert.equal(ids.length, titles.length)
          const get = async (id: number) => (await api.call('GET', `${path}/${id}`, { user })).text
          const alone = await Promise.all(ids.map(get))
          assert.ok(text.includes(`[${alone.join(',')}]`), text)
          if (name !== 'v1') continue
          const exported = await api.call('GET', '/api/v1/export', { user })
          assert.equal(exported.text, alone.map(line => `${line}\n`).join(''))
        }
      })
    }
  })
}

/** Creates tasks, of which some are changed and completed. */
async function fill(api: Served, user: string, name: string, path: string): Promise<void> {
  for (const [n, title] of titles.entries()) {
    const description = descriptions[n]
    const created = await api.call('POST', path, { user, json: { title, description } })
    assert.equal(created.status, 201, created.text)
    if (n % 2) continue
    const json = { title, description, [flags[name] ?? 'is_completed']: true }
    const method = name === 'v1' ? 'PATCH' : 'PUT'
    const changed = await api.call(method, `${path}/${created.body.id}`, { user, json })
    assert.equal(changed.status, 200, changed.text)
  }
}
