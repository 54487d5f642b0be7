import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { openBrowser } from './browser.ts'
import { newUser, type Served, served, tokenOf, unlimited } from './served.ts'
import { until } from './web/app.ts'

// client.sync in a real browser: IndexedDB, Web Locks and BroadcastChannel. The page is empty, and
// contains the client as it is published.

const built = fileURLToPath(new URL('../', import.meta.url))

let api: Served
let browser: Browser
let origin: string
const pages = createServer(({ url = '' }, response) => {
  const isScript = url.startsWith('/client/')
  response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
  response.end(isScript ? readFileSync(built + url.slice(1)) : '')
})
before(async () => {
  await new Promise<void>(resolve => pages.listen(0, 'localhost', resolve))
  origin = `http://localhost:${(pages.address() as AddressInfo).port}`
  api = await served({ ...unlimited, CORS_ORIGINS: origin })
  browser = await openBrowser()
})
after(async () => {
  await browser?.close()
  await api?.close()
  pages.close()
})

const offline = new Set<BrowserContext>()

/** The page can be loaded without a network, as with a service worker. */
async function goOffline(context: BrowserContext): Promise<void> {
  offline.add(context)
  // It stays, as in `interceptOnce`.
  await context.route(`${api.server.url}/**`, route =>
    offline.has(context) ? route.abort() : route.fallback(),
  )
  await context.setOffline(true)
  await context.setOffline(false)
}

async function goOnline(context: BrowserContext): Promise<void> {
  offline.delete(context)
  for (const page of context.pages()) await page.evaluate("dispatchEvent(new Event('online'))")
}

/** A tab with `sync`, the copy of a user. */
async function tab(context: BrowserContext, user: string): Promise<Page> {
  const page = await context.newPage()
  await open(page, user)
  return page
}

async function open(page: Page, user: string): Promise<void> {
  await page.goto(origin)
  const options = JSON.stringify({ url: api.server.url, token: tokenOf(user) })
  await page.evaluate(`import('/client/index.js').then(async ({ createClient, indexedDbStore }) => {
    globalThis.duly = createClient(${options})
    globalThis.sync = await duly.sync(indexedDbStore(${JSON.stringify(user)}))
  })`)
}

const titles = (page: Page): Promise<string[]> =>
  page.evaluate('sync.tasks.all().map(({ title }) => title).sort()')
const shows = (page: Page, ...expected: string[]) =>
  until(async () => String(await titles(page)) === String(expected))
const waiting = (page: Page): Promise<number> => page.evaluate('sync.waiting.length')
/** The tasks of the copy and of the server, ordered by id. */
const state = (page: Page): Promise<string> =>
  page.evaluate('JSON.stringify(sync.tasks.all().sort((a, b) => a.id - b.id))')

async function onServer(user: string): Promise<string> {
  const { body } = await api.call('GET', '/api/v1/tasks?limit=1000', { user })
  return JSON.stringify(body.tasks.sort((a: { id: number }, b: { id: number }) => a.id - b.id))
}

describe('client.sync in a browser', () => {
  it('survives reloads without a network, shares its copy among tabs, and converges', async () => {
    const user = newUser()
    const [laptop, phone] = [await browser.newContext(), await browser.newContext()]
    const [first, second, other] = [await tab(laptop, user), await tab(laptop, user), await tab(phone, user)]
    await second.evaluate("sync.tasks.create({ title: 'Paint' })")
    for (const page of [first, second, other]) await shows(page, 'Paint')
    // One tab sends.
    await until(async () => (await waiting(first)) + (await waiting(second)) === 0)
    assert.equal(await state(first), await state(second))

    await goOffline(laptop)
    const paint = "sync.tasks.all().find(({ title }) => title.startsWith('Paint')).id"
    await first.evaluate(`sync.tasks.update(${paint}, { title: 'Paint the fence', priority: 'low' })`)
    await second.evaluate("sync.tasks.create({ title: 'Written in the tunnel' })")
    await other.evaluate(`sync.tasks.update(${paint}, { description: 'Two coats', priority: 'high' })`)
    for (const page of [first, second]) await shows(page, 'Paint the fence', 'Written in the tunnel')
    // The sending tab is closed, another one is reloaded, still without a network.
    await first.close()
    await open(second, user)
    await shows(second, 'Paint the fence', 'Written in the tunnel')
    assert.equal(await waiting(second), 2)
    await other.evaluate('sync.flush()')

    await goOnline(laptop)
    await shows(other, 'Paint the fence', 'Written in the tunnel')
    await until(async () => (await state(second)) === (await state(other)))
    assert.equal(await state(second), await onServer(user))
    const [task] = JSON.parse(await onServer(user))
    assert.deepEqual([task.title, task.description, task.priority], ['Paint the fence', 'Two coats', 'high'])
    assert.deepEqual(await second.evaluate('sync.problems.map(({ operations }) => operations[0].changes)'), [
      { priority: 'low' },
    ])

    // Signing out in one tab removes the data in the others.
    const third = await tab(laptop, user)
    await second.evaluate('sync.clear()')
    await shows(third)
    assert.equal(await third.evaluate('indexedDB.databases().then(all => all.length)'), 0)
    await laptop.close()
    await phone.close()
  })

  it('reads a long list in pages, and has all of it after a reload without a network', async () => {
    const user = newUser()
    for (const from of [0, 100, 200]) {
      const operations = Array.from({ length: 100 }, (_, n) => ({
        op: 'create',
        task: { title: `Brick ${from + n}` },
      }))
      await api.call('POST', '/api/v1/batch', { user, json: { operations } })
    }
    const context = await browser.newContext()
    let release = () => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    await context.route('**/changes?*since=*', async route => {
      await released
      await route.continue()
    })
    const page = await tab(context, user)
    await until(async () => (await titles(page)).length > 0)
    // A tab that is opened meanwhile has all of it, too.
    const late = await tab(context, user)
    release()
    for (const one of [page, late]) await until(async () => (await titles(one)).length === 300)
    await late.close()
    const idOf = (title: string) => `sync.tasks.all().find(({ title }) => title === '${title}').id`
    await page.evaluate(`sync.tasks.remove(${idOf('Brick 150')})`)
    await page.evaluate(`sync.tasks.update(${idOf('Brick 250')}, { title: 'Stone' })`)
    await page.evaluate('sync.flush()')
    const before = await state(page)
    assert.equal(before, await onServer(user))
    await goOffline(context)
    await open(page, user)
    assert.equal(await state(page), before)
    await context.close()
  })
})
