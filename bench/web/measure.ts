import { setTimeout as pause } from 'node:timers/promises'
import type { BrowserContext, Page } from 'playwright-core'
import { sent } from '../../test/web/app.ts'

/** Milliseconds, on the slower CPU. */
export interface Figures {
  /** From the navigation until anything is painted (first contentful paint). */
  readonly firstPaint: number
  /** From the navigation until the first rows are painted. */
  readonly firstTasks: number
  /** From the navigation until all tasks are in the list and painted. */
  readonly allTasks: number
  /** From a key press in the field for a new task to the paint, the median. */
  readonly keyPress: number
  /** From Enter in that field to the paint of the new row. */
  readonly added: number
}

// Runs in the page. A message that is posted during a frame arrives after the frame is painted.
const watch = (tasks: number) => `
const painted = (isDrawn, then) => requestAnimationFrame(() => {
  if (!isDrawn()) return painted(isDrawn, then)
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => then(performance.now())
  port2.postMessage(0)
})
const isHere = (selector, then) => painted(() => document.querySelector(selector), then)
addEventListener('DOMContentLoaded', () => {
  isHere('[aria-setsize]', at => { window.firstTasks = at })
  isHere('[aria-setsize="${tasks}"]', at => { window.allTasks = at })
})
window.keys = []
addEventListener('keydown', ({ timeStamp, key }) => {
  if (key === 'Enter') isHere('[aria-setsize="${tasks + 1}"]', at => { window.added = at - timeStamp })
  else painted(() => true, at => window.keys.push(at - timeStamp))
}, true)`

// Before the app has stored its copy, another visit would read everything again.
const isStored = `(async () => {
  const [{ name }] = await indexedDB.databases()
  const done = request => new Promise(resolve => { request.onsuccess = () => resolve(request.result) })
  const database = await done(indexedDB.open(name))
  const since = await done(database.transaction('groups').objectStore('groups').get('since'))
  database.close()
  return since !== undefined
})()`

interface Options {
  readonly tasks: number
  readonly slowdown: number
  readonly isApp: boolean
}

/** Opens a page in a new tab and measures it. */
export async function measure(context: BrowserContext, url: string, options: Options): Promise<Figures> {
  const { tasks, slowdown, isApp } = options
  const page = await context.newPage()
  page.setDefaultTimeout(120_000)
  const cdp = await context.newCDPSession(page)
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: slowdown })
  await page.addInitScript(watch(tasks))
  await page.goto(url)
  await known(page, 'window.allTasks !== undefined')
  const field = page.getByRole('textbox', { name: 'Add a task' })
  await field.focus()
  for (const letter of 'a new task') {
    await page.keyboard.press(letter)
    await page.evaluate('new Promise(resolve => requestIdleCallback(resolve))')
  }
  await page.keyboard.press('Enter')
  await known(page, 'window.added !== undefined')
  if (isApp) {
    // The app has sent the task to the server.
    await sent(page)
    await known(page, isStored)
    // The service worker serves the next visit.
    await page.evaluate('navigator.serviceWorker.ready.then(() => undefined)')
  }
  const figures = await page.evaluate<Figures>(`({
    firstPaint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
    firstTasks: window.firstTasks,
    allTasks: window.allTasks,
    keyPress: window.keys.sort((a, b) => a - b)[Math.floor(window.keys.length / 2)],
    added: window.added,
  })`)
  await page.close()
  return figures
}

async function known(page: Page, script: string): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await page.evaluate(script))) {
    if (Date.now() > end) throw new Error(`Not true within 60 s on ${page.url()}: ${script}`)
    await pause(100)
  }
}
