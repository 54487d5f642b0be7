import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { openBrowser } from './browser.ts'
import { behindProxy, newPerson, type Person } from './person.ts'
import { type Served, served, unlimited } from './served.ts'
import { startSmtpServer } from './smtp-server.ts'

// From the link in an email to a sign-in, in a browser without JavaScript.

let smtp: Awaited<ReturnType<typeof startSmtpServer>>
let api: Served
let browser: Browser
let page: Page
before(async () => {
  smtp = await startSmtpServer()
  api = await served({ ...behindProxy, ...unlimited, SMTP_URL: smtp.url })
  browser = await openBrowser()
  page = await browser.newPage({ javaScriptEnabled: false })
  page.setDefaultTimeout(120_000)
})
after(async () => {
  await browser?.close()
  await api.close()
  await smtp.close()
})

const signUp = ({ auth, email, password }: Person) =>
  auth('POST', '/sign-up/email', { name: 'Ann', email, password })
const signIn = async ({ auth, email }: Person, password: string) =>
  (await auth('POST', '/sign-in/email', { email, password })).status

const heading = () => page.locator('h1').textContent()
const submit = () =>
  Promise.all([page.waitForNavigation(), page.locator('main button').dispatchEvent('click')])

async function confirmed(): Promise<Person> {
  const person = newPerson(api)
  await signUp(person)
  await page.goto((await smtp.emailTo(person.email)).link)
  await submit()
  assert.equal(await heading(), 'Your email address is confirmed')
  return person
}

describe('the link that confirms an email address', () => {
  it('confirms the address after a click, not when a mail server opens it', async () => {
    const person = newPerson(api)
    await signUp(person)
    const { link } = await smtp.emailTo(person.email)
    assert.match(link, /\/verify-email\?token=/)
    for (const method of ['GET', 'HEAD']) {
      const { status, headers } = await api.call(method, new URL(link).pathname + new URL(link).search)
      assert.equal(status, 200)
      assert.deepEqual(headers.getSetCookie(), [])
    }
    assert.equal(await signIn(person, person.password), 403)
    await page.goto(link)
    assert.equal(await heading(), 'Confirm your email address')
    await submit()
    assert.equal(await heading(), 'Your email address is confirmed')
    assert.equal(await signIn(person, person.password), 200)
    // Using it again has no effect.
    await page.goto(link)
    await submit()
    assert.equal(await heading(), 'Your email address is confirmed')
  })

  it('offers a new one if it is invalid or expired', async () => {
    const person = newPerson(api)
    await signUp(person)
    const { link } = await smtp.emailTo(person.email)
    await page.goto(`${link.slice(0, -8)}00000000`)
    await submit()
    assert.equal(await heading(), 'This link no longer works')
    await page.locator('#email').fill(person.email)
    await submit()
    assert.equal(await heading(), 'Check your email')
    await page.goto((await smtp.emailTo(person.email, 2)).link)
    await submit()
    assert.equal(await signIn(person, person.password), 200)
  })

  it('changes an address after both addresses have been confirmed', async () => {
    const person = await confirmed()
    await signIn(person, person.password)
    const newEmail = `new-${person.email}`
    await person.auth('POST', '/change-email', { newEmail })
    await page.goto((await smtp.emailTo(person.email, 2)).link)
    await submit()
    assert.equal(await heading(), 'One more step')
    await page.goto((await smtp.emailTo(newEmail)).link)
    await submit()
    assert.equal(await heading(), 'Your email address is confirmed')
    assert.equal(await signIn({ ...person, email: newEmail }, person.password), 200)
  })
})

describe('the link that resets a password', () => {
  it('works from the page that requests it to a sign-in with the new password', async () => {
    const person = await confirmed()
    await page.goto(`${api.server.url}/.well-known/change-password`)
    assert.equal(await heading(), 'Reset your password')
    await page.locator('#email').fill(person.email)
    await submit()
    assert.equal(await heading(), 'Check your email')
    const { link } = await smtp.emailTo(person.email, 2)
    // As a mail server does.
    for (const method of ['GET', 'HEAD'])
      assert.equal((await api.call(method, new URL(link).pathname + new URL(link).search)).status, 200)
    await page.goto(link)
    assert.equal(await heading(), 'Choose a new password')
    await page.locator('input[type=password]').fill('a new one for me')
    await submit()
    assert.equal(await heading(), 'Your password is changed')
    assert.equal(await signIn(person, person.password), 401)
    assert.equal(await signIn(person, 'a new one for me'), 200)
    await page.goto(link)
    assert.equal(await heading(), 'This link no longer works')
    await page.locator('#email').fill(person.email)
    await submit()
    assert.equal(await heading(), 'Check your email')
  })

  it('remains valid after a password that is too weak', async () => {
    const person = await confirmed()
    await person.auth('POST', '/request-password-reset', { email: person.email })
    const { link } = await smtp.emailTo(person.email, 2)
    const token = new URL(link).searchParams.get('token')
    const send = (newPassword: string) =>
      api.call('POST', '/reset-password', {
        body: new URLSearchParams({ token: token ?? '', newPassword }).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      })
    for (const [password, rule] of [
      ['short', /at least 8 characters/],
      ['', /at least 8 characters/],
      ['x'.repeat(129), /at most 128 characters/],
    ] as const) {
      const { status, text } = await send(password)
      assert.equal(status, 400)
      assert.match(text, rule)
      assert.match(text, /role="alert"/)
    }
    assert.equal((await send('<b>"long" enough</b>')).status, 200)
    assert.equal((await send('another, too late')).status, 400)
    assert.equal(await signIn(person, '<b>"long" enough</b>'), 200)
  })

  it('is requested with the same response for an address without an account', async () => {
    const person = await confirmed()
    const ask = (email: string) =>
      api.call('POST', '/reset-password', {
        body: new URLSearchParams({ email }).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      })
    const [known, unknown] = [await ask(person.email), await ask(newPerson(api).email)]
    assert.deepEqual([known.status, known.text], [unknown.status, unknown.text])
    assert.equal((await ask('nonsense')).status, 400)
  })
})

