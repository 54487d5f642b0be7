import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { behindProxy, newPerson, newUserHere, type Person } from './person.ts'
import { type Served, served } from './served.ts'

// A stand-in for GitHub, which is an external service; all other requests are sent.

const github = {
  id: 4711,
  login: 'octo',
  name: 'Octo Cat',
  email: 'octo@example.com',
  avatar_url: 'https://example.com/o.png',
}
const secretToken = 'gho_a_token_that_github_gave'
const real = globalThis.fetch
let profile = github
let api: Served
before(async () => {
  api = await served({ ...behindProxy, GITHUB_CLIENT_ID: 'our-id', GITHUB_CLIENT_SECRET: 'our-secret' })
  globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const json = (body: unknown) => Response.json(body)
    switch (url.host + url.pathname) {
      case 'github.com/login/oauth/access_token':
        return json({ access_token: secretToken, token_type: 'bearer', scope: 'read:user,user:email' })
      case 'api.github.com/user':
        return json(profile)
      case 'api.github.com/user/emails':
        return json([{ email: profile.email, primary: true, verified: true, visibility: null }])
      default:
        return real(input, init)
    }
  }
})
after(async () => {
  globalThis.fetch = real
  await api.close()
})

async function signInAt(person: Person, change: (callback: URL) => void = () => {}) {
  const { status, body } = await person.auth('POST', '/sign-in/social', {
    provider: 'github',
    callbackURL: '/docs',
    errorCallbackURL: '/docs',
  })
  assert.equal(status, 200)
  const asked = new URL(body.url)
  assert.equal(asked.origin + asked.pathname, 'https://github.com/login/oauth/authorize')
  assert.equal(asked.searchParams.get('client_id'), 'our-id')
  const callback = new URL(asked.searchParams.get('redirect_uri') ?? '')
  assert.equal(callback.pathname, '/api/auth/callback/github')
  callback.searchParams.set('code', 'a-code')
  callback.searchParams.set('state', asked.searchParams.get('state') ?? '')
  change(callback)
  const back = await person.auth('GET', `/callback/github${callback.search}`)
  assert.equal(back.status, 302)
  return new URL(back.headers.get('location') ?? '', 'http://here.test')
}

describe('a user who signs in with GitHub', () => {
  it('gets an account, and the same one the next time', async () => {
    const person = newPerson(api)
    const where = await signInAt(person)
    assert.equal(where.pathname + where.search, '/docs')
    const { user } = (await person.auth('GET', '/get-session')).body
    assert.deepEqual([user.email, user.name, user.emailVerified], ['octo@example.com', 'Octo Cat', true])
    assert.equal((await api.call('GET', '/api/v1/tasks', { token: await person.token() })).status, 200)
    const again = newPerson(api)
    await signInAt(again)
    assert.equal((await again.auth('GET', '/get-session')).body.user.id, user.id)
  })

  it('leaves no token of GitHub in the database or the log', async () => {
    const { unprepared } = await import('../server/db/database.ts')
    const rows = await api.server.db.query(
      unprepared(
        'select count(*) from duly.account where "providerId" = $1 and coalesce("accessToken", "refreshToken", "idToken") is null',
      ),
      ['github'],
    )
    assert.equal(rows[0]?.[0], '1')
    assert.equal(JSON.stringify(api.lines).includes(secretToken), false)
  })

  it('is not signed in with the state of another browser', async () => {
    const person = newPerson(api)
    const where = await signInAt(person, callback => callback.searchParams.set('state', 'x'.repeat(32)))
    assert.ok(where.searchParams.has('error'), String(where))
    const victim = newPerson(api)
    const { body } = await newPerson(api).auth('POST', '/sign-in/social', { provider: 'github' })
    const state = new URL(body.url).searchParams.get('state')
    // Login CSRF: an attacker's callback URL, opened by another user.
    const back = await victim.auth('GET', `/callback/github?code=x&state=${state}`)
    assert.match(back.headers.get('location') ?? '', /error=/)
    assert.equal((await victim.auth('GET', '/get-session')).body, null)
  })

  it('does not get an account that has the same unconfirmed address', async () => {
    const person = await newUserHere(api)
    profile = { ...github, id: 4712, login: 'thief', email: person.email }
    try {
      const thief = newPerson(api)
      await signInAt(thief)
      const session = (await thief.auth('GET', '/get-session')).body
      assert.notEqual(session?.user.id, person.id)
    } finally {
      profile = github
    }
  })

  it('without a return address is sent to the front page', async () => {
    const { headers } = await newPerson(api).auth('GET', '/callback/github?error=access_denied&state=x')
    const target = new URL(headers.get('location') ?? '', api.server.url)
    assert.deepEqual([target.pathname, target.searchParams.get('error')], ['/', 'state_mismatch'])
  })

  it('gets an error for a provider that is not configured', async () => {
    const { status } = await newPerson(api).auth('POST', '/sign-in/social', { provider: 'google' })
    assert.equal(status, 404)
    assert.equal((await newPerson(api).auth('POST', '/sign-in/social', { provider: 'evil' })).status, 400)
  })
})
