import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type ContractName, contracts } from '../server/config/contract.ts'
import { type RawCaller, rawCaller } from './raw-call.ts'
import { newUser, type Served, served, tokenOf, unlimited } from './served.ts'

// Paths without a route, or without one for the method, in every contract.

const headersOf: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'no header': {},
  'the type of JSON and no body': { 'content-type': 'application/json' },
  'an invalid media type': { 'content-type': 'nonsense' },
  'an encoding': { 'content-type': 'application/json', 'content-encoding': 'gzip' },
  'a bad token': { authorization: 'Bearer nonsense' },
}
const bodies = [undefined, '', '{"title":"a"}', '{', 'x'.repeat(200_000)]
const uuid = '0B5A1F9E-9d2c-4f53-8a54-7a1f6f3c2d1e'

for (const contract of contracts) {
  describe(`paths without a route beside ${contract}`, () => {
    let api: Served
    let raw: RawCaller
    before(async () => {
      api = await served({ ...unlimited, CONTRACT: contract })
      raw = rawCaller(api.server.url)
    })
    after(async () => {
      raw.close()
      await api.close()
    })

    it('return 404 for all methods, headers and bodies', async () => {
      const paths = [
        '/nothing',
        '/api/v1/nothing',
        '/api/v1/todos/1/2',
        '/api/v1',
        '//api/tasks',
        '/api/v2/tasks/1/x/y',
      ]
      for (const path of paths) {
        for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
          for (const [name, headers] of Object.entries(headersOf)) {
            const { status } = await raw.call({ method, path, headers })
            assert.equal(status, 404, `${method} ${path} with ${name}`)
          }
        }
        for (const body of bodies) {
          const headers = { 'content-type': 'application/json' }
          const { status } = await raw.call({
            method: 'POST',
            path,
            headers,
            ...(body === undefined ? {} : { body }),
          })
          assert.equal(status, 404, `${path} ${body?.slice(0, 20)}`)
        }
      }
    })

    it('return problem documents below /api/v1, except below /api/v1/todos', async () => {
      for (const path of [
        '/api/v1',
        '/api/v1/',
        '/api/v1/nothing',
        '/api/v1/tasks/1/2',
        '/api/v1/todosx',
        '/api/v1/a%2Fb',
      ]) {
        const { status, headers, body } = await api.call('GET', path)
        assert.equal(status, 404, path)
        assert.equal(headers.get('content-type'), 'application/problem+json; charset=utf-8', path)
        assert.deepEqual([body.code, body.instance], ['route_not_found', path])
      }
      for (const path of ['/api/v1/todos/1/2', '/api/v1x', '/nothing']) {
        const { status, headers, body } = await api.call('GET', path)
        assert.deepEqual(
          [status, headers.get('content-type')],
          [404, 'application/json; charset=utf-8'],
          path,
        )
        assert.match(body.detail ?? body.error, /^No route matches this GET request/)
      }
    })

    it('are never treated as those of a user called v1 or auth', async () => {
      for (const user of ['v1', 'auth', newUser()]) {
        const { body: task } = await api.call('POST', '/api/tasks', { user, json: { title: 'a' } })
        for (const called of ['v1', 'auth', '%76%31', 'v%31', '%61uth']) {
          for (const [method, path] of [
            ['GET', `/api/${called}/tasks/${task.id}/complete`],
            ['PATCH', `/api/${called}/tasks/${task.id}/complete`],
            ['POST', `/api/${called}/todos/${task.id}/complete`],
          ] as const) {
            const { status } = await api.call(method, path, { user, json: method === 'GET' ? undefined : {} })
            assert.equal(status, 404, `${method} ${path} of ${user}`)
          }
        }
        for (const path of ['/api/auth/tasks', `/api/auth/tasks/${task.id}`])
          assert.equal((await api.call('GET', path, { user })).status, 404, path)
        assert.equal((await api.call('GET', `/api/tasks/${task.id}`, { user })).body.title, 'a')
      }
      const user = 'V1'
      assert.equal((await api.call('GET', '/api/V1/tasks', { user })).status, 200)
      assert.equal((await api.call('GET', '/api/v1x/tasks', { user: 'v1x' })).status, 200)
    })

    it('return 405 with Allow if only the method is wrong', async () => {
      const user = newUser()
      const token = { authorization: `Bearer ${tokenOf(user)}` }
      const wrong: readonly (readonly [method: string, path: string, allow: string])[] = [
        ['PUT', '/api/v1/tasks/1', 'GET, PATCH, DELETE, HEAD, OPTIONS'],
        ['DELETE', '/api/v1/tasks/', 'GET, POST, HEAD, OPTIONS'],
        ['POST', '/api/v1/todos/1', 'GET, PUT, PATCH, DELETE, HEAD, OPTIONS'],
        ['DELETE', '/api/tasks', 'GET, POST, HEAD, OPTIONS'],
        ['PROPFIND', `/api/${user}/tasks`, 'GET, POST, HEAD, OPTIONS'],
        ['POST', '/health', 'GET, HEAD, OPTIONS'],
        ['GET', '/api/auth/sign-out', 'POST, OPTIONS'],
      ]
      for (const [method, path, allow] of wrong) {
        for (const headers of [{}, token, { ...token, 'content-type': 'application/json' }]) {
          const answer = await raw.call({ method, path, headers })
          assert.deepEqual([answer.status, answer.headers.get('allow')], [405, allow], `${method} ${path}`)
        }
        const options = await raw.call({ method: 'OPTIONS', path })
        assert.deepEqual([options.status, options.headers.get('allow')], [204, allow], path)
      }
    })

    it('and path ids that are UUIDs return 404, with a token of the user', async () => {
      const user = newUser()
      for (const collection of ['/api/tasks', `/api/${user}/tasks`, '/api/v1/todos', '/api/v1/tasks']) {
        for (const method of ['GET', 'DELETE']) {
          const { status } = await api.call(method, `${collection}/${uuid}`, { user })
          assert.equal(status, 404, `${method} ${collection}`)
        }
        const broken = collection.includes('todos') || isStrict(contract, collection) ? 400 : 422
        const { status } = await api.call('GET', `${collection}/${uuid}x`, { user })
        assert.equal(status, broken, collection)
        assert.equal((await api.call('GET', `${collection}/${uuid}`)).status, 401)
      }
    })
  })
}

const isStrict = (contract: ContractName, collection: string) =>
  contract === 'todo-app' && !collection.startsWith('/api/v1')
