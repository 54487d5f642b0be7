import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { newUser, type Served, served, tokenOf } from './served.ts'

// Runs each example of docs/client.md as a program that imports the package by its name.

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(join(root, 'docs', 'client.md'), 'utf8')
const examples = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(match => match[1] as string)

/** The output of each example, in the order of the page. */
const printed = [
  '',
  "[ 'Buy milk', 'Call the plumber' ] true\nCall mother\nCall the plumber\n",
  '2 true\n',
  "Water the plants\ntrue [ 'title' ]\n",
  'Trip true true\n',
  'true 1\ntrue true\n',
  "Paint it red, twice low [ 'home' ]\nconflict { priority: 'high' } { priority: 'low' }\nhigh\n",
  'true\n',
  'Paint the fence green\n',
  '#/title Title must not be empty.\n',
]

describe('docs/client.md', () => {
  let api: Served
  // Inside the package, where its name refers to itself.
  const folder = mkdtempSync(join(root, 'dist', 'examples-'))
  before(async () => {
    api = await served()
  })
  after(async () => {
    await api.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('contains as many examples as this test expects', () => assert.equal(examples.length, printed.length))

  for (const [n, example] of examples.entries()) {
    it(`example ${n + 1} prints what the page says`, async () => {
      const file = join(folder, `${n}.mjs`)
      writeFileSync(file, example)
      const env = { ...process.env, DULY_URL: api.server.url, DULY_TOKEN: tokenOf(newUser()) }
      const { stdout } = await promisify(execFile)(process.execPath, [file], { env })
      assert.equal(stdout, printed[n])
    })
  }
})
