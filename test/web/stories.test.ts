import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Locator, Page } from 'playwright-core'
import { type App, add, entry, installed, openApp, row, sent, titles, until } from './app.ts'

let app: App
before(async () => {
  app = await openApp()
})
after(async () => {
  await app?.close()
})

describe('the web app', () => {
  it('opens with one click on a new server, and keeps the tasks once a password is chosen', async () => {
    const { page, context } = await app.device()
    await page.getByRole('button', { name: 'Try it now' }).click()
    await page.getByText('Your inbox is empty').waitFor()
    await add(page, 'Water the plants')
    // Nobody knows the password that was made up, but this device does not forget it.
    await page.reload()
    await page.getByRole('link', { name: 'Account' }).click()
    await page.getByRole('button', { name: 'Sign out' }).first().click()
    await page.getByRole('dialog').getByRole('button', { name: 'Choose a password' }).click()
    await page.getByLabel('Your email address').fill('ann@example.com')
    await page.getByLabel('New password').fill('correct horse battery')
    await page.getByRole('button', { name: 'Change password' }).click()
    await page.getByText('Saved.').waitFor()
    await sent(page)
    await page.getByRole('button', { name: 'Sign out' }).first().click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    assert.equal(await page.getByRole('button', { name: 'Try it now' }).count(), 0)
    await page.getByLabel('Email address').fill('ann@example.com')
    await page.getByLabel('Password').fill('a wrong password')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page
      .getByRole('alert')
      .getByText(/invalid/i)
      .waitFor()
    await page.getByLabel('Password').fill('correct horse battery')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await row(page, 'Water the plants').waitFor()
    await context.close()
  })

  it('plans a day: lists, dates, subtasks, an order, several tasks at once, and undo', async () => {
    const { page, context } = await app.device(await app.person())
    for (const title of ['Book the train', 'Call Anna', 'Pay the rent']) await add(page, title)
    // A new task is the first.
    await until(async () => String(await titles(page)) === 'Pay the rent,Call Anna,Book the train')

    await row(page, 'Call Anna').click()
    const panel = page.getByRole('complementary', { name: 'Details' })
    await panel.getByRole('button', { name: 'Due: None' }).click()
    await page.getByRole('textbox', { name: 'Type a date' }).fill('today 11:59pm')
    await page.keyboard.press('Enter')
    await panel.getByRole('button', { name: 'Due: Today, 23:59' }).waitFor()
    await panel.getByLabel('Priority').selectOption('high')
    await panel.getByRole('combobox', { name: 'Add a tag' }).fill('phone')
    await page.keyboard.press('Enter')
    await panel.getByRole('textbox', { name: 'Description' }).fill('See https://example.com/trip.')
    await panel.getByRole('textbox', { name: 'Add a subtask' }).click()
    const link = panel.getByRole('link', { name: 'https://example.com/trip' })
    assert.match((await link.getAttribute('rel')) ?? '', /noopener/)
    await page.keyboard.type('Find her number')
    await page.keyboard.press('Enter')
    await panel.getByRole('button', { name: 'Find her number' }).waitFor()
    await sent(page)
    await panel.getByText('History').click()
    await panel.getByText('Created').first().waitFor()
    await panel.getByRole('button', { name: 'Close' }).click()

    await page.getByRole('link', { name: /^Today/ }).click()
    await row(page, 'Call Anna').waitFor()
    assert.deepEqual(await titles(page), ['Call Anna'])
    await page.getByRole('link', { name: /^Inbox/ }).click()
    await page.getByRole('button', { name: 'phone', exact: true }).click()
    await until(async () => (await titles(page)).length === 1)
    assert.match(page.url(), /tag=phone/)
    await page.getByRole('button', { name: 'phone', exact: true }).click()

    await page.getByRole('button', { name: 'New list' }).click()
    await page.getByRole('textbox', { name: 'Name of the list' }).fill('Home')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Home' }).waitFor()
    await page.getByText('This list is empty.').waitFor()
    await page.getByRole('link', { name: /^Inbox/ }).click()

    // By its grip onto another row, and onto a list.
    await drag(page, 'Book the train', row(page, 'Pay the rent'))
    await until(async () => (await titles(page))[0] === 'Book the train')
    await drag(page, 'Pay the rent', page.getByRole('link', { name: 'Home' }))
    await until(async () => !(await titles(page)).includes('Pay the rent'))
    await page.getByRole('button', { name: 'Undo' }).click()
    await row(page, 'Pay the rent').waitFor()

    await row(page, 'Book the train').click({ modifiers: ['ControlOrMeta'] })
    await row(page, 'Pay the rent').click()
    const bar = page.getByRole('region', { name: 'Selected tasks' })
    await bar.getByText('2 selected').waitFor()
    await bar.getByRole('button', { name: 'Complete' }).click()
    await until(async () => !(await titles(page)).includes('Pay the rent'))
    await sent(page)
    await page.keyboard.press('ControlOrMeta+z')
    await row(page, 'Pay the rent').waitFor()
    await row(page, 'Book the train').waitFor()

    await row(page, 'Call Anna').focus()
    await page.keyboard.press('Delete')
    await until(async () => !(await titles(page)).includes('Find her number'))
    await sent(page)
    await page.getByRole('link', { name: 'Trash' }).click()
    await page
      .getByRole('listitem')
      .filter({ hasText: 'Call Anna' })
      .getByRole('button', { name: 'Restore' })
      .click()
    await page.getByRole('link', { name: /^Inbox/ }).click()
    await row(page, 'Find her number').waitFor()
    // Open subtasks take the place of a completed task.
    const shown = await titles(page)
    await page.getByRole('checkbox', { name: 'Call Anna' }).click()
    await until(async () => String(await titles(page)) === String(shown.filter(it => it !== 'Call Anna')))

    await entry(page).fill('Send postcard 3.5 by tomorrow 9am #travel !high')
    await page
      .getByRole('status')
      .getByRole('button', { name: /^Tomorrow, 09:00/ })
      .waitFor()
    await page
      .getByRole('status')
      .getByRole('button', { name: /^#travel/ })
      .click()
    await entry(page).press('Enter')
    await row(page, 'Send postcard 3.5 #travel High Tomorrow, 09:00').waitFor()
    await context.close()
  })

  it('shows what another device does, and leaves alone what is being edited', async () => {
    const person = await app.person()
    const [laptop, phone] = await Promise.all([app.device(person), app.device(person)])
    await add(laptop.page, 'Shared')
    await row(phone.page, 'Shared').waitFor()
    await row(phone.page, 'Shared').click()
    const title = phone.page.getByRole('textbox', { name: 'Title' })
    await title.fill('Shared, and being edi')
    await add(laptop.page, 'Another')
    await row(laptop.page, 'Shared').focus()
    await laptop.page.keyboard.press('1')
    await row(phone.page, 'Another').waitFor()
    await until(async () => (await phone.page.getByLabel('Priority').inputValue()) === 'high')
    assert.equal(await title.inputValue(), 'Shared, and being edi')
    assert.ok(await title.evaluate(element => element === element.ownerDocument.activeElement))
    await title.pressSequentially('ted')
    await title.press('Enter')
    await row(laptop.page, 'Shared, and being edited').waitFor()
    await laptop.context.close()
    await phone.context.close()
  })

  it('works in a train: opens, writes and waits without a network, and loses no text to a conflict', async () => {
    const person = await app.person()
    const train = await app.device(person)
    await add(train.page, 'Write the report')
    await add(train.page, 'Read the book')
    await sent(train.page)
    await installed(train.page)
    await train.context.setOffline(true)
    await train.page.reload()
    await row(train.page, 'Write the report').waitFor()
    await add(train.page, 'Written in the tunnel')
    await row(train.page, 'Write the report').click()
    const title = train.page.getByRole('textbox', { name: 'Title' })
    await title.fill('Write the report in the train')
    await title.press('Enter')
    await train.page.getByText('Waiting to be sent').waitFor()
    await train.page.getByRole('link', { name: /Offline, 2 waiting/ }).waitFor()
    await train.page.getByRole('complementary').getByRole('button', { name: 'Close' }).click()
    // The app is closed and opened again, still without a network.
    await train.page.close()
    const page = await train.context.newPage()
    await page.goto(app.url)
    await page.getByRole('link', { name: /Offline, 2 waiting/ }).waitFor()

    const office = await app.device(person)
    await row(office.page, 'Write the report').click()
    const other = office.page.getByRole('textbox', { name: 'Title' })
    await other.fill('Write the report at the office')
    await other.press('Enter')
    await sent(office.page)

    await train.context.setOffline(false)
    await row(office.page, 'Written in the tunnel').waitFor()
    await page.getByRole('link', { name: /1 change needs you/ }).click()
    for (const text of ['Write the report in the train', 'Write the report at the office'])
      await page.getByRole('definition').getByText(text, { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Keep mine' }).click()
    await row(office.page, 'Write the report in the train').waitFor()
    // The service worker leaves all other paths to the network.
    for (const path of ['docs', 'api/auth/get-session']) {
      const response = page.waitForResponse(`**/${path}`)
      await page.evaluate(`fetch('${path}')`)
      assert.equal((await response).fromServiceWorker(), false, path)
    }
    await train.context.setOffline(true)
    assert.equal(await page.evaluate(`fetch('docs').then(() => true, () => false)`), false)
    await train.context.close()
    await office.context.close()
  })

  it('warns before signing out with unsent changes, and leaves nothing on a shared computer', async () => {
    const { page, context } = await app.device(await app.person())
    await add(page, 'A private matter')
    await sent(page)
    await installed(page)
    await context.setOffline(true)
    await add(page, 'Another private matter')
    await page.getByRole('link', { name: 'Account' }).click()
    await page.getByRole('button', { name: 'Sign out' }).first().click()
    const dialog = page.getByRole('dialog', { name: 'Sign out' })
    await dialog.getByText('1 change has not reached the server').waitFor()
    const download = page.waitForEvent('download')
    await dialog.getByRole('button', { name: 'Download' }).click()
    assert.equal((await download).suggestedFilename(), 'duly-unsent.json')
    await context.setOffline(false)
    await dialog.getByRole('button', { name: 'Send, then sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    const left = `(async () => [
      (await indexedDB.databases()).length,
      (await caches.keys()).length,
      (await navigator.serviceWorker.getRegistrations()).length,
      localStorage.length,
    ])()`
    await until(async () => String(await page.evaluate(left)) === '0,0,0,0')
    await page.goBack()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    assert.equal(await page.getByText('private matter').count(), 0)
    await context.close()
  })

  it('is used with the keyboard alone, and never loses the focus', async () => {
    const { page, context } = await app.device(await app.person())
    await page.getByText('Your inbox is empty').waitFor()
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key)
    }
    await press('n')
    for (const title of ['Third', 'Second', 'First']) {
      await page.keyboard.type(title)
      await press('Enter')
      await row(page, title).waitFor()
    }
    await press('Escape')
    await row(page, 'First').focus()
    await press('ArrowDown', 'Alt+ArrowUp')
    await until(async () => String(await titles(page)) === 'Second,First,Third')
    await row(page, 'First').focus()
    await press('Alt+ArrowRight')
    await page.locator('.task').filter({ hasText: 'First' }).and(page.locator('[style*="1.6rem"]')).waitFor()
    await row(page, 'Third').focus()
    await press('Space')
    await until(async () => (await titles(page)).length === 2)
    await until(() => hasFocus(page))
    await press('ControlOrMeta+z')
    await row(page, 'Third').waitFor()
    await press('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
    await press('Escape')
    await until(() => hasFocus(page))
    await press('ControlOrMeta+k')
    await page.getByRole('combobox').fill('upcom')
    await press('Enter')
    await page.getByRole('heading', { name: 'Upcoming' }).waitFor()
    await press('g', 'i')
    await page.getByRole('heading', { name: 'Inbox' }).waitFor()
    await row(page, 'Second').focus()
    await press('Enter')
    await page.getByRole('complementary', { name: 'Details' }).waitFor()
    await press('Escape')
    await until(() =>
      row(page, 'Second').evaluate(element => element === element.ownerDocument.activeElement),
    )
    await context.close()
  })

  it('fits a phone, and is used with a finger', async () => {
    const options = { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true }
    const { page, context } = await app.device(await app.person(), options)
    await entry(page).tap()
    await page.keyboard.type('Buy bread, and '.repeat(20))
    await page.keyboard.press('Enter')
    await row(page, 'Buy bread').tap()
    await page.getByRole('complementary', { name: 'Details' }).getByRole('button', { name: 'Close' }).tap()
    for (const name of ['Today', 'Account', 'Trash', 'Inbox']) {
      await page.getByRole('button', { name: 'Menu' }).tap()
      await page.getByRole('link', { name: new RegExp(`^${name}`) }).tap()
      await page.getByRole('heading', { level: 1, name }).waitFor()
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320, name)
    }
    await row(page, 'Buy bread').tap()
    const panel = page.getByRole('complementary', { name: 'Details' })
    const field = panel.getByRole('textbox', { name: 'Add a subtask' })
    await field.tap()
    for (const title of ['Flour', 'Salt', 'Yeast', 'Water']) {
      await page.keyboard.type(title)
      await page.keyboard.press('Enter')
      await panel.getByRole('button', { name: title }).waitFor()
    }
    // The notice, which offers to undo, covers no field that has the focus.
    await until(async () => {
      const [below, notice] = await Promise.all([field.boundingBox(), page.locator('.notice').boundingBox()])
      return below !== null && notice !== null && below.y + below.height <= notice.y
    })
    await panel.getByRole('button', { name: 'Close' }).tap()
    await page.getByRole('checkbox', { name: /Buy bread/ }).tap()
    await row(page, 'Flour').waitFor()
    await sent(page)
    await context.setOffline(true)
    await page.getByRole('checkbox', { name: /Flour/ }).tap()
    await page.getByRole('link', { name: /Offline, 1 waiting/ }).tap()
    await page.getByRole('heading', { level: 1, name: 'Unsent changes' }).waitFor()
    await context.close()
  })

  it('reports no error, and its policy refuses nothing that it does', () => {
    assert.deepEqual(app.errors, [])
  })
})

const hasFocus = (page: Page): Promise<boolean> =>
  page.evaluate('document.activeElement !== document.body && document.activeElement !== null')

/** Drags a row by its grip to the upper edge of another element. */
async function drag(page: Page, title: string, target: Locator): Promise<void> {
  const item = page.locator('.task').filter({ has: page.getByRole('button', { name: title }) })
  await item.hover()
  const from = await item.locator('.grip').boundingBox()
  const to = await target.boundingBox()
  if (!from || !to) throw new Error(`nothing to drag: ${title}`)
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2)
  await page.mouse.down()
  await page.mouse.move(to.x + to.width / 2, to.y + 4, { steps: 4 })
  await page.mouse.up()
}
