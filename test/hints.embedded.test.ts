import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { newUser, type Served, served, tokenOf } from './served.ts'

// Hints that the log gives the operator if a client fails in a known way.

describe('the hints in the log', () => {
  let api: Served
  before(async () => {
    api = await served({ ACCOUNTS: 'off' })
  })
  after(() => api.close())
  const given = () => api.lines.filter(({ hint }) => hint !== undefined)
  const evil = 'https://evil.example'
  const preflight = { origin: evil, 'access-control-request-method': 'POST' }

  it('do not occur while all requests succeed', async () => {
    const user = newUser()
    await api.call('GET', `/api/${user}/tasks`, { user, headers: { origin: evil } })
    await api.call('OPTIONS', '/api/tasks', { headers: { ...preflight, origin: 'http://localhost:3000' } })
    await api.call('OPTIONS', '/api/tasks')
    await api.call('POST', '/nothing')
    await api.call('POST', `/auth/${'x'.repeat(100)}`)
    await api.call('POST', '/auth/%0a%1b')
    assert.deepEqual(given(), [])
  })

  it('name a contract option that helps', async () => {
    const user = newUser()
    const headers = { origin: 'http://localhost:3000' }
    for (let n = 0; n < 51; n += 1) await api.call('POST', '/api/v1/tasks', { user, json: { title: 'a' } })
    await api.call('GET', '/api/tasks?page=1', { user, headers })
    await api.call('GET', '/api/tasks', { user })
    assert.deepEqual(given(), [])
    for (let n = 0; n < 2; n += 1) {
      await api.call('GET', '/api/tasks', { user, headers })
      await api.call('POST', '/api/tasks', { user, json: { task: { title: 'a' } } })
    }
    const hints = given().map(({ hint }) => hint)
    assert.deepEqual(hints, ['whole list', 'wrapped task'])
    api.lines.length = 0
  })

  it('name a setting that helps, once for each cause', async () => {
    for (let n = 0; n < 3; n += 1) {
      await api.call('POST', '/api/auth/login', { json: { email: 'ann@example.com', password: 'horse' } })
      await api.call('GET', '/auth/me')
      await api.call('GET', '/api/somebody/tasks', { token: tokenOf(newUser()) })
      await api.call('OPTIONS', '/api/tasks', { headers: preflight })
    }
    const told = given().map(({ level, hint, path, msg }) => [
      level,
      hint,
      path,
      /[A-Z]+_?[A-Z_]{4,}/.exec(String(msg))?.[0],
    ])
    assert.deepEqual(told, [
      [40, 'accounts', '/api/auth/login', 'ACCOUNTS'],
      [40, 'user claim', undefined, 'JWT_USER_CLAIM'],
      [40, 'origin', undefined, 'CORS_ORIGINS'],
    ])
    assert.ok(!JSON.stringify(given()).includes('example'))
  })
})
