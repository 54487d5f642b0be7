import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser, Locator, Page } from 'playwright-core'
import { openBrowser } from './browser.ts'
import { newUser, type Served, served, tokenOf } from './served.ts'

// Rendering the page takes seconds of CPU time, so the tests share one and reload it twice.
let api: Served
let browser: Browser
let page: Page
/** All errors on the page. */
const complaints: string[] = []
before(async () => {
  api = await served()
  browser = await openBrowser()
  page = await browser.newPage({ colorScheme: 'dark' })
  page.setDefaultTimeout(120_000)
  page.on('console', message => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  await page.route('**/*', route => {
    if (new URL(route.request().url()).origin === api.server.url) return route.continue()
    complaints.push(`a request to ${route.request().url()}`)
    return route.abort()
  })
  await page.goto(api.server.url + address)
  await page.waitForSelector(opened)
})
after(async () => {
  await browser?.close()
  await api.close()
})

// The page opens the operation in its URL. On a busy machine a click can be reported as failed and
// still take effect, and a second click would close the operation.
const address = '/docs#/v1/listTasks'
const opened = '#operations-v1-listTasks .execute'

/** The browser reports each of these responses as an error. */
function assertNoComplaintsBut(...statuses: string[]): void {
  assert.deepEqual(
    complaints.splice(0).filter(complaint => !statuses.some(status => complaint.includes(status))),
    [],
  )
}

// A headless browser on a busy machine may draw no frame for minutes, and a click at a position
// waits for two frames. The element itself is clicked then.
async function click(target: Locator): Promise<void> {
  for (let attempt = 1; attempt < 10; attempt += 1) {
    if (await succeeds(target.click({ timeout: 2000 }))) return
  }
  // A click that timed out may have removed its target.
  if (await target.isVisible()) await target.dispatchEvent('click')
}

/** Executes "Get a task" on the page, and waits until it shows a response with this status. */
async function tryGetTask(status: string, id = 1): Promise<void> {
  const operation = page.locator('#operations-v1-getTask')
  const shown = operation
    .locator('.live-responses-table tbody .response-col_status')
    .filter({ hasText: status })
  // The page accepts clicks once it has rendered the operation, which it does not show.
  for (let attempt = 1; attempt <= 10; attempt += 1) {
    await operation.locator('[data-param-name=id] input').fill(String(id))
    await operation.locator('[data-param-name=id] input').blur()
    await click(operation.locator('.execute'))
    if (await succeeds(shown.waitFor({ timeout: 3000 * attempt }))) return
  }
  assert.fail(`no answer with ${status} is shown: ${await operation.textContent()}`)
}

const succeeds = (action: Promise<unknown>) =>
  action.then(
    () => true,
    () => false,
  )

describe('the page at /docs', () => {
  it('shows every operation, and sends no requests to other servers', async () => {
    assert.equal(await page.title(), 'Duly API')
    const { body: document } = await api.call('GET', '/openapi.json')
    const count = Object.values(document.paths as Record<string, object>).flatMap(item =>
      Object.keys(item),
    ).length
    // The page renders operations in view, and the others during scrolling.
    assert.equal(await page.evaluate('ui.specSelectors.operations().size'), count)
    assert.ok((await page.locator('.opblock').count()) > 0)
    // A field of a schema that the operation only references.
    await page.locator('#operations-v1-listTasks .responses-table', { hasText: 'is_completed' }).waitFor()
    assertNoComplaintsBut()
  })

  it('follows the dark mode of the device, and fits a phone', async () => {
    await page.locator('html.dark-mode').waitFor()
    const desktop = page.viewportSize()
    await page.setViewportSize({ width: 360, height: 740 })
    await page.locator('#operations-v1-listTasks .responses-table').waitFor()
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360)
    await page.emulateMedia({ colorScheme: 'light' })
    await page.locator('html:not(.dark-mode)').waitFor()
    if (desktop) await page.setViewportSize(desktop)
    assertNoComplaintsBut()
  })

  it('lets a user sign up and sign in, and authorizes every call with the session', async () => {
    const said = (text: RegExp) => page.locator('#who', { hasText: text }).waitFor()
    const signIn = async (password: string) => {
      await page.locator('#account [name=email]').fill('page@example.com')
      await page.locator('#account [name=password]').fill(password)
      await click(page.locator('#account [value=sign-in]'))
    }
    await said(/^Sign in, and/)
    await page.locator('#account [name=email]').fill('page@example.com')
    await page.locator('#account [name=password]').fill('correct horse battery')
    await click(page.locator('#account [value=sign-up]'))
    await said(/^Signed in as page@example.com/)
    // The page renders an operation with few parameters in less than half the time.
    await page.goto(`${api.server.url}/docs#/v1/getTask`)
    await page.reload()
    await said(/^Signed in as page@example.com/)
    await tryGetTask('404')
    assertNoComplaintsBut('404')
    await click(page.locator('#account [value=sign-out]'))
    await said(/^Sign in, and/)
    await tryGetTask('401')
    await signIn('wrong horse battery')
    await said(/^Invalid email or password/)
    await signIn('correct horse battery')
    await said(/^Signed in as/)
    await tryGetTask('404')
    await click(page.locator('#account [value=sign-out]'))
    await said(/^Sign in, and/)
    assertNoComplaintsBut('401', '404')
  })

  it('accepts a token, sends a call with it, and stores it across reloads', async () => {
    const user = newUser()
    const { body } = await api.call('POST', '/api/v1/tasks', { user, json: { title: 'Seen from the page' } })
    await tryGetTask('401', body.id)
    await click(page.locator('.auth-wrapper .authorize').first())
    await page.locator('#auth-bearer-value').fill(tokenOf(user))
    await click(page.locator('.modal-ux .auth-container:has(#auth-bearer-value) button[type=submit]'))
    await click(page.locator('.modal-ux .btn-done:visible'))
    const showsTask = async () => {
      await tryGetTask('200', body.id)
      const shown = await page.locator('#operations-v1-getTask .live-responses-table').textContent()
      assert.ok(shown?.includes('Seen from the page'))
    }
    await showsTask()
    await page.reload()
    await showsTask()
    assertNoComplaintsBut('401')
  })

  it('has a policy that allows only what it needs', async () => {
    const { headers } = await api.call('GET', '/docs')
    const policy = headers.get('content-security-policy') ?? ''
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/)
    assert.doesNotMatch(policy, /unsafe|https?:|\*/)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
  })

  it('serves only its own files, and returns 304 for cached ones', async () => {
    const { status, headers } = await api.call('GET', '/docs/swagger-ui.css')
    assert.deepEqual([status, headers.get('content-type')], [200, 'text/css; charset=utf-8'])
    const again = await api.call('GET', '/docs/swagger-ui.css', {
      headers: { 'if-none-match': headers.get('etag') ?? '' },
    })
    assert.deepEqual([again.status, again.text], [304, ''])
    for (const file of [
      'LICENSE',
      '..%2Fdocs.js',
      '%2e%2e%2f%2e%2e%2fpackage.json',
      '__proto__',
      'docs.js%00',
    ]) {
      assert.equal((await api.call('GET', `/docs/${file}`)).status, 404, file)
    }
  })
})
