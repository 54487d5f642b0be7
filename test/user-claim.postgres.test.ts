import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { behindProxy, newUserHere } from './person.ts'
import { duly } from './program.ts'
import { newUser, type Served, served, testSecret, tokenOf } from './served.ts'

let api: Served
before(async () => {
  api = await served({ ...behindProxy, JWT_USER_CLAIM: 'user.id', JWT_CLOCK_SKEW: '300' })
})
after(() => api.close())

const now = () => Math.floor(Date.now() / 1000)
const statusOf = async (token: string) => (await api.call('GET', '/api/v1/tasks', { token })).status

describe('JWT_USER_CLAIM', () => {
  it('names the claim with the user in tokens of other issuers, and only there', async () => {
    const user = newUser()
    const token = tokenOf('another', { user: { id: user } })
    const { status } = await api.call('POST', `/api/${user}/tasks`, { token, json: { title: 'mine' } })
    assert.equal(status, 201)
    assert.equal(await statusOf(tokenOf(user)), 401)
    assert.equal(await statusOf(tokenOf(user, { user: { id: null } })), 401)
  })

  it('does not apply to the tokens of sessions on this server', async () => {
    const person = await newUserHere(api)
    assert.equal(await statusOf(await person.token()), 200)
  })

  it('is the claim in tokens of duly token', async () => {
    const settings = { BETTER_AUTH_SECRET: testSecret, JWT_USER_CLAIM: 'user.id' }
    const { stdout } = await duly(['token', '--user', newUser()], settings).ended
    assert.equal(await statusOf(stdout.trim()), 200)
  })
})

describe('JWT_CLOCK_SKEW', () => {
  it('is the tolerance for nbf and iat', async () => {
    const user = { user: { id: newUser() } }
    for (const claim of ['nbf', 'iat']) {
      assert.equal(await statusOf(tokenOf('x', { ...user, [claim]: now() + 200 })), 200)
      assert.equal(await statusOf(tokenOf('x', { ...user, [claim]: now() + 600 })), 401)
    }
  })
})
