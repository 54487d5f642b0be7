import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { operator } from './operator.ts'
import { behindProxy, newPerson, newUserHere, type Person } from './person.ts'
import { type Served, twoReplicas, unlimited } from './served.ts'

// The changes of an account that revoke its personal access tokens; see docs/accounts.md.

let api: Served
let other: Served
let close: () => Promise<void>
before(async () => {
  const settings = { ...behindProxy, ...unlimited }
  ;({ api, other, close } = await twoReplicas(settings))
})
after(() => close())

const newPassword = 'staple battery horse'

async function withToken() {
  const person = await newUserHere(api)
  const json = { name: 'script', scopes: ['tasks:read'] }
  const { body } = await api.call('POST', '/api/v1/tokens', { token: await person.token(), json })
  const use = async () => (await other.call('GET', '/api/v1/tasks', { token: body.token })).status
  assert.equal(await use(), 200)
  const hook = { url: 'https://hooks.example.com/duly', events: ['*'] }
  const made = await api.call('POST', '/api/v1/webhooks', { token: await person.token(), json: hook })
  assert.equal(made.status, 201, made.text)
  return { person, use }
}

async function webhookOf(person: Person) {
  const { body } = await api.call('GET', '/api/v1/webhooks', { token: await person.token() })
  const [{ is_active, disabled_reason }] = body.webhooks
  return [is_active, disabled_reason]
}

const listOf = async (person: Person) =>
  (await api.call('GET', '/api/v1/tokens', { token: await person.token() })).body.tokens

/** The token is rejected on the other replica and no longer listed, and the webhook is inactive. */
async function isRevoked({ person, use }: { person: Person; use: () => Promise<number> }, password: string) {
  while ((await use()) !== 401) await pause(20)
  const again = newPerson(api, { ...person, password })
  assert.equal((await again.auth('POST', '/sign-in/email', { email: person.email, password })).status, 200)
  assert.deepEqual(await listOf(again), [])
  assert.deepEqual(await webhookOf(again), [false, 'revoked'])
}

function newestLink(): string {
  const link = api.lines
    .map(line => /reset-password(?:\/|\?token=)([\w-]+)/.exec(JSON.stringify(line))?.[1])
    .findLast(found => found !== undefined)
  assert.ok(link)
  return link
}

describe('a personal access token', () => {
  it('is revoked by a password reset by email', async () => {
    const known = await withToken()
    const { email } = known.person
    await newPerson(api).auth('POST', '/request-password-reset', { email, redirectTo: '/docs' })
    const reset = { newPassword, token: newestLink() }
    assert.equal((await newPerson(api).auth('POST', '/reset-password', reset)).status, 200)
    await isRevoked(known, newPassword)
  })

  it('is not revoked by a reset that fails', async () => {
    const { use } = await withToken()
    const reset = { newPassword, token: 'invented' }
    assert.equal((await newPerson(api).auth('POST', '/reset-password', reset)).status, 400)
    assert.equal(await use(), 200)
  })

  it('is revoked by duly user sign-out, unless it is called with --keep-tokens', async () => {
    const known = await withToken()
    const [kept] = await operator(api, ['user', 'sign-out', known.person.email, '--keep-tokens'])
    assert.match(kept ?? '', /tokens and webhooks are kept\.$/)
    assert.equal((await known.person.auth('GET', '/get-session')).body, null)
    assert.equal(await known.use(), 200)
    const [revoked] = await operator(api, ['user', 'sign-out', known.person.email])
    assert.match(revoked ?? '', /tokens are revoked, webhooks deactivated\.$/)
    await isRevoked(known, known.person.password)
  })

  it('is revoked by a change of the password with revokeTokens', async () => {
    for (const [flag, ends] of [
      [{}, false],
      [{ revokeTokens: false, revokeOtherSessions: true }, false],
      [{ revokeTokens: true }, true],
      [{ revokeTokens: true, revokeOtherSessions: true }, true],
    ] as const) {
      const known = await withToken()
      const change = { currentPassword: known.person.password, newPassword, ...flag }
      assert.equal((await known.person.auth('POST', '/change-password', change)).status, 200)
      if (ends) await isRevoked(known, newPassword)
      else {
        assert.deepEqual([await known.use(), (await listOf(known.person)).length], [200, 1])
        assert.deepEqual(await webhookOf(known.person), [true, null])
      }
    }
  })

  it('is not revoked by a rejected change of the password', async () => {
    const { person, use } = await withToken()
    const change = { currentPassword: 'wrong horse', newPassword, revokeTokens: true }
    assert.equal((await person.auth('POST', '/change-password', change)).status, 400)
    assert.equal(await use(), 200)
  })

  it('is not revoked by a sign-out, a new email address, or changes of two-factor authentication', async () => {
    const { person, use } = await withToken()
    const { password } = person
    assert.equal((await person.auth('POST', '/two-factor/enable', { password })).status, 200)
    assert.equal((await person.auth('POST', '/two-factor/disable', { password })).status, 200)
    const newEmail = `new-${person.email}`
    assert.equal((await person.auth('POST', '/change-email', { newEmail })).status, 200)
    assert.equal((await person.auth('POST', '/revoke-sessions')).status, 200)
    assert.equal(await use(), 200)
  })

  it('is rejected while its user is disabled, and accepted again afterwards', async () => {
    const { person, use } = await withToken()
    await operator(api, ['user', 'disable', person.email])
    while ((await use()) !== 401) await pause(20)
    await operator(api, ['user', 'enable', person.email])
    while ((await use()) !== 200) await pause(20)
  })

  it('of another user is not revoked', async () => {
    const bystander = await withToken()
    const known = await withToken()
    await operator(api, ['user', 'sign-out', known.person.email])
    await isRevoked(known, known.person.password)
    assert.equal(await bystander.use(), 200)
  })

  it('is documented in the OpenAPI document with these rules', async () => {
    const { body } = await api.call('GET', '/openapi.json')
    for (const operation of [body.paths['/api/v1/tokens'].get, body.paths['/api/v1/tokens'].post]) {
      assert.match(
        operation.description,
        /password reset by email and `duly user sign-out` revoke all tokens/,
      )
    }
    const change = body.paths['/api/auth/change-password'].post
    assert.match(change.description, /revokeTokens/)
  })
})
