import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { newUser, type Served, served, tokenOf } from './served.ts'

let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/

async function created(user: string, json: object = { title: 'Buy milk' }) {
  const { status, body } = await api.call('POST', `/api/${user}/tasks`, { user, json })
  assert.equal(status, 201)
  return body
}

async function listed(user: string) {
  const { body } = await api.call('GET', `/api/${user}/tasks`, { user })
  return body.tasks
}

describe('task-api: create', () => {
  it('returns 201 with the whole task and stores it', async () => {
    const user = newUser()
    const task = await created(user, { title: '  Buy milk ', description: 'two litres' })
    assert.ok(Number.isSafeInteger(task.id) && task.id > 0)
    assert.match(task.created_at, time)
    assert.deepEqual(task, {
      id: task.id,
      title: 'Buy milk',
      description: 'two litres',
      is_completed: false,
      completed: false,
      created_at: task.created_at,
      updated_at: task.created_at,
      user_id: user,
      ...{ priority: null, due_date: null, tags: [], category: null, status: 'pending' },
    })
    assert.deepEqual(await listed(user), [task])
  })

  it('returns an absent or null description as an empty string', async () => {
    const user = newUser()
    assert.equal((await created(user)).description, '')
    assert.equal((await created(user, { title: 'a', description: null })).description, '')
  })

  it('ignores unknown fields', async () => {
    const user = newUser()
    const task = await created(user, { title: 'a', colour: 'red', id: 7, __proto__: { x: 1 } })
    assert.equal(task.is_completed, false)
    assert.equal(task.colour, undefined)
  })

  it('accepts a body without a media type, and also under /api/tasks', async () => {
    const user = newUser()
    const bytes = new TextEncoder().encode('{"title":"a"}')
    const { status, body } = await api.call('POST', '/api/tasks', { user, body: bytes })
    assert.deepEqual([status, body.title, body.user_id], [201, 'a', user])
  })

  const texts = [
    '🐑'.repeat(500),
    'שלום עולם',
    `'; DROP TABLE tasks; --`,
    'a\u200b"\\/\n\tb',
    '{"a":1}',
    '\u{10ffff}',
  ]
  for (const title of texts) {
    it(`returns ${JSON.stringify(title.slice(0, 12))} as it was sent`, async () => {
      const user = newUser()
      const task = await created(user, { title, description: title })
      const read = await api.call('GET', `/api/${user}/tasks/${task.id}`, { user })
      assert.deepEqual([read.body.title, read.body.description], [title, title])
    })
  }

  const broken: [string, unknown][] = [
    ['no title', {}],
    ['an empty title', { title: '' }],
    ['a blank title', { title: ' \t\n ' }],
    ['a null title', { title: null }],
    ['a numeric title', { title: 5 }],
    ['a title of 501 characters', { title: '🐑'.repeat(501) }],
    ['a description of 5001 characters', { title: 'a', description: 'x'.repeat(5001) }],
    ['a description that is an array', { title: 'a', description: [] }],
    ['a NUL in the title', { title: 'a\0b' }],
    ['half a surrogate pair', { title: 'a\ud800' }],
    ['another user’s user_id', { title: 'a', user_id: 'mallory' }],
    ['another user’s owner_id', { title: 'a', owner_id: 7 }],
    ['a user_id that is an object', { title: 'a', user_id: { toString: 1 } }],
    ['a user_id that is an array', { title: 'a', user_id: ['mallory'] }],
    ['a list', []],
    ['a text', 'title'],
    ['null', null],
  ]
  for (const [what, json] of broken) {
    it(`rejects ${what} with 422 and one sentence, and stores nothing`, async () => {
      const user = newUser()
      const { status, body } = await api.call('POST', `/api/${user}/tasks`, { user, json })
      assert.equal(status, 422)
      assert.equal(typeof body.detail, 'string')
      assert.deepEqual(await listed(user), [])
    })
  }

  it('names every invalid field of a body', async () => {
    const user = newUser()
    const json = { title: '', description: 4, user_id: 'mallory' }
    const { body } = await api.call('POST', `/api/${user}/tasks`, { user, json })
    assert.deepEqual(
      body.errors.map((problem: { field: string }) => problem.field),
      ['user_id', 'title', 'description'],
    )
    assert.equal(typeof body.detail, 'string')
  })

  const noJson: [string, string | Uint8Array, Record<string, string>][] = [
    ['no body', '', {}],
    ['half a body', '{"title":"a"', { 'content-type': 'application/json' }],
    ['a form', 'title=a', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['bytes that are not UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), { 'content-type': 'application/json' }],
    ['another charset', '{"title":"a"}', { 'content-type': 'application/json; charset=latin1' }],
  ]
  for (const [what, body, headers] of noJson) {
    it(`rejects ${what} with 422`, async () => {
      const user = newUser()
      const answer = await api.call('POST', '/api/tasks', { user, body, headers })
      assert.equal(answer.status, 422)
      assert.deepEqual(Object.keys(answer.body), ['detail', 'error'])
    })
  }

  it('rejects a body that is too large with 413, and a compressed one with 415', async () => {
    const user = newUser()
    const large = await api.call('POST', '/api/tasks', { user, json: { title: 'a', x: 'x'.repeat(200_000) } })
    assert.deepEqual([large.status, typeof large.body.detail], [413, 'string'])
    const headers = { 'content-encoding': 'gzip' }
    const compressed = await api.call('POST', '/api/tasks', { user, json: { title: 'a' }, headers })
    assert.deepEqual([compressed.status, typeof compressed.body.detail], [415, 'string'])
  })
})

describe('task-api: list', () => {
  it('returns pages, newest first, of 50 tasks by default, with total and has_more', async () => {
    const user = newUser()
    const ids: number[] = []
    for (let n = 0; n < 52; n += 1) ids.unshift((await created(user, { title: `task ${n}` })).id)
    const page = async (query: string) => (await api.call('GET', `/api/${user}/tasks${query}`, { user })).body
    const idsOf = (body: { tasks: { id: number }[] }) => body.tasks.map(task => task.id)

    const first = await page('')
    assert.deepEqual(idsOf(first), ids.slice(0, 50))
    assert.deepEqual(
      { ...first, tasks: [] },
      { tasks: [], total: 52, count: 52, limit: 50, offset: 0, has_more: true },
    )
    const second = await page('?limit=2&offset=50')
    assert.deepEqual(idsOf(second), ids.slice(50))
    assert.deepEqual(
      { ...second, tasks: [] },
      { tasks: [], total: 52, count: 52, limit: 2, offset: 50, has_more: false },
    )
    assert.deepEqual(await page('?offset=60'), {
      tasks: [],
      total: 52,
      count: 52,
      limit: 50,
      offset: 60,
      has_more: false,
    })
    assert.deepEqual(idsOf(await page('/?limit=1000')), ids)
  })

  it('is empty for an unknown user, and accepts a trailing slash without a redirect', async () => {
    const user = newUser()
    const empty = { tasks: [], total: 0, count: 0, limit: 50, offset: 0, has_more: false }
    for (const path of [`/api/${user}/tasks`, `/api/${user}/tasks/`, '/api/tasks', '/api/tasks/']) {
      const { status, body } = await api.call('GET', path, { user })
      assert.deepEqual([status, body], [200, empty])
    }
  })

  for (const query of [
    'limit=0',
    'limit=1001',
    'limit=ten',
    'limit=',
    'limit=1&limit=2',
    'offset=-1',
    'offset=1e3',
  ]) {
    it(`rejects ?${query} with 422`, async () => {
      const user = newUser()
      const { status, body } = await api.call('GET', `/api/tasks?${query}`, { user })
      assert.deepEqual([status, typeof body.detail], [422, 'string'])
    })
  }
})

describe('task-api: one task', () => {
  it('is returned as it was created', async () => {
    const user = newUser()
    const task = await created(user)
    const { status, body } = await api.call('GET', `/api/${user}/tasks/${task.id}`, { user })
    assert.deepEqual([status, body], [200, task])
  })

  it('is changed only in the fields that were sent', async () => {
    const user = newUser()
    const task = await created(user, { title: 'a', description: 'b' })
    const path = `/api/${user}/tasks/${task.id}`
    const renamed = await api.call('PUT', path, { user, json: { title: ' c ' } })
    assert.equal(renamed.status, 200)
    assert.deepEqual(renamed.body, { ...task, title: 'c', updated_at: renamed.body.updated_at })
    assert.ok(renamed.body.updated_at > task.updated_at)
    const done = await api.call('PUT', path, { user, json: { is_completed: true } })
    assert.deepEqual(done.body, {
      ...{ ...renamed.body, is_completed: true, completed: true, status: 'completed' },
      updated_at: done.body.updated_at,
    })
    const cleared = await api.call('PUT', path, { user, json: { description: null, user_id: user } })
    assert.equal(cleared.body.description, '')
    assert.deepEqual((await api.call('GET', path, { user })).body, cleared.body)
  })

  it('keeps updated_at if nothing changes', async () => {
    const user = newUser()
    const task = await created(user, { title: 'a', description: 'b' })
    for (const json of [{}, { title: 'a' }, { description: 'b', is_completed: false }]) {
      const { status, body } = await api.call('PUT', `/api/tasks/${task.id}`, { user, json })
      assert.deepEqual([status, body], [200, task])
    }
  })

  for (const json of [
    { title: '' },
    { title: null },
    { is_completed: null },
    { is_completed: 1 },
    { description: 1 },
    [],
  ]) {
    it(`is not changed by ${JSON.stringify(json)}: 422`, async () => {
      const user = newUser()
      const task = await created(user)
      const { status } = await api.call('PUT', `/api/tasks/${task.id}`, { user, json })
      assert.equal(status, 422)
      assert.deepEqual(await listed(user), [task])
    })
  }

  it('is toggled by PATCH …/complete, without a body or with an empty one', async () => {
    const user = newUser()
    const task = await created(user)
    const path = `/api/${user}/tasks/${task.id}/complete`
    const headers = { 'content-type': 'application/json' }
    const done = await api.call('PATCH', path, { user })
    assert.deepEqual([done.status, done.body.is_completed], [200, true])
    assert.ok(done.body.updated_at > task.updated_at)
    const open = await api.call('PATCH', path, { user, body: '', headers })
    assert.deepEqual([open.status, open.body.is_completed], [200, false])
    const again = await api.call('PATCH', path, { user, json: {} })
    assert.deepEqual([again.status, again.body.is_completed], [200, true])
  })

  it('is deleted with 204 and no body, and later requests return 404', async () => {
    const user = newUser()
    const task = await created(user)
    const path = `/api/${user}/tasks/${task.id}`
    const { status, text } = await api.call('DELETE', path, {
      user,
      headers: { 'content-type': 'application/json' },
    })
    assert.deepEqual([status, text], [204, ''])
    for (const method of ['GET', 'DELETE']) assert.equal((await api.call(method, path, { user })).status, 404)
    assert.equal((await api.call('PATCH', `${path}/complete`, { user })).status, 404)
    assert.equal((await api.call('PUT', path, { user, json: { title: 'a' } })).status, 404)
    assert.deepEqual(await listed(user), [])
  })

  for (const id of [
    '0',
    '-1',
    '1.0',
    '01',
    'abc',
    '9007199254740992',
    '99999999999999999999',
    '1%2F2',
    '%00',
  ]) {
    it(`with the id ${id} is rejected with 422`, async () => {
      const user = newUser()
      for (const [method, path] of [
        ['GET', id],
        ['PUT', id],
        ['DELETE', id],
        ['PATCH', `${id}/complete`],
      ]) {
        const json = method === 'PUT' ? { title: 'a' } : undefined
        const { status, body } = await api.call(method as string, `/api/tasks/${path}`, { user, json })
        assert.deepEqual([status, typeof body.detail], [422, 'string'])
      }
    })
  }

  it('that does not exist returns 404, up to the largest id', async () => {
    const user = newUser()
    const { status, body } = await api.call('GET', '/api/tasks/9007199254740991', { user })
    assert.deepEqual(
      [status, body],
      [404, { detail: 'There is no such task.', error: 'There is no such task.' }],
    )
  })
})

describe('task-api: the caller', () => {
  it('is shown as a number if the id is a canonical decimal, and compared as text in the path', async () => {
    for (const [sub, shown] of [
      ['7', 7],
      [7, 7],
      ['007', '007'],
      ['9007199254740993', '9007199254740993'],
      ['a b/ü', 'a b/ü'],
    ]) {
      const path = `/api/${encodeURIComponent(String(sub))}/tasks`
      const { status, body } = await api.call('POST', path, {
        token: tokenOf(sub),
        json: { title: 'a', user_id: sub },
      })
      assert.deepEqual([status, body.user_id], [201, shown])
    }
    assert.equal((await api.call('GET', '/api/007/tasks', { token: tokenOf('7') })).status, 403)
  })

  const hour = 3600
  const now = () => Math.floor(Date.now() / 1000)
  const bad: [string, () => Record<string, string>][] = [
    ['no token', () => ({})],
    ['an empty header', () => ({ authorization: '' })],
    ['another scheme', () => ({ authorization: `Basic ${tokenOf('alice')}` })],
    ['an expired token', () => ({ authorization: `Bearer ${tokenOf('alice', { exp: now() - 1 })}` })],
    [
      'a token that never expires',
      () => ({ authorization: `Bearer ${tokenOf('alice', { exp: undefined })}` }),
    ],
    [
      'a token from the future',
      () => ({ authorization: `Bearer ${tokenOf('alice', { nbf: now() + hour })}` }),
    ],
    ['another secret', () => ({ authorization: `Bearer ${tokenOf('alice', {}, 'x'.repeat(40))}` })],
    ['an invalid subject', () => ({ authorization: `Bearer ${tokenOf('alice', { sub: 1.5 })}` })],
    ['garbage', () => ({ authorization: 'Bearer a.b.c' })],
  ]
  for (const [what, headers] of bad) {
    it(`with ${what} gets 401 before the body and the task are checked`, async () => {
      for (const [method, path, body] of [
        ['GET', '/api/alice/tasks', undefined],
        ['POST', '/api/alice/tasks', '{'],
        ['PUT', '/api/bob/tasks/x', '{'],
        ['DELETE', '/api/tasks/0', undefined],
        ['PATCH', '/api/alice/tasks/1/complete', undefined],
      ]) {
        const answer = await api.call(method as string, path as string, {
          headers: headers(),
          ...(body === undefined ? {} : { body }),
        })
        assert.equal(answer.status, 401)
        assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
        assert.deepEqual(Object.keys(answer.body), ['detail', 'error'])
      }
    })
  }

  it('is told that a token has expired, and only "invalid" otherwise', async () => {
    const expired = await api.call('GET', '/api/tasks', { token: tokenOf('alice', { exp: now() - 1 }) })
    assert.equal(expired.body.detail, 'The token has expired.')
    const wrong = await api.call('GET', '/api/tasks', { token: tokenOf('alice', {}, 'x'.repeat(40)) })
    assert.equal(wrong.body.detail, 'The token is invalid.')
  })
})

describe('task-api: other routes', () => {
  it('/health, /livez and /readyz need no token', async () => {
    const { body } = await api.call('GET', '/health')
    assert.deepEqual({ ...body, version: '' }, { status: 'ok', service: 'duly', version: '', database: 'ok' })
    assert.match(body.version, /^\d+\.\d+\.\d+/)
    for (const path of ['/livez', '/readyz']) {
      const answer = await api.call('GET', path)
      assert.deepEqual([answer.status, answer.body], [200, { status: 'ok' }])
    }
  })

  it('a method that a path does not support returns 405 with Allow', async () => {
    const user = newUser()
    const { status, headers, body } = await api.call('PATCH', '/api/tasks', { user })
    assert.deepEqual(
      [status, headers.get('allow'), typeof body.detail],
      [405, 'GET, POST, HEAD, OPTIONS', 'string'],
    )
  })

  it('OPTIONS without the headers of a preflight request gets a response', async () => {
    assert.equal((await api.call('OPTIONS', '/api/tasks')).status, 204)
  })

  it('unknown and malformed paths return errors in the format of the contract', async () => {
    for (const [path, status] of [
      ['/nothing', 404],
      ['/api/a/b/c/d', 404],
      ['/%zz', 400],
    ]) {
      const answer = await api.call('GET', path as string)
      assert.deepEqual([answer.status, Object.keys(answer.body)], [status, ['detail', 'error']])
    }
  })

  it('a front end at an allowed origin may call with credentials, others may not', async () => {
    const preflight = (origin: string) =>
      api.call('OPTIONS', '/api/alice/tasks', {
        headers: {
          origin,
          'access-control-request-method': 'PUT',
          'access-control-request-headers': 'authorization',
        },
      })
    const allowed = await preflight('http://localhost:3000')
    assert.equal(allowed.status, 204)
    assert.equal(allowed.headers.get('access-control-allow-origin'), 'http://localhost:3000')
    assert.equal(allowed.headers.get('access-control-allow-credentials'), 'true')
    assert.match(allowed.headers.get('access-control-allow-methods') ?? '', /PUT/)
    const other = await preflight('http://evil.example')
    assert.equal(other.headers.get('access-control-allow-origin'), null)
  })
})
