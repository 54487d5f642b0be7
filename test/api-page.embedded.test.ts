import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dataFolder } from './data-folder.ts'
import { blocksOf, makePath, shell } from './page.ts'
import { newUser, type Served, served, tokenOf } from './served.ts'

const page = readFileSync(fileURLToPath(new URL('../../docs/api.md', import.meta.url)), 'utf8')

let api: Served
const folder = dataFolder()
before(async () => {
  api = await served()
})
after(async () => {
  await api.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('docs/api.md', () => {
  it('contains commands that work in their order', async () => {
    const PATH = makePath(join(folder, 'bin'), ['sh', 'curl', 'sed', 'tr', 'cat'], {})
    const user = newUser()
    const env = { PATH, HOME: folder, DULY_URL: api.server.url, DULY_TOKEN: tokenOf(user) }
    const script = blocksOf(page).flatMap(block => block.lines)
    const { code, output } = await shell(script.join('\n'), folder, env)
    assert.equal(code, 0, output)
    for (const part of [
      '"title":"Passport"',
      '"next_7_days":',
      '"action":"updated"',
      'There is no field \\"colour\\".',
      '{"lines":8,"lists":1,"tasks":6,"skipped":0,"done":true}',
      '{"lines":8,"lists":0,"tasks":0,"skipped":7,"done":true}',
    ])
      assert.ok(output.includes(part), `${part} is missing:\n${output}`)
    const { body } = await api.call('GET', '/api/v1/tasks?tag=papers', { user })
    assert.equal(body.tasks.length, 2)
  })
})
