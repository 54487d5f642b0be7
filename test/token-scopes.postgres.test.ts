import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { newUser, type Served, served } from './served.ts'

// What a token with only tasks:write can see of tasks: what it has written, and nothing else.

let api: Served
let stage2: Served
let todoApp: Served
before(async () => {
  api = await served()
  stage2 = await served({ CONTRACT: 'stage-2' })
  todoApp = await served({ CONTRACT: 'todo-app' })
})
after(() => Promise.all([api.close(), stage2.close(), todoApp.close()]))

const secret = 'what only a reader may know'

async function ownerOf(server: Served) {
  const user = newUser()
  const json = { title: 'known', description: secret }
  const { body: task } = await server.call('POST', '/api/v1/tasks', { user, json })
  const tokenFor = async (...scopes: string[]): Promise<string> =>
    (await server.call('POST', '/api/v1/tokens', { user, json: { name: 'x', scopes } })).body.token
  const [writes, reads, both] = await Promise.all([
    tokenFor('tasks:write'),
    tokenFor('tasks:read'),
    tokenFor('tasks:read', 'tasks:write'),
  ])
  return { user, task, path: `/api/v1/tasks/${task.id}`, writes, reads, both }
}

describe('a token with only tasks:write', () => {
  it('does not get the content of a task that it has not changed', async () => {
    const { task, path, writes, both, user } = await ownerOf(api)
    const calls = [
      ['PATCH', path, {}],
      ['PATCH', path, { title: 'known' }],
      ['PATCH', path, { is_completed: false, title: ' known ' }],
      ['PUT', `/api/v1/todos/${task.id}`, {}],
      ['PUT', `/api/v1/todos/${task.id}`, { title: 'known' }],
      ['PUT', `/api/tasks/${task.id}`, {}],
      ['PUT', `/api/${user}/tasks/${task.id}`, { is_completed: false }],
    ] as const
    for (const [method, address, json] of calls) {
      const hidden = await api.call(method, address, { token: writes, json })
      assert.deepEqual([hidden.status, hidden.text, hidden.headers.get('etag')], [204, '', null], address)
      const shown = await api.call(method, address, { token: both, json })
      assert.deepEqual([shown.status, shown.body.description], [200, secret], address)
    }
  })

  it('does not get it under the other contracts, either', async () => {
    for (const [server, method, json] of [
      [stage2, 'PUT', { title: 'known', description: secret, complete: false }],
      [stage2, 'PATCH', { title: 'known' }],
      [todoApp, 'PUT', {}],
      [todoApp, 'PUT', { completed: false }],
    ] as const) {
      const { task, writes, both } = await ownerOf(server)
      const address = `/api/tasks/${task.id}`
      const hidden = await server.call(method, address, { token: writes, json })
      assert.deepEqual([hidden.status, hidden.text], [204, ''])
      const shown = await server.call(method, address, { token: both, json })
      assert.deepEqual([shown.status, shown.body.description], [200, secret])
    }
  })

  it('gets neither a task nor an entity tag with 412', async () => {
    const { path, writes, both } = await ownerOf(api)
    for (const method of ['PATCH', 'DELETE']) {
      const call = { json: { title: 'x' }, headers: { 'if-match': '"99"' } }
      const hidden = await api.call(method, path, { token: writes, ...call })
      assert.deepEqual([hidden.status, hidden.body.code], [412, 'precondition_failed'])
      assert.deepEqual([hidden.body.task, hidden.headers.get('etag')], [undefined, null])
      assert.ok(!hidden.text.includes(secret))
      const shown = await api.call(method, path, { token: both, ...call })
      assert.equal(shown.body.task.description, secret)
    }
  })

  it('gets no stored response that another token received for the same key', async () => {
    const { path, writes, both } = await ownerOf(api)
    for (const [key, json] of [
      ['unchanged', {}],
      ['changed', { is_completed: true }],
    ] as const) {
      const call = { json, headers: { 'idempotency-key': key } }
      assert.ok((await api.call('PATCH', path, { token: both, ...call })).text.includes(secret))
      const replayed = await api.call('PATCH', path, { token: writes, ...call })
      assert.deepEqual([replayed.status, replayed.body.code], [422, 'idempotency_key_reused'])
      assert.ok(!replayed.text.includes(secret))
    }
    // The response to a rejected request is not stored.
    const call = { json: {}, headers: { 'idempotency-key': '412', 'if-match': '"99"' } }
    assert.ok((await api.call('PATCH', path, { token: both, ...call })).text.includes(secret))
    const refused = await api.call('PATCH', path, { token: writes, ...call })
    assert.equal(refused.status, 412)
    assert.ok(!refused.text.includes(secret))
  })

  it('gets no task from a batch that the batch has not changed', async () => {
    const { task, writes, both } = await ownerOf(api)
    const create = { op: 'create', task: { title: 'own' } }
    const unchanged = [
      { op: 'update', id: task.id, changes: {} },
      { op: 'update', id: task.id, changes: { title: 'known' } },
      { op: 'restore', id: task.id },
    ]
    const send = (token: string, operations: object[]) =>
      api.call('POST', '/api/v1/batch', { token, json: { operations } })
    for (const operation of unchanged) {
      const { body, text } = await send(writes, [create, operation])
      assert.equal(body.results[0].task.title, 'own')
      assert.deepEqual(body.results[1], { type: 'task', id: task.id, deleted: false })
      assert.ok(!text.includes(secret))
      assert.equal((await send(both, [create, operation])).body.results[1].task.description, secret)
    }
    const old = await send(writes, [{ ...unchanged[0], revision: 0 }])
    assert.equal(old.status, 412)
    assert.doesNotMatch(old.text, new RegExp(`\\b${task.revision}\\b`))
    const changed = await send(writes, [{ op: 'update', id: task.id, changes: { is_completed: true } }])
    assert.equal(changed.body.results[0].task.description, secret)
  })

  it('gets what it has written, also when it retries with the same key', async () => {
    const { path, writes } = await ownerOf(api)
    const call = { token: writes, json: { title: 'new' }, headers: { 'idempotency-key': 'mine' } }
    const changed = await api.call('PATCH', path, call)
    assert.deepEqual([changed.status, changed.body.title], [200, 'new'])
    const replayed = await api.call('PATCH', path, call)
    assert.deepEqual([replayed.headers.get('idempotent-replayed'), replayed.body], ['true', changed.body])
    const created = await api.call('POST', '/api/v1/tasks', { token: writes, json: { title: 'own' } })
    assert.deepEqual([created.status, created.body.title], [201, 'own'])
  })

  it('cannot read tasks in any other way', async () => {
    const { user, task, path, writes } = await ownerOf(api)
    const reads = [
      ...[path, '/api/v1/tasks', '/api/v1/tasks?q=known', '/api/v1/export', '/api/v1/todos', '/api/tasks'],
      ...[`/api/v1/todos/${task.id}`, `/api/tasks/${task.id}`, `/api/${user}/tasks`, `/api/v1/tokens`],
    ]
    for (const address of reads) {
      for (const method of ['GET', 'HEAD']) {
        const headers = { 'if-none-match': `"${task.revision}"` }
        const { status, text } = await api.call(method, address, { token: writes, headers })
        assert.deepEqual([status, text.includes(secret)], [403, false], `${method} ${address}`)
      }
    }
  })
})

describe('a token with only tasks:read', () => {
  it('cannot write, and does not learn what a write would have changed', async () => {
    const { path, reads, user, task } = await ownerOf(api)
    for (const [method, address] of [
      ['POST', '/api/v1/tasks'],
      ['PATCH', path],
      ['DELETE', path],
      ['PATCH', '/api/v1/tasks/999999999'],
      ['PATCH', `/api/tasks/${task.id}/complete`],
      ['PUT', `/api/${user}/tasks/${task.id}`],
      ['DELETE', '/api/v1/account'],
      ['POST', '/api/v1/tokens'],
    ] as const) {
      const { status } = await api.call(method, address, { token: reads, json: { title: 'x' } })
      assert.equal(status, 403, `${method} ${address}`)
    }
    assert.equal((await api.call('GET', path, { user })).body.revision, task.revision)
  })
})
