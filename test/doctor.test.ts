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
  it('finds nothing where all is well', async () => {
    const { code, wrong, stdout } = await findings()
    assert.deepEqual([code, wrong], [0, []])
    assert.match(stdout, /✔ every task has an owner/)
  })

  it('looks while a server runs, and changes nothing', async () => {
    const { child, ended } = await dulyStart(env)
    const { code, stdout } = await findings()
    assert.equal(code, 0, stdout)
    if (!onPostgres) assert.match(stdout, new RegExp(`a server is running: process ${child.pid} on`))
    child.kill('SIGKILL')
    await ended
    const after = await findings()
    assert.deepEqual(
      [after.code, after.wrong],
      [0, []],
      'what a killed server leaves behind is in nobody’s way',
    )
    if (!onPostgres) assert.ok(existsSync(join(dataDir, 'control')))
  })

  it('finds rows that were changed by hand, and names their owner', async () => {
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

  it('finds no fault in bytes that the next write of the owner counts', async () => {
    await change(
      'update duly.owners set task_count = 1, counted_revision = -1, written_at = now()',
      `select setval('duly.tasks_id_seq', 1)`,
    )
    assert.deepEqual((await findings()).wrong, [])
    await change('update duly.owners set live_bytes = live_bytes - 1, counted_revision = revision')
  })

  it('finds a schema that is newer, or not there', async () => {
    await change(`insert into duly.migrations (id, name) values (99, 'from the future')`)
    const newer = await findings()
    assert.deepEqual([newer.code, /newer than this version/.test(newer.wrong[0] ?? '')], [1, true])
    await change('delete from duly.migrations where id = 99')
  })

  it('finds another secret', async () => {
    const { code, wrong, stdout } = await findings({
      BETTER_AUTH_SECRET: 'another secret of at least 32 characters',
    })
    assert.deepEqual([code, wrong.length, /encrypted with another secret/.test(wrong[0] ?? '')], [1, 1, true])
    assert.equal(stdout.includes('another secret of'), false)
  })

  it('finds settings that cannot be read', async () => {
    const { code, stdout } = await findings({ PORT: 'high' })
    assert.deepEqual([code, /✖ the settings are invalid\n.*\n.*PORT="high": must be/.test(stdout)], [1, true])
  })

  it('finds a database that is away', async () => {
    const nobody = 'postgres://nobody@127.0.0.1:1/none?sslrootcert=/no/such/file'
    assert.equal((await findings({ DATABASE_URL: nobody })).code, 1)
  })

  if (!onPostgres) {
    it('finds data that others may look into, a secret that is none, and a restore that was interrupted', async () => {
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

    it('says so where there is nothing yet, and makes nothing', async () => {
      const before = readdirSync(dataDir)
      const { code, stdout } = await findings({ DATA_DIR: join(dataDir, 'nothing', 'here') })
      assert.deepEqual([code, /there is no database in/.test(stdout)], [0, true])
      assert.deepEqual(readdirSync(dataDir), before)
    })

    it('finds a data directory that cannot be created', async () => {
      const { code, wrong, stdout } = await findings({ DATA_DIR: join(dataDir, 'lock', 'below') })
      assert.deepEqual([code, /cannot be created/.test(wrong[0] ?? '')], [1, true])
      assert.match(stdout, /part of the path is not a directory/)
    })
  }
})
