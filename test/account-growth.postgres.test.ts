import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { behindProxy, newPerson, newUserHere, type Person } from './person.ts'
import { newUser, type Served, served, unlimited } from './served.ts'

// Limits on what a user stores besides tasks: sessions, links, tokens and revocations.

let api: Served
before(async () => {
  api = await served({
    ...unlimited,
    ...behindProxy,
    GITHUB_CLIENT_ID: 'client',
    GITHUB_CLIENT_SECRET: 'a secret of the provider',
  })
})
after(() => api.close())

const rows = (text: string, ...values: string[]) => api.server.db.query(unprepared(text), values)
const count = async (text: string, ...values: string[]) => Number((await rows(text, ...values))[0]?.[0])

describe('the sessions of one user', () => {
  it('number at most a hundred: a new one ends the oldest', async () => {
    const person = await newUserHere(api)
    const [old] = await rows('select id, token from duly.session where "userId" = $1', person.id)
    await rows(
      `insert into duly.session (id, token, "expiresAt", "createdAt", "updatedAt", "userId")
      select 'more-' || n || '-' || $1, 'token-' || n || '-' || $1, now() + interval '7 days', now() + n * interval '1 microsecond', now(), $1
      from generate_series(1, 120) as n`,
      person.id,
    )
    const again = newPerson(api, person)
    assert.equal(
      (await again.auth('POST', '/sign-in/email', { email: person.email, password: person.password })).status,
      200,
    )
    assert.equal(await count('select count(*) from duly.session where "userId" = $1', person.id), 100)
    assert.equal((await again.auth('GET', '/get-session')).body.user.id, person.id)
    assert.equal((await person.auth('GET', '/get-session')).body, null)
    assert.equal(await count('select count(*) from duly.session where id = $1', String(old?.[0])), 0)
  })

  it('store only the beginning of a long User-Agent', async () => {
    const person = await newUserHere(api)
    const again = newPerson(api, person)
    const { email, password } = person
    const headers = { 'user-agent': 'x'.repeat(10_000) }
    assert.equal((await again.auth('POST', '/sign-in/email', { email, password }, headers)).status, 200)
    const longest = await count(
      'select max(length("userAgent")) from duly.session where "userId" = $1',
      person.id,
    )
    assert.equal(longest, 256)
  })
})

describe('the links of one address', () => {
  const calls: Record<string, (person: Person) => Promise<{ status: number }>> = {
    'to add a passkey': person => person.auth('GET', '/passkey/generate-register-options'),
    'to sign in with a passkey': person => person.auth('GET', '/passkey/generate-authenticate-options'),
    'to sign in with a provider': person =>
      person.auth('POST', '/sign-in/social', {
        provider: 'github',
        callbackURL: `/docs?${'x'.repeat(1000)}`,
      }),
    'to link a provider': person =>
      person.auth('POST', '/link-social', { provider: 'github', callbackURL: `/docs?${'x'.repeat(1000)}` }),
  }
  for (const [name, call] of Object.entries(calls)) {
    it(`${name} are rate-limited, since each is stored`, async () => {
      const person = await newUserHere(api)
      const before = await count('select count(*) from duly.verification')
      const statuses = new Set<number>()
      for (let n = 0; n < 80; n += 1) statuses.add((await call(person)).status)
      assert.deepEqual([...statuses], [200, 429])
      assert.ok((await count('select count(*) from duly.verification')) - before <= 65)
    })
  }
})

describe('the personal access tokens of one user', () => {
  it('are rate-limited when they are created and revoked, since every replica stores the revocations', async () => {
    const user = newUser()
    const statuses: number[] = []
    for (let n = 0; n < 230; n += 1) {
      const json = { name: 'loop', scopes: ['tasks:read'] }
      const { status, body } = await api.call('POST', '/api/v1/tokens', { user, json })
      statuses.push(status)
      if (status === 201)
        assert.equal((await api.call('DELETE', `/api/v1/tokens/${body.id}`, { user })).status, 204)
    }
    const made = statuses.filter(status => status === 201).length
    assert.ok(made >= 200 && made < 230, `${made}`)
    assert.equal(statuses.at(-1), 429)
    assert.equal(
      (
        await api.call('POST', '/api/v1/tokens', {
          user: newUser(),
          json: { name: 'a', scopes: ['tasks:read'] },
        })
      ).status,
      201,
    )
  })
})
