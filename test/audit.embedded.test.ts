import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { pino } from 'pino'
import { auditOf } from '../server/audit.ts'
import { dulyHere } from './command.ts'
import { callAt, newUser, ownDatabase, type Served, served } from './served.ts'

// Who has done what to accounts and tokens, as the log reports it.

const password = 'correct horse battery'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe('the audit log', () => {
  let api: Served
  before(async () => {
    api = await served()
  })
  after(() => api.close())
  const since = (n: number) =>
    api.lines
      .slice(n)
      .filter(({ msg }) => msg === 'audit')
      .map(({ audit, outcome, user, emailSha256, session }) => ({
        audit,
        outcome,
        user,
        emailSha256,
        session,
      }))

  it('reports sign-ups, sign-ins, sign-outs, and failed attempts', async () => {
    const { url } = api.server
    const email = 'Ann@Example.com'
    const person = sha256('ann@example.com')
    const headers = { origin: url }
    const signUp = await callAt(url, 'POST', '/api/auth/sign-up/email', {
      json: { email, password, name: 'Ann' },
      headers,
    })
    const user = signUp.body.user.id
    await callAt(url, 'POST', '/api/auth/sign-in/email', {
      json: { email, password: 'wrong guess' },
      headers,
    })
    const signedIn = await callAt(url, 'POST', '/api/auth/sign-in/email', {
      json: { email, password },
      headers,
    })
    const cookie = signedIn.headers
      .getSetCookie()
      .map(found => found.split(';')[0])
      .join('; ')
    await callAt(url, 'POST', '/api/auth/sign-out', { headers: { ...headers, cookie } })
    assert.deepEqual(since(0), [
      { audit: 'signUp', outcome: 'success', user, emailSha256: person, session: 'begun' },
      { audit: 'signIn', outcome: 'failure', user: undefined, emailSha256: person, session: undefined },
      { audit: 'signIn', outcome: 'success', user, emailSha256: person, session: 'begun' },
      { audit: 'signOut', outcome: 'success', user, emailSha256: undefined, session: undefined },
    ])
    const line = api.lines.find(({ audit }) => audit === 'signIn')
    assert.deepEqual([line?.address, line?.status], ['127.0.0.1', 401])
    assert.match(String(line?.reqId), /^[\da-f]{8}-/)
    const all = JSON.stringify(api.lines)
    for (const secret of [email, email.toLowerCase(), password, 'wrong guess', cookie]) {
      assert.ok(!all.includes(secret), `the log contains ${secret}`)
    }
  })

  it('reports changes of personal access tokens, exports and deletions, including rejected ones', async () => {
    const before = api.lines.length
    const user = newUser()
    const json = { name: 'backup', scopes: ['tasks:read'] }
    const { body } = await api.call('POST', '/api/v1/tokens', { user, json })
    await api.call('POST', '/api/v1/tokens', { token: body.token, json })
    await api.call('POST', '/api/v1/tokens', { json })
    await api.call('DELETE', `/api/v1/tokens/${body.id}`, { user })
    await api.call('GET', '/api/v1/export', { user })
    await api.call('DELETE', '/api/v1/account', { user })
    const told = since(before).map(({ audit, outcome, user: who }) => [audit, outcome, who])
    assert.deepEqual(told, [
      ['createToken', 'success', user],
      ['createToken', 'failure', user],
      ['createToken', 'failure', undefined],
      ['revokeToken', 'success', user],
      ['exportTasks', 'success', user],
      ['removeAccount', 'success', user],
    ])
    assert.ok(!JSON.stringify(api.lines).includes(body.token))
  })

  it('reports no other requests', async () => {
    const before = api.lines.length
    await api.call('POST', '/api/tasks', { user: newUser(), json: { title: 'a' } })
    assert.deepEqual(since(before), [])
  })

  it('is written at every LOG_LEVEL except silent', () => {
    const lines: string[] = []
    const write = (line: string) => lines.push(line)
    for (const level of ['fatal', 'warn', 'info', 'silent']) {
      auditOf(pino({ level, base: null }, { write })).info({ audit: 'signIn', at: level }, 'audit')
    }
    assert.deepEqual(
      lines.map(line => JSON.parse(line).at),
      ['fatal', 'warn', 'info'],
    )
  })

  it('reports operator commands on a running server', async () => {
    const database = await ownDatabase()
    const server = await served({}, database)
    const { DATA_DIR = '' } = database.env
    const add = ['user', 'add', 'ben@example.com', '--name', 'Ben']
    assert.equal((await dulyHere(add, { DATA_DIR })).code, 0)
    assert.notEqual((await dulyHere(['user', 'disable', 'nobody-we-know'], { DATA_DIR })).code, 0)
    await server.close()
    const told = server.lines
      .filter(({ msg }) => msg === 'audit')
      .map(({ audit, by, outcome, user, emailSha256 }) => ({ audit, by, outcome, who: emailSha256 ?? user }))
    assert.deepEqual(told, [
      { audit: 'user add', by: 'operator', outcome: 'success', who: sha256('ben@example.com') },
      { audit: 'user disable', by: 'operator', outcome: 'failure', who: 'nobody-we-know' },
    ])
    await database.drop()
  })
})
