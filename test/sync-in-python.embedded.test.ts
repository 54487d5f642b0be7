import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { findProgram } from './debian-program.ts'
import { newUser, type Served, served, tokenOf, unlimited } from './served.ts'

// The client in docs/sync.md, unchanged.

const folder = mkdtempSync(join(tmpdir(), 'duly-python-'))
let api: Served
before(async () => {
  const text = readFileSync(new URL('../../docs/sync.md', import.meta.url), 'utf8')
  const [, program = ''] = /```python\n(.*?)```/s.exec(text) ?? []
  writeFileSync(join(folder, 'client.py'), program)
  api = await served(unlimited)
})
after(async () => {
  await api.close()
  rmSync(folder, { recursive: true })
})

async function run(token: string): Promise<string> {
  const { path, env } = findProgram('python')
  const child = spawn(path, ['client.py'], {
    cwd: folder,
    env: { ...env, DULY_URL: api.server.url, DULY_TOKEN: token },
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', chunk => {
      printed += chunk
    })
  const [code] = await once(child, 'close')
  assert.equal(code, 0, printed)
  return printed
}

it('the Python client of docs/sync.md has a correct copy, and starts over if required', async () => {
  const user = newUser()
  const token = tokenOf(user)
  const tasks: { id: number }[] = []
  const call = (method: string, path: string, json?: object) => api.call(method, path, { token, json })
  const stored = () => JSON.parse(readFileSync(join(folder, 'duly-copy.json'), 'utf8'))
  for (const title of ['a', 'b', 'ünïcode 🌱'])
    tasks.push((await call('POST', '/api/v1/tasks', { title })).body)
  assert.equal(await run(token), '4 items\n')
  const [first, second, third] = tasks as [{ id: number }, { id: number }, { id: number }]
  const { body: changed } = await call('PATCH', `/api/v1/tasks/${first.id}`, { is_completed: true })
  await call('DELETE', `/api/v1/tasks/${second.id}`)
  assert.equal(await run(token), '3 items\n')
  const { 'settings ': settings } = stored().items
  const items = { 'settings ': settings, [`task ${first.id}`]: changed, [`task ${third.id}`]: third }
  assert.deepEqual(stored().items, items)
  const old = Buffer.from(stored().next, 'base64url')
    .toString()
    .replace(/\.(\d+)\.(\d+)$/, '.1.1')
  const copy = { next: Buffer.from(old).toString('base64url'), items: {} }
  writeFileSync(join(folder, 'duly-copy.json'), JSON.stringify(copy))
  assert.equal(await run(token), '0 items\n3 items\n')
  assert.deepEqual(stored().items, items)
})
