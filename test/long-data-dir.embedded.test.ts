import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { dulyHere } from './command.ts'
import { dataFolder } from './data-folder.ts'
import { duly } from './program.ts'
import { ownDatabase, served } from './served.ts'

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
    const server = await served({}, { env, drop: async () => {} })
    if (process.platform !== 'win32') assert.equal(statSync(join(dataDir, 'control')).mode & 0o777, 0o600)
    for (const [args, output] of [
      [['user', 'add', 'ann@example.com'], /ann@example\.com/],
      [['user', 'list'], /ann@example\.com/],
      [['keys', 'list'], /./],
      [['doctor'], /a server is running/],
      [['backup', join(folder, 'backup')], /^$/],
    ] as const) {
      const readsCopy = ['doctor', 'backup'].includes(args[0])
      const { code, stdout, stderr } = await (readsCopy
        ? duly([...args], env).ended
        : dulyHere([...args], env))
      assert.equal(code, 0, stderr)
      assert.match(stdout, output)
    }
    await server.close()
    assert.equal(JSON.stringify(server.lines).includes('DATA_DIR'), false)
    assert.equal(existsSync(join(dataDir, 'control')), false)
    assert.equal((await dulyHere(['user', 'list'], env)).code, 0)
  })
})
