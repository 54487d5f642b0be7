import assert from 'node:assert/strict'
import { it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { dulyStart } from './program.ts'
import { callAt, newUser, openDatabase, ownDatabase } from './served.ts'

const count = 20_000

it('a list whose deletion kill -9 has interrupted is deleted after the next start, and can be restored', async test => {
  const database = await ownDatabase()
  const { env } = database
  const user = newUser()
  let server = await dulyStart(env)
  test.after(async () => {
    server.child.kill('SIGKILL')
    await server.ended
    await database.drop()
  })
  const call = (method: string, path: string, json?: object) =>
    callAt(server.url, method, path, json ? { user, json } : { user })
  const { body: list } = await call('POST', '/api/v1/lists', { name: 'Garden' })
  server.child.kill('SIGTERM')
  await server.ended
  const { db } = await openDatabase(env)
  await db.query(
    unprepared(`insert into duly.tasks (user_id, title, title_key, is_completed, created_at, updated_at, revision, position, list_id)
      select $1, 'task', 'task', false, now(), now(), 1, 'a1', $2::bigint from generate_series(1, ${count})`),
    [user, list.id],
  )
  await db.query(
    unprepared(`update duly.owners set task_count = ${count}, counted_revision = -1 where id = $1`),
    [user],
  )
  await db.close()

  server = await dulyStart(env)
  const removed = call('DELETE', `/api/v1/lists/${list.id}`).catch(() => undefined)
  while ((await call('GET', `/api/v1/lists/${list.id}`)).status !== 404);
  server.child.kill('SIGKILL')
  await server.ended
  assert.equal(await removed, undefined)

  server = await dulyStart(env)
  const left = async () => (await call('GET', '/api/v1/usage')).body.task_count
  while ((await left()) > 0);
  const restored = await call('POST', `/api/v1/lists/${list.id}/restore`)
  assert.equal(restored.status, 200)
  assert.equal(await left(), count)
})
