import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser, Response } from 'playwright-core'
import { openBrowser } from './browser.ts'
import { type Nginx, startNginx } from './nginx.ts'
import { behindProxy, newAddress } from './person.ts'
import { freePort } from './postgres-server.ts'
import { callAt, newUser, type Served, served, unlimited } from './served.ts'
import { startSmtpServer } from './smtp-server.ts'

// Duly below /duly of a site, behind deploy/nginx/sub-path.conf, with and without the prefix.

const stripping = (conf: string) => conf.replace(/(proxy_pass http:\/\/[\d.:]+);/, '$1/;')

let smtp: Awaited<ReturnType<typeof startSmtpServer>>
let port: number
let site: string
let api: Served
let browser: Browser
before(async () => {
  smtp = await startSmtpServer()
  port = await freePort()
  site = `http://127.0.0.1:${port}`
  api = await served({ ...behindProxy, ...unlimited, PUBLIC_URL: `${site}/duly`, SMTP_URL: smtp.url })
  browser = await openBrowser()
})
after(async () => {
  await browser?.close()
  await api?.close()
  await smtp?.close()
})

/** The files that the page at /docs has loaded behind the first proxy. */
const docsFiles = new Map<string, string>()

for (const [name, change] of [
  ['keeps the prefix', (conf: string) => conf],
  ['strips the prefix', stripping],
] as const) {
  describe(`behind a proxy that ${name}`, () => {
    let nginx: Nginx
    before(async () => {
      nginx = await startNginx(port, [Number(new URL(api.server.url).port)], {
        example: 'sub-path.conf',
        change,
      })
    })
    after(() => nginx.stop())

    const call = (method: string, path: string, options = {}) => callAt(`${site}/duly`, method, path, options)
    const at =
      (address: string) =>
      (method: string, options = {}) =>
        callAt(site, method, address, options)

    it('Location and Link contain valid URLs', async () => {
      const user = newUser()
      const created = await call('POST', '/api/v1/tasks', { user, json: { title: 'a' } })
      await call('POST', '/api/v1/tasks', { user, json: { title: 'b' } })
      const location = created.headers.get('location') ?? ''
      assert.equal(location, `/duly/api/v1/tasks/${created.body.id}`)
      assert.equal((await at(location)('GET', { user })).body.title, 'a')
      const page = await call('GET', '/api/v1/tasks?limit=1', { user })
      const next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1] ?? ''
      assert.ok(next.startsWith('/duly/api/v1/tasks?'), next)
      assert.equal((await at(next)('GET', { user })).body.tasks[0].title, 'a')
    })

    it('problem documents contain the URL of the request, and a URL that describes the problem', async () => {
      const { status, body } = await call('GET', '/api/v1/nothing')
      assert.deepEqual(
        [status, body.instance, body.type],
        [404, '/duly/api/v1/nothing', '/duly/problems/route_not_found'],
      )
      const page = await at(body.type)('GET')
      assert.match(page.text, /href="\/duly\/problems"/)
      assert.match((await call('GET', '/problems')).text, /href="\/duly\/problems\/broken_rule"/)
      assert.equal((await call('PUT', '/api/v1/tasks')).headers.get('allow'), 'GET, POST, HEAD, OPTIONS')
    })

    it('the OpenAPI document, the front page and redirects contain the prefix', async () => {
      assert.equal((await call('GET', '/openapi.json')).body.servers[0].url, '/duly')
      const { body } = await call('GET', '/')
      assert.deepEqual(
        [body.docs, body.openapi, body.health],
        ['/duly/docs', '/duly/openapi.json', '/duly/health'],
      )
      assert.equal((await at('/duly')('GET')).status, 308)
      const change = await call('GET', '/.well-known/change-password')
      assert.equal(change.headers.get('location'), '/duly/reset-password')
      assert.match(
        (await call('GET', '/.well-known/security.txt')).text,
        new RegExp(`Canonical: ${site}/duly/`),
      )
    })

    it('cookies, tokens and emailed links apply to the prefix', async () => {
      const email = `${newUser()}@example.com`
      const headers = { origin: site }
      const password = 'correct horse battery'
      await call('POST', '/api/auth/sign-up/email', { json: { name: 'Ann', email, password }, headers })
      const { link } = await smtp.emailTo(email)
      assert.match(link, new RegExp(`^${site}/duly/verify-email\\?token=`))
      assert.equal((await at(link.slice(site.length))('GET')).status, 200)
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      const confirmed = await call('POST', '/verify-email', {
        body: `token=${new URL(link).searchParams.get('token')}`,
        headers: form,
      })
      assert.equal(confirmed.status, 200)
      const { status, headers: got } = await call('POST', '/api/auth/sign-in/email', {
        json: { email, password },
        headers,
      })
      assert.equal(status, 200)
      const cookies = got.getSetCookie()
      assert.ok(cookies.length >= 2)
      for (const cookie of cookies) assert.match(cookie, /Path=\/duly(\/api\/auth)?;/)
      const cookie = cookies.map(line => line.split(';')[0]).join('; ')
      const { body } = await call('GET', '/api/auth/token', { headers: { cookie } })
      const claims = JSON.parse(Buffer.from(body.token.split('.')[1], 'base64url').toString())
      assert.deepEqual([claims.iss, claims.aud], [`${site}/duly`, `${site}/duly`])
      assert.equal((await call('GET', '/api/v1/tasks', { token: body.token })).status, 200)
      assert.equal((await call('GET', '/api/auth/jwks')).body.keys.length, 1)
      await call('POST', '/api/auth/request-password-reset', {
        json: { email, redirectTo: '/reset-password' },
        headers: { ...headers, 'x-forwarded-for': newAddress() },
      })
      assert.match((await smtp.emailTo(email, 2)).link, new RegExp(`^${site}/duly/reset-password\\?token=`))
    })

    it('the web app loads', async () => {
      const page = await browser.newPage()
      page.setDefaultTimeout(120_000)
      const failed: string[] = []
      page.on('response', response => {
        if (response.status() >= 400) failed.push(`${response.status()} ${response.url()}`)
      })
      await page.goto(`${site}/duly/`)
      await page.getByRole('heading', { name: 'Sign in' }).waitFor()
      assert.deepEqual(failed, [])
      await page.close()
    })

    if (change === stripping) {
      it('the page at /docs consists of the same files', async () => {
        assert.ok(docsFiles.size > 4, [...docsFiles.keys()].join())
        for (const [url, text] of docsFiles) assert.equal(await (await fetch(url)).text(), text, url)
      })
      return
    }

    it('the page at /docs loads, and sends its requests below the prefix', async () => {
      const page = await browser.newPage()
      page.setDefaultTimeout(120_000)
      const failed: string[] = []
      const responses: Response[] = []
      page.on('response', response => {
        if (response.status() >= 400) failed.push(`${response.status()} ${response.url()}`)
        if (/\/duly\/(docs|openapi)/.test(response.url())) responses.push(response)
      })
      await page.goto(`${site}/duly/docs#/service/getHealth`)
      await page.locator('#account input[name=email]').waitFor()
      const execute = page.locator('#operations-service-getHealth .execute')
      await execute.waitFor()
      await execute.dispatchEvent('click')
      const shown = page.locator('#operations-service-getHealth .request-url pre')
      await shown.waitFor()
      assert.equal((await shown.textContent())?.trim(), `${site}/duly/health`)
      assert.deepEqual(failed, [])
      for (const response of responses) docsFiles.set(response.url(), await response.text())
      await page.close()
    })
  })
}
