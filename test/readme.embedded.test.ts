import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dataFolder } from './data-folder.ts'
import { blocksOf, commandIn, makePath, shell } from './page.ts'
import { type Served, served, testSecret } from './served.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')

/** The lines that are not run here, with the reason. */
const elsewhere: readonly [RegExp, string][] = [
  [/^npm start$/, 'the test program was built by it'],
  [/^npm test$/, 'it runs this test'],
  [/^npm run test:faults$/, 'it is npm test at full length'],
  [/^DATABASE_URL=\S+ BETTER_AUTH_SECRET='[^']+' npm start$/, 'every test on PostgreSQL starts it so'],
]

let api: Served
let folder: string
before(async () => {
  api = await served()
  folder = dataFolder()
})
after(async () => {
  await api.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('the README', () => {
  it('contains commands that work in their order', async () => {
    const PATH = makePath(join(folder, 'bin'), ['sh', 'node', 'npm', 'curl'], {})
    const env = { PATH, HOME: folder, DATA_DIR: join(folder, 'data'), BETTER_AUTH_SECRET: testSecret }
    const lines = blocksOf(readme).flatMap(block => block.lines)
    for (const [pattern, why] of elsewhere)
      assert.ok(
        lines.some(line => pattern.test(commandIn(line))),
        `${pattern} is no longer in the README (${why})`,
      )
    const script = lines
      .filter(line => !elsewhere.some(([pattern]) => pattern.test(commandIn(line))))
      .map(line => line.replace('localhost:8000', api.server.url.slice('http://'.length)))
    const { code, output } = await shell(script.join('\n'), root, env)
    assert.equal(code, 0, output)
    assert.match(output, /"title":"Water the plants","description":"","is_completed":true/)
  })
})
