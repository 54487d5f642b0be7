import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { unprepared } from '../server/db/database.ts'
import { addAuthenticator, openBrowser } from './browser.ts'
import { behindProxy, newUserHere } from './person.ts'
import { type Served, served } from './served.ts'

let api: Served
let browser: Browser
let origin: string
before(async () => {
  api = await served(behindProxy)
  origin = `http://localhost:${new URL(api.server.url).port}`
  browser = await openBrowser()
})
after(async () => {
  await browser?.close()
  await api.close()
})

// What a front end does, in the page, with the browser's WebAuthn.
const register = `(async () => {
  const send = async (path, body) => {
    const answer = await fetch('/api/auth' + path, body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    return { status: answer.status, body: await answer.json() }
  }
  const options = await send('/passkey/generate-register-options')
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options.body)
  const credential = await navigator.credentials.create({ publicKey })
  return send('/passkey/verify-registration', { response: credential.toJSON(), name: 'My key' })
})()`
const signIn = `(async () => {
  const options = await (await fetch('/api/auth/passkey/generate-authenticate-options')).json()
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
  const credential = await navigator.credentials.get({ publicKey })
  const answer = await fetch('/api/auth/passkey/verify-authentication', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ response: credential.toJSON() }),
  })
  return { status: answer.status, body: await answer.json() }
})()`

interface Said {
  readonly status: number
  readonly body: Record<string, unknown>
}

const run = (page: Page, script: string) => page.evaluate(script) as Promise<Said>
const whoIs = async (page: Page) =>
  (
    await run(
      page,
      `fetch('/api/auth/get-session').then(async a => ({ status: a.status, body: await a.json() }))`,
    )
  ).body

describe('a passkey', () => {
  it('can be added by a signed-in user, and used to sign in', async () => {
    const person = await newUserHere(api)
    const context = await browser.newContext()
    const page = await context.newPage()
    await addAuthenticator(page)
    await page.goto(`${origin}/docs`)
    const anonymous = await run(
      page,
      `fetch('/api/auth/passkey/generate-register-options').then(async a => ({ status: a.status, body: {} }))`,
    )
    assert.equal(anonymous.status, 401)
    const url = origin
    const cookies = [...person.cookies].map(([name, value]) => ({
      name,
      value,
      url,
      httpOnly: true,
      sameSite: 'Lax' as const,
    }))
    await context.addCookies(cookies)
    const added = await run(page, register)
    assert.deepEqual([added.status, added.body.name, added.body.userId], [200, 'My key', person.id])

    await context.clearCookies()
    assert.equal(await whoIs(page), null)
    const signedIn = await run(page, signIn)
    assert.equal(signedIn.status, 200, JSON.stringify(signedIn.body))
    const { user } = (await whoIs(page)) as { user: { id: string } }
    assert.equal(user.id, person.id)

    const { body: keys } = await person.auth('GET', '/passkey/list-user-passkeys')
    assert.equal(keys.length, 1)
    const stranger = await newUserHere(api)
    assert.notEqual((await stranger.auth('POST', '/passkey/delete-passkey', { id: keys[0].id })).status, 200)
    assert.equal((await person.auth('POST', '/passkey/delete-passkey', { id: keys[0].id })).status, 200)
    await context.clearCookies()
    assert.notEqual((await run(page, signIn)).status, 200)

    await context.addCookies(cookies)
    const others = `insert into duly.passkey (id, "publicKey", "userId", "credentialID", counter, "deviceType", "backedUp")
      select 'key-' || n, 'AAAA', $1, 'AAAA' || lpad(n::text, 4, '0'), 0, 'singleDevice', false from generate_series(1, 50) as n`
    await api.server.db.query(unprepared(others), [person.id])
    const tooMany = await run(page, register)
    assert.deepEqual([tooMany.status, tooMany.body.code], [409, 'TOO_MANY_PASSKEYS'])
    await context.close()
  })
})
