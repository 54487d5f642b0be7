import { fileURLToPath } from 'node:url'
import { add, openApp, row, sent } from './app.ts'

// Creates the screenshot in the README: node dist/test/web/picture.js

const file = fileURLToPath(new URL('../../../docs/web-app.png', import.meta.url))
const app = await openApp()
const { page } = await app.device(await app.person(), { viewport: { width: 1200, height: 720 } })
const panel = page.getByRole('complementary', { name: 'Details' })

await page.getByText('Your inbox is empty').waitFor()
for (const [name, titles] of [
  ['Home', ['Paint the fence']],
  ['Work', ['Review the budget', 'Write to the printer']],
] as const) {
  await page.getByRole('button', { name: 'New list' }).click()
  await page.getByRole('textbox', { name: 'Name of the list' }).fill(name)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name }).waitFor()
  for (const title of titles) await add(page, title)
}
await page.getByRole('link', { name: /^Inbox/ }).click()
for (const title of [
  'Return the books to the library',
  'Plan the trip to Vienna',
  'Water the plants',
  'Call Anna back',
  'Renew the passport',
])
  await add(page, title)
await set('Call Anna back', 'today 6pm', 'medium', 'phone')
await set('Renew the passport', 'friday', '', 'errands')
await set('Plan the trip to Vienna', 'in 5 days', 'high', 'travel')
await panel.getByRole('textbox', { name: 'Description' }).fill('Timetable: https://example.com/vienna')
for (const title of ['Book the train', 'Find a room near the river', 'Ask Anna to come']) {
  await panel.getByRole('textbox', { name: 'Add a subtask' }).fill(title)
  await page.keyboard.press('Enter')
  await panel.getByRole('button', { name: title }).waitFor()
}
await sent(page)
await page.getByRole('button', { name: 'Dismiss' }).click()
await page.screenshot({ path: file })
await app.close()

async function set(title: string, due: string, priority: string, tag: string): Promise<void> {
  await row(page, title).click()
  await panel.getByRole('button', { name: /^Due/ }).click()
  await page.getByRole('textbox', { name: 'Type a date' }).fill(due)
  await page.keyboard.press('Enter')
  if (priority !== '') await panel.getByLabel('Priority').selectOption(priority)
  await panel.getByRole('combobox', { name: 'Add a tag' }).fill(tag)
  await page.keyboard.press('Enter')
}
