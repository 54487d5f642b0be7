import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import {
  bases,
  mePaths,
  newUserThere,
  nextOf,
  post,
  signInPaths,
  signOutPaths,
  signUpPaths,
} from './front-end.ts'
import { operator } from './operator.ts'
import { behindProxy, newAddress, newPerson, newUserHere, type Person } from './person.ts'
import { newUser, type Served, tokenOf, twoReplicas } from './served.ts'
import { totpCode } from './totp.ts'

// Sign-in as the front ends of the four contracts do it: one token, no cookie, no refresh.

let api: Served
let other: Served
let close: () => Promise<void>
before(async () => {
  // `~` in the URL of the server gives a base64url character that atob rejects.
  const settings = { ...behindProxy, CONTRACT: 'stage-2', PUBLIC_URL: 'http://localhost:8000/~ann' }
  ;({ api, other, close } = await twoReplicas(settings))
})
after(() => close())

const password = 'correct horse battery'
const newEmail = () => `${randomUUID()}@example.com`
const statusOf = async (token: string, at = other) => (await at.call('GET', '/api/tasks', { token })).status
/** As front ends send it. */
const payloadOf = (token: string) => JSON.parse(atob(token.split('.')[1] ?? ''))
const sessionKeys = ['access_token', 'token', 'token_type', 'expires_in', 'expires_at', 'user']
const forms = (fields: Record<string, string>) => ({
  body: new URLSearchParams(fields).toString(),
  headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': newAddress() },
})

