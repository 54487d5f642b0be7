import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { nextOf, post, signUpPaths } from './front-end.ts'
import { behindProxy, newAddress, newPerson, newUserHere, type Person } from './person.ts'
import { type Answer, type Served, served } from './served.ts'

let api: Served
before(async () => {
  api = await served(behindProxy)
})
after(() => api.close())

const signIn = (person: Person, password = person.password): Promise<Answer> =>
  person.auth('POST', '/sign-in/email', { email: person.email, password })
const seen = ({ status, body }: Answer) => [status, body.code]
const sessionOf = async (person: Person) => (await person.auth('GET', '/get-session')).body

describe('a user who signs up', () => {
  it('is signed in, and has a task list', async () => {
    const person = newPerson(api)
    const { email, password } = person
    const signedUp = await person.auth('POST', '/sign-up/email', { name: 'Ann', email, password })
    const { user } = signedUp.body
    assert.deepEqual([signedUp.status, user.name, user.email, user.emailVerified], [200, 'Ann', email, false])
    assert.equal(signedUp.text.includes(password), false)
    assert.equal('disabledAt' in user, false)

    const token = await person.token()
    const created = await api.call('POST', `/api/${user.id}/tasks`, { token, json: { title: 'Mine' } })
    assert.deepEqual([created.status, created.body.user_id], [201, user.id])
    assert.equal((await api.call('GET', '/api/v1/tasks', { token })).body.tasks.length, 1)
    assert.equal((await api.call('GET', '/api/somebody/tasks', { token })).status, 403)
  })

  it('cannot use an email address that is taken, in any case', async () => {
    const { email, password } = await newUserHere(api)
    const again = newPerson(api, { email: email.toUpperCase() })
    const answer = await again.auth('POST', '/sign-up/email', { name: 'x', email: again.email, password })
    assert.deepEqual(seen(answer), [422, 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL'])
  })

  it('gets one account for two concurrent requests', async () => {
    const [one, two] = [newPerson(api), newPerson(api)]
    const body = { name: 'x', email: one.email, password: one.password }
    const answers = await Promise.all([one, two].map(person => person.auth('POST', '/sign-up/email', body)))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 422])
    assert.equal((await signIn(one)).status, 200)
  })

  it('gets an error message that names the invalid query parameter', async () => {
    const person = await newUserHere(api)
    for (const [path, message] of [
      ['/verify-email', 'Token is required.'],
      ['/verify-email?token=a&token=b', 'Token must be a string, not an array.'],
      [
        '/passkey/generate-register-options?authenticatorAttachment=x',
        'Authenticator attachment must be "platform" or "cross-platform", not "x".',
      ],
    ] as const) {
      const answer = await person.auth('GET', path)
      assert.deepEqual([...seen(answer), answer.body.message], [400, 'BROKEN_RULE', message])
    }
  })

  it('needs a password of at least eight characters, and a name', async () => {
    const person = newPerson(api)
    const body = { name: 'x', email: person.email, password: person.password }
    for (const broken of [
      { password: 'short77' },
      { password: 'x'.repeat(129) },
      { name: '' },
      { email: 'nobody' },
      { email: 7 },
    ]) {
      const answer = await person.auth('POST', '/sign-up/email', { ...body, ...broken })
      assert.deepEqual(seen(answer), [400, 'BROKEN_RULE'], JSON.stringify(broken))
      assert.match(answer.body.message, new RegExp(Object.keys(broken)[0] as string, 'i'))
    }
  })

  it('cannot set fields that only the server sets', async () => {
    const person = newPerson(api)
    const body = { name: 'x', email: person.email, password: person.password }
    const more = {
      id: 'chosen',
      emailVerified: true,
      disabledAt: null,
      role: 'admin',
      twoFactorEnabled: true,
    }
    const { body: answer } = await person.auth('POST', '/sign-up/email', { ...body, ...more })
    assert.notEqual(answer.user.id, 'chosen')
    assert.equal(answer.user.emailVerified, false)
  })
})

