import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { type App, entry, openApp, row, sent, titles, until } from './app.ts'

// Every screen: accessibility in both themes, narrow displays, hostile texts, and many tasks.

const root = fileURLToPath(new URL('../../..', import.meta.url))
const axe = readFileSync(join(root, 'web', 'node_modules', 'axe-core', 'axe.min.js'), 'utf8')
const colourRules = ['color-contrast', 'link-in-text-block']
const screens = [
  'inbox',
  'today',
  'upcoming',
  'completed',
  'search?q=a',
  'trash',
  'account',
  'waiting',
] as const

let app: App
before(async () => {
  app = await openApp()
})
after(async () => {
  await app?.close()
})

/** The violations of these rules, by default of all, that axe-core finds on the current page. */
async function violations(page: Page, ...rules: string[]): Promise<string[]> {
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(axe)
  const options = JSON.stringify({ resultTypes: ['violations'], ...(rules.length > 0 && { runOnly: rules }) })
  return page.evaluate(`axe.run(document, ${options}).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ': ' + html.slice(0, 200) + failureSummary)))`)
}

/**
 * Opens what the account screen shows once: the setup of two-factor authentication, and a token.
 */
async function openSecrets(page: Page, password: string): Promise<void> {
  await page.getByRole('button', { name: 'Deliveries' }).click()
  const setup = page.getByRole('region', { name: 'Two-factor authentication' })
  await setup.getByLabel('Password').fill(password)
  await setup.getByRole('button', { name: 'Set up' }).click()
  const tokens = page.getByRole('region', { name: 'Personal access tokens' })
  await tokens.getByLabel('Name').fill('Script')
  await tokens.getByRole('button', { name: 'Create a token' }).click()
  for (const card of [setup, tokens]) await card.getByRole('button', { name: 'Copy' }).first().waitFor()
}

const tasks = [
  { title: 'Overdue', due: { date: '2020-01-01' }, priority: 'high', tags: ['home'] },
  {
    title: 'Soon',
    due: { date: '2099-01-01', time: '09:30' },
    deadline: '2099-01-02',
    description: 'A note',
  },
  { title: 'Done', is_completed: true },
]

