import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createOTP } from '@better-auth/utils/otp'
import { behindProxy, newPerson, newUserHere, type Person } from './person.ts'
import { type Served, served } from './served.ts'

let api: Served
before(async () => {
  api = await served(behindProxy)
})
after(() => api.close())

/** The code that an authenticator shows. */
async function codeOf(totpURI: string): Promise<string> {
  const secret = new URL(totpURI).searchParams.get('secret') ?? ''
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...secret].map(letter => letters.indexOf(letter).toString(2).padStart(5, '0')).join('')
  const bytes = (bits.match(/.{8}/g) ?? []).map(byte => Number.parseInt(byte, 2))
  return createOTP(Buffer.from(bytes).toString('latin1')).totp()
}

const signIn = ({ auth, email, password }: Person) => auth('POST', '/sign-in/email', { email, password })

async function withSecondFactor() {
  const person = await newUserHere(api)
  const enabled = await person.auth('POST', '/two-factor/enable', { password: person.password })
  const { totpURI, backupCodes } = enabled.body
  assert.equal(enabled.status, 200, enabled.text)
  const verified = await person.auth('POST', '/two-factor/verify-totp', { code: await codeOf(totpURI) })
  assert.equal(verified.status, 200, verified.text)
  return { person, totpURI, backupCodes: backupCodes as string[] }
}

describe('a second factor', () => {
  it('counts once a code of it was given', async () => {
    const person = await newUserHere(api)
    assert.equal((await person.auth('POST', '/two-factor/enable', { password: 'wrong horse' })).status, 400)
    await person.auth('POST', '/two-factor/enable', { password: person.password })
    const { status, body } = await signIn(newPerson(api, person))
    assert.deepEqual([status, body.twoFactorRedirect], [200, undefined])
  })

  it('is asked for after the password, and there is no session before', async () => {
    const { person, totpURI } = await withSecondFactor()
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

  it('is guessed a few times only', async () => {
    const { person } = await withSecondFactor()
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

  it('that is lost is made up for by a code that is good once', async () => {
    const { person, backupCodes } = await withSecondFactor()
    const code = backupCodes[0]
    const phone = newPerson(api, person)
    await signIn(phone)
    assert.equal((await phone.auth('POST', '/two-factor/verify-backup-code', { code })).status, 200)
    const tablet = newPerson(api, person)
    await signIn(tablet)
    assert.equal((await tablet.auth('POST', '/two-factor/verify-backup-code', { code })).status, 401)
  })

  it('is given up with the password', async () => {
    const { person } = await withSecondFactor()
    assert.equal((await person.auth('POST', '/two-factor/disable', { password: 'wrong horse' })).status, 400)
    assert.equal(
      (await person.auth('POST', '/two-factor/disable', { password: person.password })).status,
      200,
    )
    assert.equal((await signIn(newPerson(api, person))).body.twoFactorRedirect, undefined)
  })
})
