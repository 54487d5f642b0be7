import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { nextOf, post, signInPaths } from './front-end.ts'
import { behindProxy, newAddress, newPerson, newUserHere, type Person } from './person.ts'
import { whileHashingTakes } from './quick-passwords.ts'
import { type RawCaller, rawCaller } from './raw-call.ts'
import { type Call, type Served, served, twoReplicas } from './served.ts'

let api: Served
let other: Served
let close: () => Promise<void>
let raw: RawCaller
before(async () => {
  ;({ api, other, close } = await twoReplicas(behindProxy))
  raw = rawCaller(api.server.url)
})
after(async () => {
  raw.close()
  await close()
})

const front = 'http://localhost:3000'
/** All routes for passwords share their counts, so each guess uses the next one. */
const ways = ['/api/auth/sign-in/email', ...signInPaths, '/auth/%6Cogin/']
const guess = (at: Served, email: string, password: string, headers: Record<string, string>) =>
  post(at, nextOf(ways), { email, password }, { headers: { origin: front, ...headers } })
const signIn = ({ auth, email, password }: Person) => auth('POST', '/sign-in/email', { email, password })

describe('an attacker who guesses passwords', () => {
  it('from one address is stopped after a few guesses, on every replica', async () => {
    const { email } = await newUserHere(api)
    const headers = { 'x-forwarded-for': newAddress() }
    const statuses: number[] = []
    for (let n = 0; n < 8; n += 1) {
      const answer = await guess(n % 2 === 0 ? api : other, email, `wrong horse ${n}`, headers)
      statuses.push(answer.status)
      if (answer.status === 429) {
        assert.ok(Number(answer.headers.get('retry-after')) > 0)
        assert.match(answer.text, /Too many attempts\. Try again in \d+ s\./)
      }
    }
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429, 429])
  })

  it('from one address does not use up the attempts of others', async () => {
    const person = await newUserHere(api)
    const headers = { 'x-forwarded-for': newAddress() }
    for (let n = 0; n < 70; n += 1) await guess(api, person.email, `wrong horse ${n}`, headers)
    assert.equal((await signIn(newPerson(api, person))).status, 200)
  })

  it('with another user’s session is stopped after ten guesses', async () => {
    const person = await newUserHere(api)
    const statuses: number[] = []
    for (let n = 0; n < 12; n += 1) {
      const body = { currentPassword: `wrong horse ${n}`, newPassword: 'a new horse' }
      const from = { 'x-forwarded-for': newAddress() }
      statuses.push((await person.auth('POST', '/change-password', body, from)).status)
    }
    assert.deepEqual(statuses, [...Array.from({ length: 10 }, () => 400), 429, 429])
  })

  it('cannot prevent a password reset by requesting emails without a session', async () => {
    const person = await newUserHere(api)
    const stranger = newPerson(api)
    for (const path of ['/change-email', '/send-verification-email']) {
      for (let n = 0; n < 5; n += 1)
        await stranger.auth('POST', path, { email: person.email, newEmail: person.email })
    }
    for (let n = 0; n < 5; n += 1)
      await stranger.auth('POST', '/request-password-reset', { email: person.email })
    const { status } = await person.auth('POST', '/request-password-reset', { email: person.email })
    assert.equal(status, 200)
  })

  it('is counted in the same way for addresses without an account', async () => {
    const headers = { 'x-forwarded-for': newAddress() }
    const statuses: number[] = []
    for (let n = 0; n < 7; n += 1)
      statuses.push((await guess(api, 'nobody@example.com', 'x', headers)).status)
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429])
  })

  it('of many accounts from one address is stopped, too', async () => {
    const headers = { 'x-forwarded-for': newAddress(), origin: front }
    // Codes are guesses too, and cost less to reject.
    const statuses: number[] = []
    for (let n = 0; n < 64; n += 1) {
      const at = n % 2 === 0 ? api : other
      statuses.push(
        (await at.call('POST', '/api/auth/two-factor/verify-totp', { json: { code: '123456' }, headers }))
          .status,
      )
    }
    assert.equal(statuses.slice(0, 60).includes(429), false)
    assert.equal(statuses.includes(429), true)
    assert.equal((await guess(api, 'nobody@example.com', 'wrong horse', headers)).status, 429)
  })

  it('cannot choose another client address without a trusted proxy', async () => {
    const open = await served({})
    try {
      const statuses: number[] = []
      for (let n = 0; n < 7; n += 1) {
        const headers = {
          'x-forwarded-for': newAddress(),
          'x-duly-client-address': newAddress(),
          forwarded: `for=${newAddress()}`,
        }
        statuses.push((await guess(open, 'nobody@example.com', 'x', headers)).status)
      }
      assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429])
    } finally {
      await open.close()
    }
  })

  it('from many addresses does not lock out a device that has signed in before', async () => {
    const person = await newUserHere(api)
    await person.auth('POST', '/sign-out')
    assert.equal((await signIn(person)).status, 200)
    assert.ok(person.cookies.has('duly.device'))
    await person.auth('POST', '/sign-out')
    for (let n = 0; n < 55; n += 1) {
      await guess(api, person.email, `wrong horse ${n}`, { 'x-forwarded-for': newAddress() })
    }
    const stranger = newPerson(api, person)
    assert.equal((await signIn(stranger)).status, 429)
    assert.equal((await signIn(person)).status, 200)
    // The device cookie applies to no other account.
    const thief = newPerson(api, { email: (await newUserHere(api)).email, password: 'wrong horse' })
    for (let n = 0; n < 5; n += 1) await signIn(thief)
    thief.cookies.set('duly.device', person.cookies.get('duly.device') ?? '')
    assert.equal((await signIn(thief)).status, 429)
  })

  it('does not lock out a user who chooses a new password', async () => {
    const person = await newUserHere(api)
    for (let n = 0; n < 55; n += 1) {
      await guess(api, person.email, `wrong horse ${n}`, { 'x-forwarded-for': newAddress() })
    }
    const phone = newPerson(api, { email: person.email, password: 'a new horse' })
    assert.equal((await signIn(phone)).status, 429)
    await phone.auth('POST', '/request-password-reset', { email: person.email, redirectTo: '/docs' })
    const line = api.lines.filter(({ email, to }) => email === 'reset-password' && to === person.email).at(-1)
    const token = new URL(String(line?.link)).pathname.split('/').at(-1)
    assert.equal(
      (await phone.auth('POST', '/reset-password', { newPassword: phone.password, token })).status,
      200,
    )
    assert.equal((await signIn(phone)).status, 200)
  })

  it('does not use up the attempts of users with the right password', async () => {
    const person = await newUserHere(api)
    for (let n = 0; n < 12; n += 1) {
      assert.equal((await guess(api, person.email, person.password, {})).status, 200)
    }
    const headers = { 'x-forwarded-for': newAddress() }
    for (let n = 0; n < 12; n += 1) {
      assert.equal((await guess(api, person.email, person.password, headers)).status, 200, String(n))
    }
  })
})