describe('the pages of accounts', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }

  it('run no script, are not cached, and send no referrer', async () => {
    for (const path of [
      '/reset-password',
      '/reset-password?token=x',
      '/verify-email?token=x',
      '/verify-email',
    ]) {
      const { headers, text } = await api.call('GET', path)
      assert.match(
        headers.get('content-security-policy') ?? '',
        /^default-src 'none'; style-src 'sha256-[^']+'; img-src 'self';.* form-action 'self'/,
      )
      assert.equal(headers.get('referrer-policy'), 'no-referrer')
      assert.equal(headers.get('cache-control'), 'no-store')
      assert.doesNotMatch(text, /<script|style="| on\w+=/)
    }
  })

  it('escape their parameters and form fields', async () => {
    const evil = '"><script>alert(1)</script>'
    for (const path of ['/reset-password', '/verify-email']) {
      for (const name of ['token', 'error', 'email']) {
        const pair = `${name}=${encodeURIComponent(evil)}`
        const got = await api.call('GET', `${path}?${pair}`)
        const posted = await api.call('POST', path, { body: pair, headers: form })
        for (const { text } of [got, posted]) assert.ok(!text.includes('<script'), `${path} ${name}`)
      }
    }
  })

  it('reject forms of other sites, and other content types', async () => {
    for (const path of ['/reset-password', '/verify-email']) {
      for (const site of ['cross-site', 'same-site']) {
        const headers = { ...form, 'sec-fetch-site': site }
        assert.equal((await api.call('POST', path, { body: 'token=x', headers })).status, 403)
      }
      const json = await api.call('POST', path, { json: { token: 'x' } })
      assert.deepEqual([json.status, json.headers.get('content-type')], [415, 'text/html; charset=utf-8'])
    }
  })

  it('fit a narrow phone, in light and dark mode', async () => {
    const phone = await browser.newPage({ viewport: { width: 320, height: 640 } })
    for (const path of [
      '/',
      '/reset-password',
      '/reset-password?token=x',
      '/verify-email?token=x',
      '/problems',
    ]) {
      await phone.goto(api.server.url + path)
      for (const colorScheme of ['light', 'dark'] as const) {
        await phone.emulateMedia({ colorScheme })
        assert.equal(await phone.evaluate('document.documentElement.scrollWidth'), 320, path)
      }
    }
    await phone.close()
  })

  it('do not exist without accounts', async () => {
    const without = await served({ ACCOUNTS: 'off' })
    try {
      for (const path of ['/reset-password', '/verify-email?token=x', '/.well-known/change-password'])
        assert.equal((await without.call('GET', path)).status, 404, path)
      assert.equal(
        (await without.call('POST', '/reset-password', { body: 'token=x', headers: form })).status,
        404,
      )
      assert.doesNotMatch(
        (await without.call('GET', '/', { headers: { accept: 'text/html' } })).text,
        /reset-password|sign in/,
      )
    } finally {
      await without.close()
    }
  })
})

describe('well-known resources', () => {
  it('GET / returns a page to browsers, and links to programs', async () => {
    const browserAccept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
    const page = await api.call('GET', '/', { headers: { accept: browserAccept } })
    assert.deepEqual([page.status, page.headers.get('content-type')], [200, 'text/html; charset=utf-8'])
    assert.match(page.headers.get('vary') ?? '', /Accept/)
    for (const [, href = ''] of page.text.matchAll(/<a href="([^"]+)"/g))
      assert.equal((await api.call('GET', href)).status, 200, href)
    for (const accept of ['*/*', 'application/json', 'application/json, text/html', 'text/html;q=0']) {
      const { body } = await api.call('GET', '/', { headers: { accept } })
      assert.deepEqual(
        [body.service, body.docs, body.openapi, body.health],
        ['duly', '/docs', '/openapi.json', '/health'],
      )
    }
  })

  it('there are an icon, a robots.txt and a security.txt', async () => {
    const icon = await fetch(`${api.server.url}/favicon.ico`)
    assert.deepEqual([icon.status, icon.headers.get('content-type')], [200, 'image/x-icon'])
    assert.deepEqual([...new Uint8Array(await icon.arrayBuffer()).subarray(0, 4)], [0, 0, 1, 0])
    assert.match((await api.call('GET', '/robots.txt')).text, /^User-agent: \*\nDisallow: \/\n$/)
    const { text, headers } = await api.call('GET', '/.well-known/security.txt')
    assert.equal(headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.match(text, /^Contact: (https?:|mailto:)/m)
    const expires = Date.parse(/^Expires: (.+)$/m.exec(text)?.[1] ?? '')
    assert.ok(expires > Date.now() && expires < Date.now() + 365 * 24 * 60 * 60 * 1000)
  })
})
