import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { newUser, ownDatabase, type Served, served, tokenOf } from './served.ts'

const path = '/api/v1/tokens'
let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

async function newToken(user: string, scopes: readonly string[] = ['tasks:read', 'tasks:write'], days = 1) {
  const json = { name: 'script', scopes, expires_in_days: days }
  const { status, body } = await api.call('POST', path, { user, json })
  assert.equal(status, 201)
  return body as { id: number; token: string }
}

describe('a personal access token', () => {
  it('is returned once, and listed without the token itself', async () => {
    const user = newUser()
    const json = { name: '  nightly export ', scopes: ['tasks:read'], expires_in_days: 7 }
    const { status, body, headers } = await api.call('POST', path, { user, json })
    assert.equal(status, 201)
    assert.equal(headers.get('cache-control'), 'no-store')
    const { token, ...shown } = body
    assert.match(token, /^duly_pat_[0-9A-Za-z]{38}$/)
    assert.deepEqual([shown.name, shown.scopes, shown.last_used_at], ['nightly export', ['tasks:read'], null])
    const days = (Date.parse(shown.expires_at) - Date.parse(shown.created_at)) / 86_400_000
    assert.equal(days, 7)
    const list = await api.call('GET', path, { user })
    assert.deepEqual(list.body, { tokens: [shown] })
    assert.equal(list.text.includes(token), false)
  })

  it('is accepted by every contract', async () => {
    const user = newUser()
    const { token } = await newToken(user)
    for (const base of ['/api/v1/tasks', '/api/v1/todos', '/api/tasks', `/api/${user}/tasks`]) {
      const created = await api.call('POST', base, { token, json: { title: base } })
      assert.equal(created.status, 201, base)
      assert.equal((await api.call('GET', base, { token })).status, 200, base)
    }
    assert.equal((await api.call('GET', '/api/v1/tasks', { user })).body.tasks.length, 4)
    assert.equal((await api.call('GET', '/api/somebody/tasks', { token })).status, 403)
  })

  it('allows what its scopes include, and nothing else', async () => {
    const user = newUser()
    const { body: task } = await api.call('POST', '/api/v1/tasks', { user, json: { title: 'a' } })
    const reads = (await newToken(user, ['tasks:read'])).token
    const writes = (await newToken(user, ['tasks:write'])).token
    const calls = [
      ['GET', '/api/v1/tasks', 'tasks:read'],
      ['GET', `/api/v1/tasks/${task.id}`, 'tasks:read'],
      ['GET', '/api/v1/export', 'tasks:read'],
      ['GET', '/api/tasks', 'tasks:read'],
      ['GET', `/api/v1/todos/${task.id}`, 'tasks:read'],
      ['POST', '/api/v1/tasks', 'tasks:write'],
      ['PATCH', `/api/v1/tasks/${task.id}`, 'tasks:write'],
      ['PUT', `/api/v1/todos/${task.id}`, 'tasks:write'],
      ['PATCH', `/api/tasks/${task.id}/complete`, 'tasks:write'],
      ['DELETE', `/api/${user}/tasks/${task.id}`, 'tasks:write'],
    ] as const
    for (const [method, address, scope] of calls) {
      const body = ['POST', 'PUT', 'PATCH'].includes(method) ? { json: { title: 'b' } } : {}
      const refused = await api.call(method, address, {
        token: scope === 'tasks:read' ? writes : reads,
        ...body,
      })
      assert.equal(refused.status, 403, `${method} ${address}`)
      assert.equal(
        refused.headers.get('www-authenticate'),
        `Bearer error="insufficient_scope", scope="${scope}"`,
      )
      if (address.startsWith('/api/v1/tasks')) assert.equal(refused.body.code, 'insufficient_scope')
    }
    for (const [method, address, scope] of calls) {
      const body = ['POST', 'PUT', 'PATCH'].includes(method) ? { json: { title: 'b' } } : {}
      const done = await api.call(method, address, {
        token: scope === 'tasks:read' ? reads : writes,
        ...body,
      })
      assert.ok(done.status < 300, `${method} ${address}: ${done.text}`)
    }
  })

  it('without tasks:read shows only what it has written, also in a dry run', async () => {
    const user = newUser()
    const write = async (path: string, json: object) =>
      (await api.call('POST', `/api/v1/${path}`, { user, json })).body
    const list = await write('lists', { name: 'secret list' })
    const undone = await write('tasks', { title: 'gone' })
    const task = await write('tasks', { title: 'secret', tags: ['tag'] })
    const { token } = await newToken(user, ['tasks:write'])
    const removed = await api.call('PATCH', `/api/v1/tasks/${undone.id}`, { user, json: { title: 'twice' } })
    const change = removed.headers.get('duly-change')
    await api.call('POST', '/api/v1/undo', { user, json: { change } })
    const update = { op: 'update', id: task.id }
    for (const [method, path, json] of [
      ['PATCH', `tasks/${task.id}`, {}],
      ['POST', `tasks/${task.id}/move`, { before: null }],
      ['POST', `tasks/${task.id}/restore`, undefined],
      ['PATCH', `lists/${list.id}`, {}],
      ['POST', `lists/${list.id}/move`, { after: null }],
      ['POST', `lists/${list.id}/restore`, undefined],
      ['POST', 'tags/rename', { from: 'none', to: 'other' }],
      ['POST', 'tags/delete', { name: 'none' }],
      ['POST', 'batch', { operations: [{ ...update, changes: {} }] }],
      ['POST', 'batch?dry_run=true', { operations: [{ ...update, changes: { priority: 'high' } }] }],
      ['POST', 'undo', { change }],
    ] as const) {
      const answer = await api.call(method, `/api/v1/${path}`, { token, ...(json ? { json } : {}) })
      assert.deepEqual([answer.status, answer.text], [204, ''], `${method} ${path}`)
    }
    const account = (await newToken(user, ['account'])).token
    const settings = await api.call('PATCH', '/api/v1/settings', { token: account, json: {} })
    assert.deepEqual([settings.status, settings.body.time_zone], [200, 'UTC'])
  })

  it('cannot create, list or revoke tokens, nor delete the account', async () => {
    const { token, id } = await newToken(newUser())
    for (const [method, address] of [
      ['POST', path],
      ['GET', path],
      ['DELETE', `${path}/${id}`],
      ['DELETE', '/api/v1/account'],
    ] as const) {
      const { status, body } = await api.call(method, address, {
        token,
        ...(method === 'POST' ? { json: {} } : {}),
      })
      assert.deepEqual([status, body.code], [403, 'insufficient_scope'], `${method} ${address}`)
    }
  })

  it('is rejected as soon as it is revoked', async () => {
    const user = newUser()
    const { token, id } = await newToken(user)
    assert.equal((await api.call('GET', '/api/v1/tasks', { token })).status, 200)
    assert.equal((await api.call('DELETE', `${path}/${id}`, { user })).status, 204)
    assert.equal((await api.call('GET', '/api/v1/tasks', { token })).status, 401)
    const again = await api.call('DELETE', `${path}/${id}`, { user })
    assert.deepEqual([again.status, again.body.code], [404, 'token_not_found'])
    assert.deepEqual((await api.call('GET', path, { user })).body, { tokens: [] })
  })

  it('can be revoked again after a revocation that failed', async () => {
    const user = newUser()
    const { token, id } = await newToken(user)
    await api.call('GET', '/api/v1/tasks', { token })
    const { db } = api.server
    await db.query(unprepared('alter table duly.revocations rename to revocations_gone'))
    try {
      assert.equal((await api.call('DELETE', `${path}/${id}`, { user })).status, 500)
    } finally {
      await db.query(unprepared('alter table duly.revocations_gone rename to revocations'))
    }
    assert.equal((await api.call('DELETE', `${path}/${id}`, { user })).status, 204)
    assert.equal((await api.call('GET', '/api/v1/tasks', { token })).status, 401)
  })

  it('cannot be revoked by another user', async () => {
    const { token, id } = await newToken(newUser())
    assert.equal((await api.call('DELETE', `${path}/${id}`, { user: newUser() })).status, 404)
    assert.equal((await api.call('GET', '/api/v1/tasks', { token })).status, 200)
  })

  it('expires', async () => {
    const user = newUser()
    const { token } = await newToken(user)
    await api.server.db.query(
      unprepared(
        `update duly.access_tokens set expires_at = now() - interval '1 second' where user_id = '${user}'`,
      ),
    )
    const { status, body } = await api.call('GET', '/api/v1/tasks', { token })
    assert.deepEqual([status, body.detail], [401, 'The token has expired.'])
  })

  it('that is invalid is detected by its checksum, or in the database', async () => {
    const { token } = await newToken(newUser())
    const flipped = token.slice(0, 20) + (token[20] === 'a' ? 'b' : 'a') + token.slice(21)
    for (const other of [
      flipped,
      `${token}x`,
      token.slice(0, -1),
      'duly_pat_',
      `duly_pat_${'0'.repeat(38)}`,
    ]) {
      assert.equal((await api.call('GET', '/api/v1/tasks', { token: other })).status, 401, other)
    }
    assert.equal((await api.call('GET', '/api/v1/tasks', { token: token.toUpperCase() })).status, 401)
  })

  it('is created without storing an idempotency key, since the response contains a secret', async () => {
    const headers = { 'idempotency-key': 'a' }
    for (const path of ['/api/v1/tokens', '/api/v1/events/ticket']) {
      const json = { name: 'a', scopes: ['tasks:read'] }
      const { status, body } = await api.call('POST', path, { user: newUser(), headers, json })
      assert.deepEqual([status, body.errors[0].header], [422, 'Idempotency-Key'])
    }
  })

  it('is not created with invalid fields, which are all named', async () => {
    const user = newUser()
    const good = { name: 'x', scopes: ['tasks:read'], expires_in_days: 1 }
    for (const [broken, field] of [
      [{ name: '' }, 'name'],
      [{ name: ' \n' }, 'name'],
      [{ name: 'x'.repeat(101) }, 'name'],
      [{ name: 'a\0b' }, 'name'],
      [{ name: 7 }, 'name'],
      [{ scopes: [] }, 'scopes'],
      [{ scopes: 'tasks:read' }, 'scopes'],
      [{ scopes: ['tasks:read', 'tasks:read'] }, 'scopes'],
      [{ scopes: ['sign-in'] }, 'scopes'],
      [{ scopes: ['*'] }, 'scopes'],
      [{ expires_in_days: 0 }, 'expires_in_days'],
      [{ expires_in_days: 367 }, 'expires_in_days'],
      [{ expires_in_days: 1.5 }, 'expires_in_days'],
      [{ expires_in_days: '1' }, 'expires_in_days'],
      [{ expires_in_days: null }, 'expires_in_days'],
    ] as const) {
      const { status, body } = await api.call('POST', path, { user, json: { ...good, ...broken } })
      assert.deepEqual(
        [status, body.errors?.map((error: { pointer: string }) => error.pointer)],
        [422, [`#/${field}`]],
      )
    }
    assert.deepEqual((await api.call('GET', path, { user })).body, { tokens: [] })
  })

  it('is limited to a hundred per user', async () => {
    const user = newUser()
    for (let n = 0; n < 95; n += 1) await newToken(user)
    const five = { user, json: { name: 'x', scopes: ['tasks:read'] } }
    const made = await Promise.all(Array.from({ length: 10 }, () => api.call('POST', path, five)))
    assert.equal(made.filter(answer => answer.status === 201).length, 5)
    const json = { name: 'x', scopes: ['tasks:read'] }
    const { status, body } = await api.call('POST', path, { user, json })
    assert.deepEqual([status, body.code], [409, 'too_many_tokens'])
  })

  it('is not in the database or the log', async () => {
    const user = newUser()
    const { token } = await newToken(user)
    await api.call('GET', '/api/v1/tasks', { token })
    assert.equal(JSON.stringify(api.lines).includes(token), false)
  })
})

describe('the last use of a token', () => {
  it('is stored when the server stops, at the latest', async () => {
    const database = await ownDatabase()
    const user = newUser()
    const first = await served({}, database)
    const json = { name: 'x', scopes: ['tasks:read'] }
    const { body } = await first.call('POST', path, { user, json })
    await first.call('GET', '/api/v1/tasks', { token: body.token })
    await first.close()
    const second = await served({}, database)
    const { body: list } = await second.call('GET', path, { token: tokenOf(user) })
    await second.close()
    await database.drop()
    assert.ok(Math.abs(Date.now() - Date.parse(list.tokens[0].last_used_at)) < 120_000)
  })
})
