import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { doctor } from './command.ts'
import { newUserHere } from './person.ts'
import { duly, dulyStart } from './program.ts'
import { type Env, type OwnDatabase, onPostgres, ownDatabase, served, testSecret } from './served.ts'

let own: OwnDatabase
let env: Env
let dataDir = ''
before(async () => {
  own = await ownDatabase()
  env = { ...own.env, BETTER_AUTH_SECRET: testSecret }
  dataDir = String(own.env.DATA_DIR)
  const api = await served({}, own)
  await api.call('POST', '/api/tasks', { user: 'alice', json: { title: 'a task' } })
  await (await newUserHere(api)).token()
  await api.close()
})
after(() => own.drop())

const findings = (changed: Env = {}) => doctor({ ...env, ...changed })

describe('duly doctor', () => {
  it('reports nothing on a sound database', async () => {
    const { code, wrong, stdout } = await findings()
    assert.deepEqual([code, wrong], [0, []])
    assert.match(stdout, /✔ every task has an owner/)
  })

  it('runs beside a server, and changes nothing', async () => {
    const { child, ended } = await dulyStart(env)
    const { code, stdout } = await doctor(env, (args, settings) => duly(args, settings).ended)
    assert.equal(code, 0, stdout)
    if (!onPostgres) assert.match(stdout, new RegExp(`a server is running: process ${child.pid} on`))
    child.kill('SIGKILL')
    await ended
    const after = await findings()
    assert.deepEqual([after.code, after.wrong], [0, []], 'the files of a killed server are not a problem')
    if (!onPostgres) assert.ok(existsSync(join(dataDir, 'control')))
  })

  it('reports invalid settings', async () => {
    const { code, stdout } = await findings({ PORT: 'high' })
    assert.deepEqual([code, /✖ the settings are invalid\n.*\n.*PORT="high": must be/.test(stdout)], [1, true])
  })

  it('reports an unavailable database', async () => {
    const nobody = 'postgres://nobody@127.0.0.1:1/none?sslrootcert=/no/such/file'
    assert.equal((await findings({ DATABASE_URL: nobody })).code, 1)
  })

  if (!onPostgres) {
    it('reports data that others can read, an invalid secret, and an interrupted restore', async () => {
      chmodSync(dataDir, 0o755)
      writeFileSync(join(dataDir, 'secret'), 'short')
      writeFileSync(join(dataDir, 'restoring'), '')
      const { code, wrong } = await findings()
      assert.equal(code, 1)
      for (const [n, what] of [
        /other users of this machine can access/,
        /secret cannot be used/,
        /interrupted/,
      ].entries()) {
        assert.match(wrong[n] ?? '', what)
      }
      chmodSync(dataDir, 0o700)
      for (const name of ['secret', 'restoring']) rmSync(join(dataDir, name))
    })

    it('reports that there is no database yet, and creates nothing', async () => {
      const before = readdirSync(dataDir)
      const { code, stdout } = await findings({ DATA_DIR: join(dataDir, 'nothing', 'here') })
      assert.deepEqual([code, /there is no database in/.test(stdout)], [0, true])
      assert.deepEqual(readdirSync(dataDir), before)
    })

    it('reports a data directory that cannot be created', async () => {
      const { code, wrong, stdout } = await findings({ DATA_DIR: join(dataDir, 'lock', 'below') })
      assert.deepEqual([code, /cannot be created/.test(wrong[0] ?? '')], [1, true])
      assert.match(stdout, /part of the path is not a directory/)
    })
  }
})