describe('every screen', () => {
  it('has no violations according to axe-core, in light and dark mode', async () => {
    const found: string[] = []
    // The themes differ in their colours only.
    const check = async (page: Page, screen: string) => {
      await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
      for (const one of await violations(page)) found.push(`${screen}, light: ${one}`)
      await page.emulateMedia({ colorScheme: 'dark' })
      for (const one of await violations(page, ...colourRules)) found.push(`${screen}, dark: ${one}`)
    }
    const signedOut = await app.device()
    await signedOut.page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await check(signedOut.page, 'sign-in')
    await signedOut.page.getByRole('button', { name: 'Create an account' }).click()
    await signedOut.page.getByLabel('Name').waitFor()
    await check(signedOut.page, 'sign-up')
    // Without SMTP_URL, no text promises an email.
    await signedOut.page.getByRole('button', { name: 'Back to sign-in' }).click()
    await signedOut.page.getByRole('button', { name: 'Forgot your password?' }).click()
    await signedOut.page.getByLabel('Email address').fill('ann@example.com')
    await signedOut.page.getByRole('button', { name: 'Request a link' }).click()
    await signedOut.page.getByRole('heading', { name: 'Ask the operator' }).waitFor()
    await signedOut.context.close()

    const person = await app.person()
    const token = await person.token()
    for (const json of tasks) await app.api.call('POST', '/api/v1/tasks', { token, json })
    const webhook = { url: 'https://example.com/<b>hook</b>', description: '<img src=x>', events: ['task.*'] }
    await app.api.call('POST', '/api/v1/webhooks', { token, json: webhook })
    const { page, context } = await app.device(person)
    await row(page, 'Overdue').waitFor()
    for (const screen of screens) {
      await page.goto(`${app.url}#/${screen}`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      if (screen === 'account') await openSecrets(page, person.password)
      if (screen === 'inbox') {
        await entry(page).fill('Call Ann tomorrow #phone !high')
        await page.getByRole('button', { name: /#phone/ }).waitFor()
      }
      await check(page, screen)
      if (screen === 'inbox') await entry(page).fill('')
    }
    await page.goto(`${app.url}#/inbox`)
    await row(page, 'Overdue').click()
    const panel = page.getByRole('complementary', { name: 'Details' })
    await panel.getByRole('button', { name: /^Due/ }).click()
    await page.getByRole('dialog', { name: 'Due' }).waitFor()
    await check(page, 'dates')
    await page.keyboard.press('Escape')
    await panel.getByRole('button', { name: 'Close' }).click()
    await row(page, 'Overdue').click({ modifiers: ['ControlOrMeta'] })
    await page.getByRole('region', { name: 'Selected tasks' }).waitFor()
    await check(page, 'selection')
    await page.getByRole('button', { name: 'Clear selection' }).click()
    for (const [key, name] of [
      ['?', 'Keyboard shortcuts'],
      ['ControlOrMeta+k', 'Search and commands'],
    ] as const) {
      await page.keyboard.press(key)
      await page.getByRole('dialog', { name }).waitFor()
      await check(page, name)
      await page.keyboard.press('Escape')
    }
    await context.close()
    assert.deepEqual(found, [])
  })

  it('shows texts unchanged, and never as HTML', async () => {
    const hostile = [
      '<img src=x onerror="window.hacked=1">',
      '<script>window.hacked=1</script>',
      '"><svg onload=window.hacked=1>',
      '{{constructor.constructor("window.hacked=1")()}}',
      'javascript:window.hacked=1//',
      '‮reversed and ‏right to left',
      'שלום עולם',
      `${'W'.repeat(480)}`,
      'Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!',
      'constructor',
      '__proto__',
      '👩‍👩‍👧‍👦 family',
    ]
    const person = await app.person()
    const token = await person.token()
    const list = (await app.api.call('POST', '/api/v1/lists', { token, json: { name: hostile[0] } })).body.id
    for (const title of hostile) {
      const json = {
        title,
        description: `${title}\nhttps://example.com/"onclick="window.hacked=1 javascript:window.hacked=1`,
        tags: [title.replaceAll(',', '').slice(0, 50)],
        due: { date: '2020-01-01' },
        list_id: list,
      }
      await app.api.call('POST', '/api/v1/tasks', { token, json })
    }
    const { page, context } = await app.device(person)
    for (const screen of [`list/${list}`, 'today', 'search?q=window', 'completed']) {
      await page.goto(`${app.url}#/${screen}`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      if (screen === 'today') {
        await until(async () => (await titles(page)).length === hostile.length)
        assert.deepEqual((await titles(page)).sort(), [...hostile].sort())
      }
      assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, screen)
    }
    await page.goto(`${app.url}#/today`)
    for (const [n, title] of (await titles(page)).entries()) {
      await page.locator(`[data-index="${n}"] .task-title`).click()
      await until(async () => (await page.getByRole('textbox', { name: 'Title' }).inputValue()) === title)
    }
    for (const link of await page.locator('.panel .description a').all())
      assert.match((await link.getAttribute('href')) ?? '', /^https:\/\/example\.com\/$/)
    await page.keyboard.press('ControlOrMeta+k')
    await page.getByRole('combobox', { name: 'Search and commands' }).fill('window')
    await page.getByRole('listbox').getByRole('option').first().waitFor()
    assert.equal(await page.evaluate('window.hacked'), undefined)
    await context.close()
  })

  it('is in German for users who prefer it, with dates in their time zone', async () => {
    const person = await app.person()
    const { page, context } = await app.device(person, { locale: 'de-DE', timezoneId: 'Asia/Tokyo' })
    await page.getByRole('heading', { name: 'Eingang' }).waitFor()
    await sent(page)
    const token = await person.token()
    await until(async () => {
      const { body } = await app.api.call('GET', '/api/v1/settings', { token })
      return body.time_zone === 'Asia/Tokyo' && body.language === 'de'
    })
    const field = page.getByRole('textbox', { name: 'Aufgabe hinzufügen', exact: true })
    await field.fill('Brot kaufen')
    await field.press('Enter')
    await page.getByRole('button', { name: 'Brot kaufen' }).click()
    await page.getByRole('button', { name: 'Fällig: Keine Angabe' }).click()
    const date = page.getByRole('textbox', { name: 'Datum eingeben' })
    await date.fill('morgen 9 Uhr')
    await date.press('Enter')
    await page.getByRole('button', { name: /Fällig: Morgen, 0?9:00/ }).waitFor()
    await field.fill('Blumen gießen am 24.12.2099 um 9 Uhr !hoch')
    await field.press('Enter')
    await page.getByRole('button', { name: /^Blumen gießen Hoch .*24/ }).waitFor()
    await context.close()
  })

  it('shows a list of 10,000 tasks with few elements', async () => {
    const person = await app.person()
    const token = await person.token()
    const lines = Array.from({ length: 10_000 }, (_, n) => `{"id":${n + 1},"title":"Task ${n}"}\n`)
    const { status } = await app.api.call('POST', '/api/v1/import', {
      token,
      body: lines.join(''),
      headers: { 'content-type': 'application/x-ndjson' },
    })
    assert.equal(status, 200)
    const { page, context } = await app.device(person)
    await page.locator('.task[aria-setsize="10000"]').first().waitFor()
    assert.ok((await page.locator('.task').count()) < 100)
    await row(page, 'Task 3').first().focus()
    await page.keyboard.press('End')
    await page.getByRole('button', { name: 'Task 9999' }).waitFor()
    await until(() =>
      page.getByRole('button', { name: 'Task 9999' }).evaluate(it => it === it.ownerDocument.activeElement),
    )
    assert.equal(
      await page.locator('.task').filter({ hasText: 'Task 9999' }).getAttribute('aria-setsize'),
      '10000',
    )
    await context.close()
  })

  it('reports no error', () => {
    assert.deepEqual(app.errors, [])
  })
})
