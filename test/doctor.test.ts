import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { newUserHere } from './person.ts'
import { duly, dulyStart } from './program.ts'
import {
  type Env,
  newUser,
  type OwnDatabase,
  onPostgres,
  openDatabase,
  ownDatabase,
  served,
  testSecret,
} from './served.ts'

let own: OwnDatabase
let env: Env
let dataDir = ''
const user = newUser()
before(async () => {
  own = await ownDatabase()
  env = { ...own.env, BETTER_AUTH_SECRET: testSecret }
  dataDir = String(own.env.DATA_DIR)
  const api = await served({}, own)
  await api.call('POST', '/api/tasks', { user, json: { title: 'a task' } })
  await (await newUserHere(api)).token()
  await api.close()
})
after(() => own.drop())

async function findings(changed: Env = {}) {
  const { code, stdout, stderr } = await duly(['doctor'], { ...env, ...changed }).ended
  assert.equal(stderr, '')
  return { code, stdout, wrong: stdout.split('\n').filter(line => line.startsWith('✖')) }
}

async function change(...texts: string[]) {
  const { db } = await openDatabase(env)
  for (const text of texts) await db.query(unprepared(text))
  await db.close()
}

describe('duly doctor', () => {
  it('reports nothing on a sound database', async () => {
    const { code, wrong, stdout } = await findings()
    assert.deepEqual([code, wrong], [0, []])
    assert.match(stdout, /✔ every task has an owner/)
  })

  it('runs beside a server, and changes nothing', async () => {
    const { child, ended } = await dulyStart(env)
    const { code, stdout } = await findings()
    assert.equal(code, 0, stdout)
    if (!onPostgres) assert.match(stdout, new RegExp(`a server is running: process ${child.pid} on`))
    child.kill('SIGKILL')
    await ended
    const after = await findings()
    assert.deepEqual([after.code, after.wrong], [0, []], 'the files of a killed server are not a problem')
    if (!onPostgres) assert.ok(existsSync(join(dataDir, 'control')))
  })

  it('reports rows that were changed manually, and names their owner', async () => {
    await change(
      `update duly.owners set task_count = 7, live_bytes = live_bytes + 1, written_at = now() + interval '1 day'`,
      `select setval('duly.tasks_id_seq', 1, false)`,
    )
    const { code, wrong } = await findings()
    assert.equal(code, 1)
    for (const what of [
      `the task count and the revision of every owner are correct. Affected owners: ${user}`,
      `the byte counts of every owner are correct. Affected owners: ${user}`,
      `the last write of every owner is in the past. Affected owners: ${user}`,
      'already in use in these tables: tasks',
    ]) {
      assert.ok(
        wrong.some(line => line.includes(what)),
        `${what}: ${wrong.join('\n')}`,
      )
    }
    assert.equal(wrong.length, 4)
  })

  it('does not report byte counts that the next write of the owner corrects', async () => {
    await change(
      'update duly.owners set task_count = 1, counted_revision = -1, written_at = now()',
      `select setval('duly.tasks_id_seq', 1)`,
    )
    assert.deepEqual((await findings()).wrong, [])
    await change('update duly.owners set live_bytes = live_bytes - 1, counted_revision = revision')
  })

  it('reports a schema that is newer or missing', async () => {
    await change(`insert into duly.migrations (id, name) values (99, 'from the future')`)
    const newer = await findings()
    assert.deepEqual([newer.code, /newer than this version/.test(newer.wrong[0] ?? '')], [1, true])
    await change('delete from duly.migrations where id = 99')
  })

  it('reports a secret that does not match', async () => {
    const { code, wrong, stdout } = await findings({
      BETTER_AUTH_SECRET: 'another secret of at least 32 characters',
    })
    assert.deepEqual([code, wrong.length, /encrypted with another secret/.test(wrong[0] ?? '')], [1, 1, true])
    assert.equal(stdout.includes('another secret of'), false)
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
