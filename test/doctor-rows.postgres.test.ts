import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { doctor } from './command.ts'
import { newUserHere } from './person.ts'
import {
  type Env,
  newUser,
  type OwnDatabase,
  openDatabase,
  ownDatabase,
  served,
  testSecret,
} from './served.ts'

// The rows that duly doctor checks. Its statements are the same on the embedded database, where
// doctor.test.ts runs them.

let own: OwnDatabase
let env: Env
const user = newUser()
before(async () => {
  own = await ownDatabase()
  env = { ...own.env, BETTER_AUTH_SECRET: testSecret }
  const api = await served({}, own)
  await api.call('POST', '/api/tasks', { user, json: { title: 'a task' } })
  await (await newUserHere(api)).token()
  await api.close()
})
after(() => own.drop())

const findings = (changed: Env = {}) => doctor({ ...env, ...changed })

async function change(...texts: string[]) {
  const { db } = await openDatabase(env)
  for (const text of texts) await db.query(unprepared(text))
  await db.close()
}

describe('duly doctor', () => {
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
})