describe('too many concurrent sign-ins to one account', () => {
  it('are rejected with 503, and not counted as attempts', async () => {
    const person = await newUserHere(api)
    const all = await whileHashingTakes(100, () =>
      Promise.all(Array.from({ length: 20 }, () => guess(api, person.email, person.password, {}))),
    )
    const refused = all.filter(({ status }) => status === 503)
    assert.ok(refused.length > 0)
    for (const { headers, text } of refused) {
      assert.equal(headers.get('retry-after'), '1')
      assert.match(text, /Too many sign-ins at once/)
    }
    assert.equal((await signIn(newPerson(api, person))).status, 200)
  })
})

describe('routes of Better Auth that are not allowed', () => {
  it('cannot be reached by other spellings of their paths', async () => {
    for (const path of [
      '/error',
      '/update-session',
      '/get-access-token',
      '/delete-user/callback',
      '/callback/..\\error',
      '/callback/..%5Cerror',
      '/callback/..%2Ferror',
      '/callback/..',
      '/callback/..\\delete-user\\callback',
      '/reset-password/..\\error',
      '/LOGIN',
      '/login/email',
      '/login%2F..%2Ferror',
      '/..%2F..%2Fauth%2Flogin',
      '/callback/..\\passkey\\generate-authenticate-options',
    ]) {
      const answer = await raw.call({ method: 'GET', path: `/api/auth${path}` })
      assert.equal(answer.status, 404, `${path}: ${answer.status} ${answer.text.slice(0, 100)}`)
    }
  })
})

