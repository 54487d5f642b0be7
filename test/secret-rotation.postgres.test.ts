import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import { SecretCipher } from '../server/sync/webhooks/secrets.ts'
import { behindProxy, newUserHere, type Person } from './person.ts'
import { newUser, type OwnDatabase, ownDatabase, type Served, served, tokenOf } from './served.ts'

// The procedure in docs/operations.md: a secret is rotated, and no user is signed out.

const [oldSecret, newSecret] = [
  'the old secret, of more than 32 characters',
  'the new secret, of more than 32 characters',
]

let own: OwnDatabase
before(async () => {
  own = await ownDatabase()
})
after(() => own.drop())

let api: Served
/** The server that currently runs. */
const running = { call: (...call: Parameters<Served['call']>) => api.call(...call) }

const start = async (secret: string, also?: string) => {
  api = await served(
    {
      ...behindProxy,
      PUBLIC_URL: 'http://tasks.test',
      BETTER_AUTH_SECRET: secret,
      ...(also === undefined ? {} : { BETTER_AUTH_SECRET_ALSO: also }),
    },
    own,
  )
}
const statusOf = async (token: string) => (await api.call('GET', '/api/v1/tasks', { token })).status

async function isSignedIn({ auth, id }: Person & { id: string }) {
  assert.equal((await auth('GET', '/get-session')).body?.user.id, id)
  assert.equal(await statusOf((await auth('GET', '/token')).body.token), 200)
}

/** Better Auth renews the cookie once a day, and when the name changes. */
async function visit({ auth, cookies }: Person) {
  const before = cookies.get('better-auth.session_token')
  await auth('POST', '/update-user', { name: 'Again' })
  assert.notEqual(cookies.get('better-auth.session_token'), before)
}

describe('a server with a rotated secret', () => {
  it('signs no user out, and invalidates no token', async () => {
    await start(oldSecret)
    const person = await newUserHere(running)
    await person.auth('POST', '/two-factor/enable', { password: person.password })
    const token = await person.token()
    const owner = newUser()
    const shared = tokenOf(owner, {}, oldSecret)
    const json = { url: 'https://receiver.invalid/', events: ['*'] }
    const { body: hook } = await api.call('POST', '/api/v1/webhooks', { token: shared, json })
    const holds = async () => {
      assert.deepEqual([await statusOf(token), await statusOf(shared)], [200, 200])
      await isSignedIn(person)
    }
    await holds()

    // First every replica accepts the new secret, then it signs.
    for (const secrets of [
      [oldSecret, newSecret],
      [newSecret, oldSecret],
    ] as const) {
      await api.close()
      await start(...secrets)
      await holds()
      const done = 'all stored secrets are encrypted with BETTER_AUTH_SECRET'
      while (!api.lines.some(({ msg }) => msg === done)) await pause(20)
    }
    await visit(person)

    const [row] = await api.server.db.query(
      unprepared('select secret from duly.webhooks where user_id = $1'),
      [owner],
    )
    assert.equal(new SecretCipher([newSecret]).decrypt(owner, String(row?.[0])), hook.secret)

    // A week later the old one is removed.
    await api.close()
    await start(newSecret)
    await isSignedIn(person)
    assert.deepEqual([await statusOf(token), await statusOf(shared)], [200, 401])
    const uri = await person.auth('POST', '/two-factor/get-totp-uri', { password: person.password })
    assert.equal(uri.status, 200, uri.text)
    await api.close()
  })

  it('accepts links in earlier emails', async () => {
    await start(oldSecret)
    const person = await newUserHere(running)
    await person.auth('POST', '/send-verification-email', { email: person.email })
    const line = api.lines.find(({ email, to }) => email === 'verify-email' && to === person.email)
    const { search } = new URL(String(line?.link))
    await api.close()
    await start(newSecret, oldSecret)
    assert.equal((await person.auth('GET', `/verify-email${search}`)).status, 200)
    assert.equal((await person.auth('GET', '/get-session')).body.user.emailVerified, true)
    await api.close()
  })

  it('rejects cookies that were signed with a third secret', async () => {
    await start('a third secret, of more than 32 characters')
    const person = await newUserHere(running)
    await api.close()
    await start(newSecret, oldSecret)
    assert.equal((await person.auth('GET', '/get-session')).body, null)
    assert.equal((await person.auth('GET', '/token')).status, 401)
    await api.close()
  })
})
