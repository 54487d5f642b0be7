import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import { dulyStart } from './program.ts'
import { callAt, newUser, ownDatabase, served } from './served.ts'

/** Sixteen steps: the server is killed in one of the first. */
const count = 8000

it('a list whose deletion kill -9 has interrupted is deleted after the next start, and can be restored', async () => {
  const database = await ownDatabase()
  const { env } = database
  const user = newUser()
  const before = await served({}, database)
  const { body: list } = await before.call('POST', '/api/v1/lists', { user, json: { name: 'Garden' } })
  const { db } = before.server
  await db.query(
    unprepared(`insert into duly.tasks (user_id, title, title_key, is_completed, created_at, updated_at, revision, position, list_id)
      select $1, 'task', 'task', false, now(), now(), 1, 'a1', $2::bigint from generate_series(1, ${count})`),
    [user, list.id],
  )
  await db.query(
    unprepared(`update duly.owners set task_count = ${count}, counted_revision = -1 where id = $1`),
    [user],
  )
  await before.close()

  const { url, child, ended } = await dulyStart(env)
  const path = `/api/v1/lists/${list.id}`
  try {
    const removed = callAt(url, 'DELETE', path, { user }).catch(() => undefined)
    while ((await callAt(url, 'GET', path, { user })).status !== 404);
    child.kill('SIGKILL')
    await ended
    assert.equal(await removed, undefined)
  } finally {
    child.kill('SIGKILL')
    await ended
  }

  const after = await served({}, database)
  const left = async () => (await after.call('GET', '/api/v1/usage', { user })).body.task_count
  while ((await left()) > 0) await pause(20)
  const restored = await after.call('POST', `${path}/restore`, { user })
  assert.equal(restored.status, 200)
  assert.equal(await left(), count)
  await after.close()
  await database.drop()
})
