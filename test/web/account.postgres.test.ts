import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { unprepared } from '../../server/db/database.ts'
import { addAuthenticator, interceptOnce } from '../browser.ts'
import { startSmtpServer } from '../smtp-server.ts'
import { totpCode } from '../totp.ts'
import { type App, add, type Device, openApp, row, sent, until } from './app.ts'

// The life of one account on one device, from sign-up to deletion.

let smtp: Awaited<ReturnType<typeof startSmtpServer>>
let app: App
let laptop: Device
before(async () => {
  smtp = await startSmtpServer()
  app = await openApp({
    SMTP_URL: smtp.url,
    GITHUB_CLIENT_ID: 'our-id',
    GITHUB_CLIENT_SECRET: 'our-secret',
    WEBHOOK_PRIVATE_NETWORKS: '127.0.0.0/8',
  })
  laptop = await app.device()
})
after(async () => {
  await app?.close()
  await smtp?.close()
})

const account = { email: 'ann@example.com', password: 'correct horse battery' }

/** A card on the account screen. */
const section = (page: Page, name: string) => page.getByRole('region', { name, exact: true })
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

async function openAccount(page: Page): Promise<void> {
  await page.goto(`${app.url}#/account`)
  await page.getByRole('heading', { level: 1, name: 'Account' }).waitFor()
}

async function signOut(page: Page): Promise<void> {
  await openAccount(page)
  await page.locator('.screen-head').getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
}

async function giveEmail(page: Page): Promise<void> {
  await page.getByLabel('Email address').fill(account.email)
}

async function signIn(page: Page): Promise<void> {
  await giveEmail(page)
  await page.getByLabel('Password').fill(account.password)
  await button(page, 'Sign in').click()
}

/** Withholds the response of a POST after the server has sent it. */
async function holdResponse(page: Page, path: string) {
  const events = new EventEmitter()
  const received = once(events, 'received')
  const released = once(events, 'released')
  await interceptOnce(page, `**${path}`, async route => {
    // Not `route.fetch`, which would set the cookies in the browser at once.
    const response = await fetch(new URL(path, app.url), {
      method: 'POST',
      headers: await route.request().allHeaders(),
      body: route.request().postData(),
    })
    const body = await response.text()
    events.emit('received')
    await released
    const cookies = response.headers.getSetCookie().join('\n')
    const headers = { 'content-type': 'application/json', 'set-cookie': cookies }
    await route.fulfill({ status: response.status, headers, body })
  })
  return { received, release: () => events.emit('released') }
}

const isIn = (page: Page) => page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor()

/** Opens the link of an email in another tab, as a mail program would. */
async function openLink(n: number, to = account.email): Promise<Page> {
  const page = await laptop.context.newPage()
  await page.goto((await smtp.emailTo(to, n)).link)
  return page
}