describe('another site', () => {
  const evil = 'https://evil.example'
  const writes = [
    '/sign-out',
    '/revoke-sessions',
    '/delete-user',
    '/update-user',
    '/change-email',
    '/sign-in/email',
    '/sign-up/email',
  ]

  it('changes nothing with the cookies of a user', async () => {
    const person = await newUserHere(api)
    for (const path of writes) {
      const answer = await person.auth('POST', path, { name: 'x' }, { origin: evil })
      assert.equal(answer.status, 403, path)
      const opaque = await person.auth('POST', path, { name: 'x' }, { origin: 'null' })
      assert.equal(opaque.status, 403, path)
    }
    assert.notEqual((await person.auth('GET', '/get-session')).body, null)
  })

  it('cannot send a form', async () => {
    const person = await newUserHere(api)
    const cookie = [...person.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    for (const type of [
      'application/x-www-form-urlencoded',
      'text/plain',
      'multipart/form-data; boundary=x',
      '',
    ]) {
      const call: Call = {
        body: '{"name":"Forged"}',
        headers: { cookie, 'content-type': type, origin: front },
      }
      assert.equal((await api.call('POST', '/api/auth/update-user', call)).status, 415, type)
    }
  })

  it('can read nothing: CORS allows only the front end', async () => {
    const person = await newUserHere(api)
    const { headers } = await person.auth('GET', '/get-session', undefined, { origin: evil })
    assert.equal(headers.get('access-control-allow-origin'), null)
    const known = await person.auth('GET', '/get-session')
    assert.equal(known.headers.get('access-control-allow-origin'), front)
    assert.equal(known.headers.get('access-control-allow-credentials'), 'true')
  })

  it('cannot be the target of a redirect', async () => {
    const person = await newUserHere(api)
    const links = [
      evil,
      '//evil.example',
      '/\\evil.example',
      'https:evil.example',
      'javascript:alert(1)',
      '/%5cevil.example',
      `${front}.evil.example`,
      `${front}@evil.example`,
      '/\t/evil.example',
      'http://localhost:3000:80@evil.example',
      '/.//evil.example',
      '/..//evil.example',
      '/docs/..//evil.example',
      '/./%2e//evil.example',
      '/%2f/evil.example',
      '/.\\/evil.example',
      '\t//evil.example',
      '/\n/evil.example',
      'java\nscript:alert(1)',
      `${front}@evil.example/`,
      'http://user@localhost:3000/',
      'http://localhost:3001/',
    ]
    for (const callbackURL of links) {
      const asked = await person.auth('POST', '/request-password-reset', {
        email: person.email,
        redirectTo: callbackURL,
      })
      assert.ok([400, 403, 429].includes(asked.status), `${callbackURL}: ${asked.status}`)
      for (const path of ['/reset-password/x', '/verify-email']) {
        const answer = await person.auth(
          'GET',
          `${path}?token=x&callbackURL=${encodeURIComponent(callbackURL)}`,
        )
        const where = answer.headers.get('location')
        assert.ok(
          where === null || new URL(where, 'http://here.test').origin === 'http://here.test',
          `${callbackURL}: ${where}`,
        )
      }
      const signedIn = await newPerson(api, person).auth('POST', '/sign-in/email', {
        email: person.email,
        password: person.password,
        callbackURL,
      })
      assert.ok([400, 403].includes(signedIn.status), `${callbackURL}: ${signedIn.status}`)
      assert.equal(signedIn.headers.get('location'), null)
    }
  })

  it('cannot use task routes, which accept no cookies', async () => {
    const person = await newUserHere(api)
    const cookie = [...person.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    for (const path of ['/api/v1/tasks', '/api/tasks', '/api/v1/todos', '/api/v1/tokens', '/api/v1/export']) {
      assert.equal((await api.call('GET', path, { headers: { cookie, origin: front } })).status, 401, path)
    }
  })
})

describe('a session cookie', () => {
  it('is HttpOnly, SameSite, and with TLS also Secure', async () => {
    const secure = await served({ ...behindProxy, PUBLIC_URL: 'https://tasks.example.com' })
    try {
      for (const [at, origin, isSecure] of [
        [api, front, false],
        [secure, 'https://tasks.example.com', true],
      ] as const) {
        const person = newPerson(at)
        const { email, password } = person
        await person.auth('POST', '/sign-up/email', { name: 'x', email, password }, { origin })
        const { headers } = await person.auth('POST', '/sign-in/email', { email, password }, { origin })
        const cookies = headers.getSetCookie()
        assert.equal(cookies.length, 2)
        for (const cookie of cookies) {
          assert.match(cookie, /; HttpOnly/)
          assert.match(cookie, /; SameSite=Lax/)
          assert.equal(/; Secure/.test(cookie), isSecure)
          assert.doesNotMatch(cookie, /; Domain/i)
        }
        for (const name of ['better-auth.session_token', 'duly.device']) {
          const full = isSecure ? `__Secure-${name}=` : `${name}=`
          assert.ok(
            cookies.some(cookie => cookie.startsWith(full)),
            full,
          )
        }
      }
    } finally {
      await secure.close()
    }
  })

  it('that was changed is rejected', async () => {
    const person = await newUserHere(api)
    const [name, value] = [...person.cookies].find(([key]) => key.endsWith('session_token')) as [
      string,
      string,
    ]
    const text = decodeURIComponent(value)
    for (const changed of [
      text.slice(0, -2),
      `${text}x`,
      text.split('.')[0] ?? '',
      `x${text}`,
      `${text.split('.')[0]}.`,
      '',
      'x',
      '%00',
      'x'.repeat(5000),
    ]) {
      const { body } = await api.call('GET', '/api/auth/get-session', {
        headers: { cookie: `${name}=${encodeURIComponent(changed)}` },
      })
      assert.equal(body, null, changed.slice(0, 80))
    }
  })
})