describe('a user who signs in', () => {
  it('needs the right password', async () => {
    const person = await newUserHere(api)
    const elsewhere = newPerson(api, person)
    assert.deepEqual(seen(await signIn(elsewhere, 'wrong horse battery')), [401, 'INVALID_EMAIL_OR_PASSWORD'])
    assert.equal(elsewhere.cookies.size, 0)
    assert.equal((await signIn(elsewhere)).status, 200)
    assert.equal((await sessionOf(elsewhere)).user.id, person.id)
  })

  it('gets the same response for an address without an account', async () => {
    const nobody = newPerson(api)
    const person = await newUserHere(api)
    const [known, unknown] = [await signIn(newPerson(api, person), 'wrong one'), await signIn(nobody)]
    assert.deepEqual([unknown.status, unknown.text], [known.status, known.text])
    const names = ({ headers }: Answer) => [...headers.keys()].filter(name => name !== 'date')
    assert.deepEqual(names(unknown), names(known))
  })

  it('sees all sessions, and can end one on another device', async () => {
    const person = await newUserHere(api)
    const phone = newPerson(api, person)
    await signIn(phone)
    const { body: sessions } = await person.auth('GET', '/list-sessions')
    assert.equal(sessions.length, 2)
    const { session } = await sessionOf(phone)
    assert.match(session.ipAddress, /^10\./)
    assert.equal((await person.auth('POST', '/revoke-session', { token: session.token })).status, 200)
    assert.equal(await sessionOf(phone), null)
    assert.notEqual(await sessionOf(person), null)
  })

  it('reads the tokens of the sessions and adds a passkey only in a day after signing in', async () => {
    const person = await newUserHere(api)
    const phone = newPerson(api, person)
    await signIn(phone)
    const dayAgo = 'update duly.session set "createdAt" = now() - interval \'1 day\' where "userId" = $1'
    await api.server.db.query(unprepared(dayAgo), [person.id])
    for (const path of ['/list-sessions', '/passkey/generate-register-options']) {
      const answer = await person.auth('GET', path)
      assert.deepEqual(seen(answer), [403, 'SESSION_NOT_FRESH'])
      assert.match(answer.body.message, /Sign out and in again/)
    }
    assert.equal((await person.auth('POST', '/revoke-other-sessions', {})).status, 200)
    assert.equal(await sessionOf(phone), null)
    await signIn(person)
    assert.equal((await person.auth('GET', '/list-sessions')).status, 200)
  })

  it('cannot end a session of another user', async () => {
    const [person, stranger] = [await newUserHere(api), await newUserHere(api)]
    const { session } = await sessionOf(person)
    await stranger.auth('POST', '/revoke-session', { token: session.token })
    assert.notEqual(await sessionOf(person), null)
  })

  it('can change the password, which ends the other sessions', async () => {
    const person = await newUserHere(api)
    const phone = newPerson(api, person)
    await signIn(phone)
    const change = {
      currentPassword: person.password,
      newPassword: 'another horse',
      revokeOtherSessions: true,
    }
    const wrong = await person.auth('POST', '/change-password', { ...change, currentPassword: 'wrong horse' })
    assert.deepEqual(seen(wrong), [400, 'INVALID_PASSWORD'])
    assert.equal((await person.auth('POST', '/change-password', change)).status, 200)
    assert.equal(await sessionOf(phone), null)
    assert.notEqual(await sessionOf(person), null)
    assert.equal((await signIn(newPerson(api, person))).status, 401)
    assert.equal((await signIn(newPerson(api, { ...person, password: 'another horse' }))).status, 200)
  })

  it('can change the name, the picture and an unconfirmed address', async () => {
    const person = await newUserHere(api)
    await person.auth('POST', '/update-user', { name: 'Bea', image: 'https://example.com/bea.png' })
    const moved = newPerson(api)
    assert.equal((await person.auth('POST', '/change-email', { newEmail: moved.email })).status, 200)
    const { user } = await sessionOf(person)
    assert.deepEqual([user.name, user.email], ['Bea', moved.email])
    assert.equal((await signIn(moved)).status, 200)
  })

  it('cannot choose a picture whose URL runs a script, or is none', async () => {
    const person = await newUserHere(api)
    const { email, password } = newPerson(api)
    const wrong = ['javascript:alert(1)', ' javascript:alert(1)', 'data:text/html,x', 'file:///x', '/x.png']
    for (const image of wrong) {
      const answers = [
        await person.auth('POST', '/update-user', { image }),
        await newPerson(api).auth('POST', '/sign-up/email', { name: 'Bea', email, password, image }),
      ]
      for (const { status, body } of answers) {
        assert.equal(status, 400)
        assert.equal(body.message, `Image must be a URL with https:, http: or data:image/, not "${image}".`)
      }
    }
    const data = 'data:image/png;base64,iVBORw0KGgo='
    for (const image of ['HTTPS://example.com/bea.png', 'http://example.com/', data, '', null]) {
      assert.equal((await person.auth('POST', '/update-user', { image })).status, 200)
      assert.equal((await sessionOf(person)).user.image, image)
    }
  })

  it('can reset a forgotten password with the link in the log, without SMTP_URL', async () => {
    const person = await newUserHere(api)
    const asked = await person.auth('POST', '/request-password-reset', {
      email: person.email,
      redirectTo: '/docs',
    })
    const unknown = await newPerson(api).auth('POST', '/request-password-reset', {
      email: 'nobody@example.com',
      redirectTo: '/docs',
    })
    assert.deepEqual([asked.status, asked.text], [unknown.status, unknown.text])
    const links = api.lines.filter(line => line.email === 'reset-password' && line.to === person.email)
    assert.equal(links.length, 1)
    const link = new URL(String(links[0]?.link))
    const followed = await person.auth('GET', link.href.replace(`${link.origin}/api/auth`, ''))
    const token = new URL(followed.headers.get('location') ?? '', link).searchParams.get('token')
    const other = newPerson(api, { email: person.email, password: 'a new horse' })
    const reset = { newPassword: other.password, token }
    assert.equal((await other.auth('POST', '/reset-password', reset)).status, 200)
    assert.deepEqual(seen(await other.auth('POST', '/reset-password', reset)), [400, 'INVALID_TOKEN'])
    assert.equal(await sessionOf(person), null)
    assert.equal((await signIn(other)).status, 200)
  })

  it('is not promised an email by the pages for password resets, without SMTP_URL', async () => {
    const page = await api.call('GET', '/reset-password')
    assert.match(page.text, /This server sends no emails.*Request a link/s)
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const asked = await api.call('POST', '/reset-password', {
      headers: { ...form, 'x-forwarded-for': newAddress() },
      body: 'email=nobody@example.com',
    })
    assert.match(asked.text, /Ask the operator.*the log of this server now contains a link/s)
    assert.doesNotMatch(page.text + asked.text, /we send|on its way/)
  })

  it('can sign out', async () => {
    const person = await newUserHere(api)
    const signedOut = await person.auth('POST', '/sign-out')
    assert.equal(signedOut.status, 200)
    assert.equal(await sessionOf(person), null)
    assert.equal((await person.auth('GET', '/token')).status, 401)
  })
})