describe('a front end that holds one token', () => {
  it('signs up and in at every path, and gets a session', async () => {
    for (const [n, path] of signUpPaths.entries()) {
      const email = newEmail()
      const made = await post(api, path, { email, password, name: 'Ann' })
      const again = await post(other, signInPaths[n] as string, { email, password })
      assert.deepEqual([made.status, again.status], [201, 200], `${path}: ${again.text}`)
      for (const { body, headers } of [made, again]) {
        assert.deepEqual(Object.keys(body), sessionKeys)
        const { id, created_at, ...user } = body.user
        assert.deepEqual(user, { email, name: 'Ann', username: email.split('@')[0] })
        assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
        assert.deepEqual([body.token, body.token_type], [body.access_token, 'bearer'])
        assert.deepEqual(headers.getSetCookie(), [])
        assert.equal(headers.get('cache-control'), 'no-store')
        const { sub, sid, iat, exp, iss, aud, ...rest } = payloadOf(body.token)
        assert.deepEqual(
          [sub, iss, aud, rest],
          [id, 'http://localhost:8000/~ann', 'http://localhost:8000/~ann', {}],
        )
        assert.equal(typeof sid, 'string')
        assert.ok(body.expires_in > 7 * 86_400 - 60 && body.expires_in <= 7 * 86_400)
        assert.equal(exp - iat, body.expires_in)
        assert.equal(body.expires_at, new Date(exp * 1000).toISOString())
        assert.doesNotMatch(body.token.split('.')[1], /[-_]/)
        assert.equal(await statusOf(body.token), 200)
      }
      assert.equal(made.body.user.id, again.body.user.id)
    }
  })

  it('uses the same accounts as Better Auth’s routes', async () => {
    const there = await newUserThere(api)
    const person = newPerson(api, there)
    assert.equal((await person.auth('POST', '/sign-in/email', there)).status, 200)
    const here = await newUserHere(api)
    const { status, body } = await post(api, nextOf(signInPaths), here)
    assert.deepEqual([status, body.user.id], [200, here.id])
  })

  it('may send a form, or the email as the username', async () => {
    const { email } = await newUserThere(api)
    const fields = { grant_type: 'password', username: email, password, scope: '' }
    const multipart = new FormData()
    for (const [name, value] of Object.entries(fields)) multipart.append(name, value)
    const { headers, body } = await partsOf(multipart)
    const path = nextOf(signInPaths)
    for (const call of [
      { ...forms(fields) },
      { ...forms({ username: email, email: '', password }) },
      { headers: { ...headers, 'x-forwarded-for': newAddress() }, body },
      { body: JSON.stringify({ username: ` ${email.toUpperCase()} `, password }), headers: {} },
      { body: JSON.stringify({ username: 'somebody', email, password }) },
    ]) {
      const answer = await api.call('POST', path, call)
      assert.equal(answer.status, 200, answer.text)
    }
  })

  it('gets a message that names the invalid field', async () => {
    const bodies: [unknown, RegExp][] = [
      [{ password }, /^Email is required\.$/],
      [{ email: 'x', password }, /^Email must be an email address such as ann@example\.com, not "x"\.$/],
      [{ email: 7, password }, /^Email must be a string, not a number\.$/],
      [{ email: newEmail() }, /^Password is required\.$/],
      [{ email: newEmail(), password: ['x'] }, /^Password must be a string, not an array\.$/],
    ]
    for (const [json, message] of bodies) {
      for (const path of [nextOf(signUpPaths), nextOf(signInPaths)]) {
        const { status, body } = await post(api, path, json)
        assert.deepEqual([status, body.error_code], [422, 'VALIDATION_ERROR'], JSON.stringify(json))
        assert.match(body.detail, message)
      }
    }
    const short = await post(api, nextOf(signUpPaths), { email: newEmail(), password: 'short' })
    assert.match(short.body.detail, /^Password must have at least 8 characters\.$/)
    const byName = await post(api, nextOf(signInPaths), { username: 'ann', password })
    assert.match(
      byName.body.detail,
      /^Username must be an email address such as ann@example\.com, not "ann"\.$/,
    )
  })

  it('cannot send ambiguous bytes in a password, or another encoding', async () => {
    const { email } = await newUserThere(api)
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const bodies = [
      { body: `username=${email}&password=%FF%FE123456`, headers: type },
      { body: Buffer.from(`username=${email}&password=\xff\xfe123456`, 'latin1'), headers: type },
      {
        body: `username=${email}&password=x`,
        headers: { 'content-type': `${type['content-type']}; charset=utf-16` },
      },
      { body: 'no parts', headers: { 'content-type': 'multipart/form-data; boundary=x' } },
      { body: 'no boundary', headers: { 'content-type': 'multipart/form-data' } },
      {
        body: '--x\r\ncontent-disposition: form-data; name="password"; filename="x"\r\n\r\nx\r\n--x--\r\n',
        headers: { 'content-type': 'multipart/form-data; boundary=x' },
      },
    ]
    for (const call of bodies) {
      const { status, text } = await api.call('POST', nextOf(signInPaths), call)
      assert.equal(status, 422, text)
    }
    const packed = { body: 'x', headers: { ...type, 'content-encoding': 'gzip' } }
    assert.equal((await api.call('POST', nextOf(signInPaths), packed)).status, 415)
    const large = forms({ username: email, password, x: 'x'.repeat(17_000) })
    assert.equal((await api.call('POST', nextOf(signInPaths), large)).status, 413)
  })

  it('gets an error if an address is taken', async () => {
    const { email } = await newUserThere(api)
    const answers = await Promise.all(
      [email, ` ${email.toUpperCase()}`].map(taken =>
        post(api, nextOf(signUpPaths), { email: taken, password }),
      ),
    )
    for (const { status, body } of answers) {
      assert.deepEqual(
        [status, body.error_code, body.detail],
        [409, 'VALIDATION_ERROR', 'This email address is taken. Sign in, or use another one.'],
      )
    }
  })

  it('creates one account for concurrent sign-ups', async () => {
    const email = newEmail()
    const answers = await Promise.all(
      Array.from({ length: 3 }, (_, n) =>
        post(n === 1 ? other : api, nextOf(signUpPaths), { email, password }),
      ),
    )
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409, 409])
  })

  it('cannot sign in to a disabled account', async () => {
    const { email } = await newUserThere(api)
    await operator(api, ['user', 'disable', email])
    const { status, body } = await post(api, nextOf(signInPaths), { email, password })
    assert.deepEqual(
      [status, body.error_code, body.detail],
      [403, 'AUTH_FORBIDDEN', 'This account is disabled.'],
    )
    assert.equal((await post(api, nextOf(signInPaths), { email, password: 'wrong horse' })).status, 401)
  })

  it('can only call from its own origin', async () => {
    const user = await newUserThere(api)
    for (const path of [...signInPaths, ...signUpPaths]) {
      const evil = await post(api, path, user, { headers: { origin: 'https://evil.example' } })
      assert.deepEqual([evil.status, evil.body.error_code], [403, 'AUTH_FORBIDDEN'])
    }
    const headers = { origin: 'http://localhost:3000' }
    const { status, headers: given } = await post(api, nextOf(signInPaths), user, { headers })
    assert.deepEqual([status, given.get('access-control-allow-origin')], [200, headers.origin])
  })
})