describe('a user account', () => {
  it('begins with a sign-up and an email to confirm', async () => {
    const { page } = laptop
    await button(page, 'Create an account').click()
    await page.getByLabel('Name').fill('Ann')
    await giveEmail(page)
    await page.getByLabel('Password').fill(account.password)
    await button(page, 'Sign up').click()
    await page.getByRole('heading', { name: 'Check your email' }).waitFor()
    const confirmation = await openLink(1)
    await button(confirmation, 'Confirm').click()
    await confirmation.getByRole('link', { name: 'Sign in' }).click()
    // Opening the link has verified the user.
    await isIn(confirmation)
    await add(confirmation, 'Water the plants')
    await sent(confirmation)
    await confirmation.close()
    await page.reload()
    await row(page, 'Water the plants').waitFor()
  })

  it('can be opened with a new password after the old one was forgotten', async () => {
    const { page } = laptop
    await signOut(page)
    await button(page, 'Forgot your password?').click()
    await giveEmail(page)
    await button(page, 'Send the link').click()
    await page.getByRole('heading', { name: 'Check your email' }).waitFor()
    const reset = await openLink(2)
    account.password = 'a new one for me'
    await reset.getByLabel('New password').fill(account.password)
    await button(reset, 'Change password').click()
    await reset.getByRole('link', { name: 'Sign in' }).click()
    await signIn(reset)
    await row(reset, 'Water the plants').waitFor()
    await reset.close()
    await page.reload()
    await row(page, 'Water the plants').waitFor()
  })

  it('changes its name, address and password, and ends its other sessions', async () => {
    const { page } = laptop
    const phone = await app.device()
    await signIn(phone.page)
    await row(phone.page, 'Water the plants').waitFor()

    await openAccount(page)
    const profile = section(page, 'Profile')
    await profile.getByLabel('Name').fill('Ann B.')
    await profile.getByRole('button', { name: 'Change name' }).click()
    await page.getByText('Ann B. · ann@example.com').waitFor()
    assert.equal(await profile.getByLabel('Name').inputValue(), 'Ann B.')
    await profile.getByLabel('New email address').fill('ann.b@example.com')
    await profile.getByRole('button', { name: 'Change email address' }).click()
    for (const [n, to, next] of [
      [3, account.email, 'One more step'],
      [1, 'ann.b@example.com', 'Your email address is confirmed'],
    ] as const) {
      const link = await openLink(n, to)
      await button(link, 'Confirm').click()
      await link.getByRole('heading', { name: next }).waitFor()
      await link.close()
    }
    account.email = 'ann.b@example.com'
    await page.reload()
    await page.getByText('Ann B. · ann.b@example.com').waitFor()

    const sessions = section(page, 'Sessions')
    await sessions.getByText('This device').waitFor()
    const dayAgo = `update duly.session set "createdAt" = now() - interval '1 day'`
    await app.api.server.db.query(unprepared(dayAgo))
    await page.reload()
    await sessions.getByText('Sign out and in again').waitFor()
    await sessions.getByRole('button', { name: 'Sign out all other devices' }).click()
    await phone.page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await phone.context.close()

    const password = section(page, 'Password')
    await password.getByLabel('Current password').fill('a wrong one')
    await password.getByLabel('New password').fill('yet another one')
    await password.getByRole('button', { name: 'Change password' }).click()
    await password
      .getByRole('alert')
      .getByText(/invalid|wrong/i)
      .waitFor()
    await password.getByLabel('Current password').fill(account.password)
    const response = await holdResponse(page, '/api/auth/change-password')
    await password.getByRole('button', { name: 'Change password' }).click()
    await response.received
    // The previous session has ended, and the browser does not have the new cookie yet.
    const order: string[] = []
    page.on('request', request => {
      if (request.url().endsWith('/sign-out')) order.push('sign out')
    })
    await page.locator('.screen-head').getByRole('button', { name: 'Sign out' }).click()
    order.push('respond')
    response.release()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    assert.deepEqual(order, ['respond', 'sign out'])
    const cookies = await laptop.context.cookies()
    assert.deepEqual(
      cookies.filter(({ name }) => name.includes('session')),
      [],
    )
    account.password = 'yet another one'
    await signIn(page)
    await isIn(page)
  })

  it('requires a TOTP or backup code while two-factor authentication is enabled', async () => {
    const { page } = laptop
    await openAccount(page)
    const card = section(page, 'Two-factor authentication')
    await card.getByLabel('Password').fill(account.password)
    await card.getByRole('button', { name: 'Set up' }).click()
    const uri = await card.getByRole('link', { name: /authenticator app/ }).getAttribute('href')
    await card.getByRole('img', { name: 'QR code with the secret' }).waitFor()
    const [backup = ''] = (await card.locator('.secret').last().innerText()).split(/\s+/)
    await card.getByLabel('Code of your authenticator app').fill(await totpCode(uri ?? ''))
    await card.getByRole('button', { name: 'Verify the code' }).click()
    await card.getByText('Two-factor authentication is on').waitFor()

    await signOut(page)
    await signIn(page)
    await page.getByRole('heading', { name: 'One more step' }).waitFor()
    await page.getByLabel('Code of your authenticator app').fill('000000')
    await button(page, 'Continue').click()
    await page.getByRole('alert').getByText(/code/i).waitFor()
    await page.getByLabel('Code of your authenticator app').fill(await totpCode(uri ?? ''))
    await button(page, 'Continue').click()
    await isIn(page)
    await signOut(page)
    await signIn(page)
    await button(page, 'Use a backup code').click()
    await page.getByLabel('Backup code').fill(backup)
    await button(page, 'Continue').click()
    await isIn(page)

    await openAccount(page)
    await card.getByLabel('Password').fill(account.password)
    await card.getByRole('button', { name: 'Disable' }).click()
    await card.getByRole('button', { name: 'Set up' }).waitFor()
    await signOut(page)
    await signIn(page)
    await isIn(page)
  })

  it('can be opened with a passkey', async () => {
    const { page } = laptop
    await addAuthenticator(page)
    await openAccount(page)
    const card = section(page, 'Passkeys')
    await card.getByLabel('Name').fill('My laptop')
    await card.getByRole('button', { name: 'Add a passkey' }).click()
    await card.getByRole('listitem').getByText('My laptop').waitFor()
    await signOut(page)
    await button(page, 'Sign in with a passkey').click()
    await isIn(page)
    await openAccount(page)
    await card.getByRole('listitem').getByRole('button', { name: 'Remove' }).click()
    await card.getByRole('listitem').waitFor({ state: 'detached' })
    await signOut(page)
    await button(page, 'Sign in with a passkey').click()
    await page.getByRole('alert').getByText(/./).waitFor()
    await signIn(page)
    await isIn(page)
  })

  it('offers the providers of the server, and shows the reason if one rejects the sign-in', async () => {
    const { page, context } = await app.device()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await button(page, 'Continue with GitHub').waitFor()
    assert.equal(await button(page, 'Continue with Google').count(), 0)
    // A stand-in for GitHub, an external service, where the user declines.
    await context.route('https://github.com/**', route => {
      const asked = new URL(route.request().url())
      assert.equal(asked.searchParams.get('client_id'), 'our-id')
      const back = new URL(asked.searchParams.get('redirect_uri') ?? '')
      assert.equal(back.href, `${app.url}api/auth/callback/github`)
      back.searchParams.set('error', 'access_denied')
      back.searchParams.set('state', asked.searchParams.get('state') ?? '')
      return route.fulfill({ status: 302, headers: { location: back.href } })
    })
    await button(page, 'Continue with GitHub').click()
    await page.getByRole('alert').getByText('access_denied').waitFor()
    assert.equal(page.url(), app.url)
    await context.close()
  })

  it('of a user who signs in with a provider needs no password, and can set one', async test => {
    const profile = { id: 4711, login: 'octo', name: 'Octo Cat', email: 'octo@example.com' }
    // A stand-in for the API of GitHub, an external service.
    const real = globalThis.fetch
    test.after(() => {
      globalThis.fetch = real
    })
    globalThis.fetch = async (input, init) => {
      const { host, pathname } = new URL(input instanceof Request ? input.url : input)
      if (host === 'github.com') return Response.json({ access_token: 'gho_given', token_type: 'bearer' })
      if (host !== 'api.github.com') return real(input, init)
      return Response.json(
        pathname === '/user' ? profile : [{ email: profile.email, primary: true, verified: true }],
      )
    }
    const { page, context } = await app.device()
    await context.route('https://github.com/**', route => {
      const asked = new URL(route.request().url())
      const back = new URL(asked.searchParams.get('redirect_uri') ?? '')
      back.searchParams.set('code', 'a-code')
      back.searchParams.set('state', asked.searchParams.get('state') ?? '')
      return route.fulfill({ status: 302, headers: { location: back.href } })
    })
    await button(page, 'Continue with GitHub').click()
    await isIn(page)
    await openAccount(page)
    await section(page, 'Two-factor authentication').getByRole('link', { name: 'Choose a password' }).click()
    await section(page, 'Password').getByRole('button', { name: 'Send the link' }).click()
    const reset = await openLink(1, profile.email)
    await reset.getByLabel('New password').fill('my first password')
    await button(reset, 'Change password').click()
    await reset.getByRole('link', { name: 'Sign in' }).waitFor()
    await reset.close()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await page.getByLabel('Email address').fill(profile.email)
    await page.getByLabel('Password').fill('my first password')
    await button(page, 'Sign in').click()
    await section(page, 'Two-factor authentication').getByLabel('Password').waitFor()
    await page.locator('.screen-head').getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()

    Object.assign(profile, { id: 4712, login: 'cat', email: 'cat@example.com' })
    await button(page, 'Continue with GitHub').click()
    await isIn(page)
    await openAccount(page)
    const deletion = section(page, 'Delete account')
    await deletion.getByText('You have no password').waitFor()
    await deletion.getByRole('button', { name: 'Delete account' }).click()
    await deletion.getByRole('checkbox', { name: 'Yes, delete everything' }).check()
    await deletion.getByRole('button', { name: 'Delete account' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await context.close()
  })

  it('has personal access tokens, which can be revoked', async () => {
    const { page, context } = laptop
    await openAccount(page)
    const card = section(page, 'Personal access tokens')
    await card.getByLabel('Name').fill('backup')
    await card.getByRole('button', { name: 'Create a token' }).click()
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await card.getByRole('button', { name: 'Copy' }).click()
    await page.getByRole('status').getByText('Copied.').waitFor()
    const token = await card.locator('.secret').innerText()
    assert.equal(await page.evaluate('navigator.clipboard.readText()'), token)
    const statusOf = async (method: string, json?: object) =>
      (await app.api.call(method, '/api/v1/tasks', { token, ...(json && { json }) })).status
    assert.equal(await statusOf('GET'), 200)
    assert.equal(await statusOf('POST', { title: 'Not allowed' }), 403)
    await card.getByRole('listitem').getByRole('button', { name: 'Revoke' }).click()
    await card.getByRole('listitem').waitFor({ state: 'detached' })
    await until(async () => (await statusOf('GET')) === 401)
  })

  it('notifies other programs with a webhook', async test => {
    const received: string[] = []
    const receiver = createServer(async (request, response) => {
      received.push(JSON.parse(await text(request)).type)
      response.writeHead(204).end()
    })
    test.after(() => {
      receiver.close()
      receiver.closeAllConnections()
    })
    await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
    const { page } = laptop
    await openAccount(page)
    const card = section(page, 'Webhooks')
    await card.getByLabel('URL').fill('http://10.1.2.3/hook')
    await card.getByRole('button', { name: 'Create a webhook' }).click()
    await card
      .getByRole('alert')
      .getByText(/URL must be at a public address/)
      .waitFor()
    await card.getByLabel('URL').fill(url)
    await card.getByLabel('Description').fill('Time tracking')
    await card.getByRole('button', { name: 'Create a webhook' }).click()
    const secret = card.locator('.secret')
    const first = await secret.innerText()
    assert.match(first, /^whsec_/)
    await card.getByRole('button', { name: 'Send a test' }).click()
    const deliveries = card.getByRole('list', { name: 'Deliveries' })
    await deliveries.getByText(/Delivered \(204\)/).waitFor()
    assert.deepEqual(received, ['webhook.test'])
    await deliveries.getByRole('button', { name: 'Send again' }).click()
    await until(async () => received.length === 2)
    await card.getByRole('button', { name: 'Renew the secret' }).click()
    await until(async () => (await secret.innerText()) !== first)
    await card.getByRole('button', { name: 'Pause' }).click()
    await card.getByText('Paused').waitFor()
    await card.getByRole('button', { name: 'Activate' }).click()
    await card.getByText('Active', { exact: true }).waitFor()
    await card.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog', { name: 'Delete webhook' }).getByRole('button', { name: 'Delete' }).click()
    await card.getByText(url, { exact: true }).waitFor({ state: 'detached' })
  })

  it('exports its tasks, and imports them again after a lost connection', async () => {
    const { page } = laptop
    await openAccount(page)
    const exportAs = async (format: string) => {
      const card = section(page, 'Export')
      await card.getByLabel('Format').selectOption(format)
      const download = page.waitForEvent('download')
      await card.getByRole('button', { name: 'Export all tasks' }).click()
      const chunks: Buffer[] = []
      for await (const chunk of await (await download).createReadStream()) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks).toString()
    }
    assert.match(await exportAs('CSV'), /^id,title,.*\r\n\d+,"Water the plants",/s)
    assert.match(await exportAs('CSV for Excel'), /^\ufeffid,title,/)
    const [line = ''] = (await exportAs('NDJSON')).split('\n')
    const { title } = JSON.parse(line)
    assert.equal(title, 'Water the plants')

    const card = section(page, 'Import')
    const choose = (text: string) =>
      card
        .getByLabel('File')
        .setInputFiles({ name: 'duly.ndjson', mimeType: 'application/x-ndjson', buffer: Buffer.from(text) })
    await choose(`${line}\n{"id":2,"title":""}\n`)
    await card
      .getByRole('alert')
      .getByText(/^Line 2: /)
      .waitFor()
    assert.equal(await button(page, 'Import').count(), 0)

    const half = [
      JSON.stringify({ type: 'list', id: 1, name: 'Moved here' }),
      JSON.stringify({ id: 5, title: 'First', list_id: 1 }),
    ]
    const whole = [...half, JSON.stringify({ id: 6, title: 'Second', list_id: 1 }), '']
    await choose(whole.join('\n'))
    await card.getByText('The file has 1 list and 2 tasks to import.').waitFor()
    // The server reads half of the file, and reports that; then the connection fails.
    await interceptOnce(page, '**/api/v1/import?dry_run=false*', async route => {
      const response = await route.fetch({ postData: half.join('\n') })
      await route.fulfill({ response, body: (await response.text()).replace('true', 'false') })
    })
    await button(page, 'Import').click()
    await card.getByText('The connection was lost.').waitFor()
    await card.getByRole('button', { name: 'Continue' }).click()
    await card.getByText('Imported 0 lists and 1 task. 2 lines had been imported before.').waitFor()
    await page.getByRole('link', { name: 'Moved here' }).click()
    await row(page, 'First').waitFor()
    await row(page, 'Second').waitFor()
  })

  it('can be deleted permanently, on the server and on the device', async () => {
    const { page } = laptop
    await openAccount(page)
    const card = section(page, 'Delete account')
    const password = card.getByLabel('Password')
    await password.fill('a wrong one')
    // By keyboard, since the sections above are still loading and would move the button.
    await password.press('Enter')
    await card.getByRole('alert').getByText(/./).waitFor()
    await password.fill(account.password)
    await password.press('Enter')
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    assert.deepEqual(await page.evaluate('JSON.stringify(localStorage)'), '{}')
    await signIn(page)
    await page
      .getByRole('alert')
      .getByText(/invalid/i)
      .waitFor()
  })

  it('reports no error', () => {
    assert.deepEqual(app.errors, [])
  })
})