describe('a server with closed sign-up', () => {
  let closed: Served
  before(async () => {
    closed = await served({ SIGN_UP: 'closed', ...behindProxy })
  })
  after(() => closed.close())

  it('returns 403 with the reason', async () => {
    const person = newPerson(closed)
    const { email, password } = person
    const answer = await person.auth('POST', '/sign-up/email', { name: 'x', email, password })
    assert.deepEqual(seen(answer), [400, 'EMAIL_PASSWORD_SIGN_UP_DISABLED'])
    const { status, body } = await post(closed, nextOf(signUpPaths), { email, password })
    assert.deepEqual([status, body.detail], [403, 'Sign-up is closed on this server.'])
  })
})

describe('a server with a list of breached passwords', () => {
  const folder = mkdtempSync(join(tmpdir(), 'duly-breached-'))
  const breached = 'correct horse battery'
  const list = join(folder, 'list')
  let careful: Served
  before(async () => {
    writeFileSync(list, `${createHash('sha1').update(breached).digest('hex').toUpperCase()}:7\n`)
    careful = await served({ BREACHED_PASSWORDS: list, ...behindProxy })
  })
  after(async () => {
    await careful.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('rejects these passwords, without revealing which accounts exist', async () => {
    const person = newPerson(careful, { password: 'a horse of its own' })
    const { email, password } = person
    const refused = await person.auth('POST', '/sign-up/email', { name: 'x', email, password: breached })
    assert.deepEqual(seen(refused), [400, 'PASSWORD_COMPROMISED'])
    const there = await post(careful, nextOf(signUpPaths), { email, password: breached })
    assert.equal(there.status, 400)
    assert.match(there.body.detail, /known from a data breach/)
    assert.equal((await person.auth('POST', '/sign-up/email', { name: 'x', email, password })).status, 200)
    const change = { currentPassword: password, newPassword: breached }
    assert.deepEqual(seen(await person.auth('POST', '/change-password', change)), [
      400,
      'PASSWORD_COMPROMISED',
    ])
    const [known, unknown] = [newPerson(careful, { email }), newPerson(careful)]
    assert.deepEqual(seen(await signIn(known, breached)), [401, 'INVALID_EMAIL_OR_PASSWORD'])
    assert.deepEqual(seen(await signIn(unknown, breached)), [401, 'INVALID_EMAIL_OR_PASSWORD'])
  })

  it('rejects new passwords while the list is missing or empty, and still lets users sign in', async () => {
    const person = newPerson(careful, { password: 'a horse of its own' })
    const { email, password } = person
    const signUp = () => person.auth('POST', '/sign-up/email', { name: 'x', email, password })
    const listed = readFileSync(list)
    for (const damage of [() => writeFileSync(list, ''), () => rmSync(list)]) {
      damage()
      const refused = await signUp()
      assert.deepEqual(seen(refused), [503, 'BUSY'])
      assert.match(refused.body.message, /New passwords cannot be checked right now/)
      assert.equal(refused.headers.get('retry-after'), '60')
    }
    assert.equal((await signIn(person, password)).status, 401)
    writeFileSync(list, listed)
    assert.equal((await signUp()).status, 200)
  })
})

describe('a server without accounts', () => {
  let bare: Served
  before(async () => {
    bare = await served({ ACCOUNTS: 'off' })
  })
  after(() => bare.close())

  it('has no sign-up, and accepts tokens of other issuers', async () => {
    assert.equal((await bare.call('POST', '/api/auth/sign-in/email', { json: {} })).status, 404)
    const { body } = await bare.call('GET', '/openapi.json')
    assert.equal(
      Object.keys(body.paths).some(path => path.startsWith('/api/auth')),
      false,
    )
    assert.equal((await bare.call('GET', '/api/v1/tasks', { user: 'alice' })).status, 200)
  })
})