describe('the user of a token', () => {
  it('is the same at every path, for every token of the account', async () => {
    const person = await newUserHere(api)
    const { body: session } = await post(api, nextOf(signInPaths), person)
    const short = await person.token()
    const json = { name: 'x', scopes: ['tasks:read'] }
    const { body: access } = await api.call('POST', '/api/v1/tokens', { token: short, json })
    const user = session.user
    const expected = { ...user, valid: true, authenticated: true, user_id: user.id, user }
    const verify = bases.map(base => `${base}/verify`)
    for (const token of [session.token, short, access.token, tokenOf(user.id)]) {
      for (const path of [...mePaths, ...verify]) {
        const { status, body } = await api.call('GET', path, { token })
        assert.deepEqual([status, body], [200, expected], path)
      }
      for (const path of verify) assert.deepEqual((await api.call('POST', path, { token })).body, expected)
    }
  })

  it('of another issuer is known only by the id', async () => {
    const id = newUser()
    const user = { id, email: null, name: null, username: null, created_at: null }
    const { status, body } = await api.call('GET', nextOf(mePaths), { user: id })
    assert.deepEqual([status, body], [200, { ...user, valid: true, authenticated: true, user_id: id, user }])
    assert.equal((await api.call('GET', nextOf(mePaths), { user: '7' })).body.user_id, 7)
  })
})

