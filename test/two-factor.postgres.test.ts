import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { behindProxy, newPerson, newUserHere, type Person } from './person.ts'
import { type Served, served } from './served.ts'
import { startSmtpServer } from './smtp-server.ts'
import { totpCode as codeOf } from './totp.ts'

let api: Served
before(async () => {
  api = await served(behindProxy)
})
after(() => api.close())

const signIn = ({ auth, email, password }: Person) => auth('POST', '/sign-in/email', { email, password })

async function withTwoFactor(signedUp?: Person) {
  const person = signedUp ?? (await newUserHere(api))
  const enabled = await person.auth('POST', '/two-factor/enable', { password: person.password })
  const { totpURI, backupCodes } = enabled.body
  assert.equal(enabled.status, 200, enabled.text)
  const verified = await person.auth('POST', '/two-factor/verify-totp', { code: await codeOf(totpURI) })
  assert.equal(verified.status, 200, verified.text)
  return { person, totpURI, backupCodes: backupCodes as string[] }
}

describe('two-factor authentication', () => {
  it('is enabled once its first code is verified', async () => {
    const person = await newUserHere(api)
    assert.equal((await person.auth('POST', '/two-factor/enable', { password: 'wrong horse' })).status, 400)
    await person.auth('POST', '/two-factor/enable', { password: person.password })
    const { status, body } = await signIn(newPerson(api, person))
    assert.deepEqual([status, body.twoFactorRedirect], [200, undefined])
  })

  it('requires a code after the password, and there is no session before', async () => {
    const { person, totpURI } = await withTwoFactor()
    const phone = newPerson(api, person)
    const { body } = await signIn(phone)
    assert.equal(body.twoFactorRedirect, true)
    assert.equal((await phone.auth('GET', '/get-session')).body, null)
    assert.equal((await phone.auth('GET', '/token')).status, 401)
    assert.equal((await phone.auth('POST', '/two-factor/verify-totp', { code: '000000' })).status, 401)
    const verified = await phone.auth('POST', '/two-factor/verify-totp', { code: await codeOf(totpURI) })
    assert.equal(verified.status, 200)
    const token = await phone.token()
    assert.equal((await api.call('GET', '/api/v1/tasks', { token })).status, 200)
  })

  it('rejects all codes after a few wrong ones', async () => {
    const { person } = await withTwoFactor()
    const phone = newPerson(api, person)
    await signIn(phone)
    const statuses: number[] = []
    for (let n = 0; n < 8; n += 1) {
      statuses.push(
        (await phone.auth('POST', '/two-factor/verify-totp', { code: String(n).repeat(6) })).status,
      )
    }
    assert.ok(statuses.slice(5).every(status => status !== 200))
    assert.equal((await phone.auth('GET', '/get-session')).body, null)
  })

  it('accepts a backup code once instead of a TOTP code', async () => {
    const { person, backupCodes } = await withTwoFactor()
    const code = backupCodes[0]
    const phone = newPerson(api, person)
    await signIn(phone)
    assert.equal((await phone.auth('POST', '/two-factor/verify-backup-code', { code })).status, 200)
    const tablet = newPerson(api, person)
    await signIn(tablet)
    assert.equal((await tablet.auth('POST', '/two-factor/verify-backup-code', { code })).status, 401)
  })

  it('is disabled with the password', async () => {
    const { person } = await withTwoFactor()
    assert.equal((await person.auth('POST', '/two-factor/disable', { password: 'wrong horse' })).status, 400)
    assert.equal(
      (await person.auth('POST', '/two-factor/disable', { password: person.password })).status,
      200,
    )
    assert.equal((await signIn(newPerson(api, person))).body.twoFactorRedirect, undefined)
  })
})

describe('a stranger who reads the emails of a user with two-factor authentication', () => {
  let smtp: Awaited<ReturnType<typeof startSmtpServer>>
  let sending: Served
  before(async () => {
    smtp = await startSmtpServer()
    sending = await served({ ...behindProxy, SMTP_URL: smtp.url })
  })
  after(async () => {
    await sending.close()
    await smtp.close()
  })

  const follow = async (person: Person, link: string) => {
    const { pathname, search } = new URL(link)
    return person.auth('GET', (pathname + search).replace('/api/auth', ''))
  }
  const isSignedIn = async ({ auth }: Person) => (await auth('GET', '/get-session')).body !== null
  const isAskedForCode = async ({ email, password }: Person) =>
    (await signIn(newPerson(sending, { email, password }))).body.twoFactorRedirect === true

  async function confirmed(): Promise<Person> {
    const person = newPerson(sending)
    const { email, password } = person
    await person.auth('POST', '/sign-up/email', { name: 'Ann', email, password, callbackURL: '/docs' })
    await follow(person, (await smtp.emailTo(email)).link)
    assert.ok(await isSignedIn(person))
    await withTwoFactor(person)
    return person
  }

  it('is not signed in by the email that confirms a new address', async () => {
    const person = await confirmed()
    const newEmail = `new-${person.email}`
    await person.auth('POST', '/change-email', { newEmail, callbackURL: '/docs' })
    await follow(person, (await smtp.emailTo(person.email, 2)).link)
    const reader = newPerson(sending)
    assert.equal((await follow(reader, (await smtp.emailTo(newEmail)).link)).status, 302)
    assert.equal(await isSignedIn(reader), false)
    assert.equal(await isSignedIn(person), true)
    assert.ok(await isAskedForCode({ ...person, email: newEmail }))
  })

  it('is not signed in by the email that confirms the current address', async () => {
    const person = await confirmed()
    const { email } = person
    await sending.server.db.query(
      unprepared('update duly."user" set "emailVerified" = false where email = $1'),
      [email],
    )
    const reader = newPerson(sending)
    await reader.auth('POST', '/send-verification-email', { email, callbackURL: '/docs' })
    assert.equal((await follow(reader, (await smtp.emailTo(email, 2)).link)).status, 302)
    assert.equal(await isSignedIn(reader), false)
    assert.ok(await isAskedForCode(person))
  })

  it('can choose a new password, and still needs the code', async () => {
    const person = await confirmed()
    const { email } = person
    const reader = newPerson(sending)
    await reader.auth('POST', '/request-password-reset', { email, redirectTo: '/docs' })
    const { link } = await smtp.emailTo(email, 2)
    const back = (await follow(reader, link)).headers.get('location') ?? ''
    const token = new URL(back, link).searchParams.get('token')
    const newPassword = 'the reader’s own one'
    assert.equal((await reader.auth('POST', '/reset-password', { newPassword, token })).status, 200)
    assert.equal(await isSignedIn(reader), false)
    assert.ok(await isAskedForCode({ ...person, password: newPassword }))
  })
})
