import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { openBrowser } from '../browser.ts'
import { behindProxy, newUserHere, type Person } from '../person.ts'
import { type Served, served, unlimited } from '../served.ts'

// The web app of a real server in a real browser. Tests find elements by role and name.

export interface App {
  readonly api: Served
  readonly url: string
  readonly browser: Browser
  /** Errors that the pages reported: script errors and policy violations. */
  readonly errors: string[]
  /** A device of a user who is signed in; of no user without `person`. */
  device(person?: Person, options?: BrowserContextOptions): Promise<Device>
  person(): Promise<Person & { id: string }>
  close(): Promise<void>
}

export interface Device {
  readonly context: BrowserContext
  readonly page: Page
}

export async function openApp(settings: Readonly<Record<string, string>> = {}): Promise<App> {
  const api = await served({ ...behindProxy, ...unlimited, ...settings })
  const url = `http://localhost:${new URL(api.server.url).port}/`
  const browser = await openBrowser()
  const errors: string[] = []
  return {
    api,
    url,
    browser,
    errors,
    person: () => newUserHere(api),
    async device(person, options = {}) {
      const context = await browser.newContext({
        locale: 'en-US',
        timezoneId: 'Europe/Berlin',
        viewport: { width: 1280, height: 800 },
        ...options,
      })
      context.setDefaultTimeout(60_000)
      context.on('weberror', error => errors.push(String(error.error())))
      context.on('console', message => {
        if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text()))
          errors.push(message.text())
      })
      if (person) await context.addCookies(cookiesOf(person, url))
      const page = await context.newPage()
      await page.goto(url)
      return { context, page }
    },
    async close() {
      await browser.close()
      await api.close()
    },
  }
}

/** The session of a user, for a browser. */
export const cookiesOf = (person: Person, url: string) =>
  [...person.cookies].map(([name, value]) => ({
    name,
    value,
    url,
    httpOnly: true,
    sameSite: 'Lax' as const,
  }))

export const entry = (page: Page) => page.getByRole('textbox', { name: 'Add a task' })

/** Adds a task with the field at the top, and waits until it is in the list. */
export async function add(page: Page, typed: string, title = typed): Promise<void> {
  await entry(page).fill(typed)
  await entry(page).press('Enter')
  await row(page, title).waitFor()
}

/** A task in the list. */
export const row = (page: Page, title: string | RegExp) =>
  page.getByRole('list', { name: 'Tasks' }).getByRole('button', { name: title })

/** The titles in the list, in order. */
export async function titles(page: Page): Promise<string[]> {
  const found = await page.locator('.task').evaluateAll(items =>
    items.map(item => ({
      at: Number(item.getAttribute('aria-posinset')),
      title: item.querySelector('.task-text')?.textContent ?? '',
    })),
  )
  return found.sort((a, b) => a.at - b.at).map(({ title }) => title)
}

/** Waits until the page has sent all changes to the server. */
export async function sent(page: Page): Promise<void> {
  await page.locator('.status').first().waitFor({ state: 'detached' })
}

/** Waits until the device has stored this many unsent writes. */
export async function stored(page: Page, writes: number): Promise<void> {
  await until(async () => (await page.evaluate(storedWrites)) === writes)
}

const storedWrites = `(async () => {
  const [{ name }] = await indexedDB.databases()
  const done = request => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  const database = await done(indexedDB.open(name))
  const keys = await done(database.transaction('groups').objectStore('groups').getAllKeys())
  database.close()
  return keys.filter(key => key.startsWith('write:')).length
})()`

/** Waits until the service worker serves the page. */
export async function installed(page: Page): Promise<void> {
  await page.evaluate('navigator.serviceWorker.ready')
  await page.waitForFunction('navigator.serviceWorker.controller !== null')
}

/** Waits until this is true on the page. */
export async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await isTrue())) {
    if (Date.now() > end) throw new Error(`the condition did not become true: ${isTrue}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
