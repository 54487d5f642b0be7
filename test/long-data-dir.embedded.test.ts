import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { dataFolder } from './data-folder.ts'
import { duly, dulyStart } from './program.ts'
import { ownDatabase } from './served.ts'

const folder = dataFolder()
after(() => rmSync(folder, { recursive: true, force: true }))

/** Longer than the path of a socket may be. */
const dataDir = join(folder, 'a'.repeat(80), 'b'.repeat(80), 'data')

describe('a DATA_DIR with a long path', () => {
  before(async () => {
    const database = await ownDatabase()
    mkdirSync(join(dataDir, '..'), { recursive: true })
    cpSync(database.env.DATA_DIR ?? '', dataDir, { recursive: true })
    await database.drop()
  })

  it('works with every operator command while the server runs, for this user only', async () => {
    const env = { DATA_DIR: dataDir, TMPDIR: folder }
    const server = await dulyStart(env)
    if (process.platform !== 'win32') assert.equal(statSync(join(dataDir, 'control')).mode & 0o777, 0o600)
    for (const [args, output] of [
      [['user', 'add', 'ann@example.com'], /ann@example\.com/],
      [['user', 'list'], /ann@example\.com/],
      [['keys', 'list'], /./],
      [['doctor'], /a server is running/],
      [['backup', join(folder, 'backup')], /^$/],
    ] as const) {
      const { code, stdout, stderr } = await duly([...args], env).ended
      assert.equal(code, 0, stderr)
      assert.match(stdout, output)
    }
    server.child.kill('SIGTERM')
    const { code, stdout } = await server.ended
    assert.deepEqual([code, /DATA_DIR/.test(stdout)], [0, false])
    assert.equal(existsSync(join(dataDir, 'control')), false)
    assert.equal((await duly(['user', 'list'], env).ended).code, 0)
  })
})