describe('the token of a session', () => {
  /** The token is rejected on the other replica by requests that begin a second later. */
  async function endsWith(token: string, act: () => Promise<unknown>) {
    assert.equal(await statusOf(token), 200)
    await act()
    const at = performance.now()
    for (let begun = at; (await statusOf(token)) !== 401; begun = performance.now()) {
      assert.ok(begun - at < 1000)
      await pause(20)
    }
  }
  const signedIn = async () => {
    const user = await newUserThere(api)
    const person = newPerson(api, user)
    await person.auth('POST', '/sign-in/email', user)
    return { ...user, person }
  }
  const newPassword = 'staple battery horse'
  const change = (person: Person) =>
    person.auth('POST', '/change-password', { currentPassword: password, newPassword })

  it('ends when the user signs out; other tokens remain valid', async () => {
    for (const path of signOutPaths) {
      const { email, token } = await newUserThere(api)
      const { body } = await post(api, nextOf(signInPaths), { email, password })
      await endsWith(token, async () => {
        assert.deepEqual((await post(api, path, undefined, { token })).body, { success: true })
      })
      assert.equal(await statusOf(body.token), 200)
      assert.equal((await post(api, path, undefined, { token })).status, 401)
    }
  })

  it('ends with its session, for every reason', async () => {
    const ends: Readonly<Record<string, (user: Awaited<ReturnType<typeof signedIn>>) => Promise<unknown>>> = {
      'a new password': ({ person }) => change(person),
      'the end of all sessions': ({ person }) => person.auth('POST', '/revoke-sessions'),
      'a reset': async ({ person, email }) => {
        await person.auth('POST', '/request-password-reset', { email, redirectTo: '/docs' })
        const line = api.lines.findLast(({ email: kind, to }) => kind === 'reset-password' && to === email)
        const token = new URL(String(line?.link)).pathname.split('/').at(-1)
        return person.auth('POST', '/reset-password', { newPassword, token })
      },
      'the operator': ({ email }) => operator(api, ['user', 'sign-out', email]),
      'a disabled account': ({ email }) => operator(api, ['user', 'disable', email]),
      'the account': ({ person }) => person.auth('POST', '/delete-user', { password }),
    }
    for (const act of Object.values(ends)) {
      const user = await signedIn()
      await endsWith(user.token, () => act(user))
    }
  })

  it('does not end the cookies of other browsers when the password changes', async () => {
    const { person } = await signedIn()
    assert.equal((await change(person)).status, 200)
    assert.notEqual((await person.auth('GET', '/get-session')).body, null)
  })

  it('is rejected after its session has ended, even after the revocation has expired', async () => {
    const sql = (text: string, ...values: string[]) => api.server.db.query(unprepared(text), values)
    for (const end of [
      'delete from duly.session where id = $1',
      `update duly.session set "expiresAt" = now() - interval '1 second' where id = $1`,
    ]) {
      const { token } = await newUserThere(api)
      await sql(end, payloadOf(token).sid)
      await sql('delete from duly.revocations')
      assert.equal(await statusOf(token, api), 401)
    }
  })

  it('is not ended by the tokens of others', async () => {
    const { id, email, token } = await newUserThere(api)
    const person = newPerson(api, { email })
    await person.auth('POST', '/sign-in/email', { email, password })
    const json = { name: 'x', scopes: ['tasks:read', 'tasks:write'] }
    const { body: access } = await api.call('POST', '/api/v1/tokens', { token, json })
    const { sid } = payloadOf(token)
    for (const foreign of [tokenOf(id, { sid }), tokenOf(newUser(), { sid }), access.token]) {
      const { status, body } = await post(api, nextOf(signOutPaths), undefined, { token: foreign })
      assert.deepEqual([status, body.error_code], [403, 'AUTH_FORBIDDEN'])
    }
    assert.equal(
      (await post(api, nextOf(signOutPaths), undefined, { token: await person.token() })).status,
      200,
    )
    assert.equal(await statusOf(token, api), 200)
  })

  it('is never renewed, even with the cookie of a browser', async () => {
    const { email, password, person } = await signedIn()
    const cookie = [...person.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { cookie, origin: 'http://localhost:3000' }
    assert.equal((await post(api, nextOf(signOutPaths), undefined, { headers })).status, 401)
    assert.equal((await api.call('GET', nextOf(mePaths), { headers })).status, 401)
    const wrong = { email, password: `${password}!` }
    assert.equal((await post(api, nextOf(signInPaths), wrong, { headers })).status, 401)
  })
})

describe('two-factor authentication', () => {
  it('is required by name, and accepts a TOTP code or a backup code', async () => {
    const person = await newUserHere(api)
    const { body: enabled } = await person.auth('POST', '/two-factor/enable', { password })
    const code = await totpCode(enabled.totpURI)
    assert.equal((await person.auth('POST', '/two-factor/verify-totp', { code })).status, 200)
    const credentials = { email: person.email, password }
    const signIn = (sent: object = {}) => post(api, nextOf(signInPaths), { ...credentials, ...sent })
    for (const [sent, says] of [
      [{}, /uses two-factor authentication/],
      [{ code: '' }, /uses two-factor authentication/],
      [{ code: '000000' }, /code is wrong/],
      [{ code: 'aaaaa-bbbbb' }, /code is wrong/],
    ] as const) {
      const { status, body } = await signIn(sent)
      assert.deepEqual([status, body.error_code, body.token], [401, 'AUTH_INVALID', undefined])
      assert.match(body.detail, says)
    }
    const shown = await totpCode(enabled.totpURI)
    for (const right of [`${shown.slice(0, 3)} ${shown.slice(3)}`, enabled.backupCodes[0]]) {
      const { status, body, text } = await signIn({ code: right })
      assert.equal(status, 200, text)
      assert.equal(await statusOf(body.token), 200)
    }
    assert.equal((await signIn({ code: enabled.backupCodes[0] })).status, 401)
    assert.equal(
      (await signIn({ code: shown, password: 'wrong horse' })).body.detail,
      'The email address or the password is wrong.',
    )
  })
})

/** An encoded multipart form. */
async function partsOf(form: FormData) {
  const sent = new Response(form)
  const headers = { 'content-type': sent.headers.get('content-type') ?? '' }
  return { headers, body: Buffer.from(await sent.arrayBuffer()) }
}
