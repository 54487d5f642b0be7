import assert from 'node:assert/strict'
import { it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { dulyStart } from './program.ts'
import { accept, receiver } from './receiver.ts'
import { callAt, newUser, openDatabase, ownDatabase, served } from './served.ts'

it('a message is sent again with its id after a kill -9 before it was recorded, even if its job is lost', async test => {
  const database = await ownDatabase()
  const to = await receiver()
  const env = { ...database.env, WEBHOOK_PRIVATE_NETWORKS: '127.0.0.1' }
  const user = newUser()
  const server = await dulyStart(env)
  test.after(async () => {
    server.child.kill('SIGKILL')
    await server.ended
    await to.close()
    await database.drop()
  })
  const call = (path: string, json: object) => callAt(server.url, 'POST', path, { user, json })
  to.secret = (await call('/api/v1/webhooks', { url: to.url, events: ['*'] })).body.secret
  const kill = async () => {
    server.child.kill('SIGKILL')
    await server.ended
  }
  // Its response reaches no process.
  to.answer = () => void kill()
  assert.equal((await call('/api/v1/tasks', { title: 'a' })).status, 201)
  await to.until(({ received }) => received.length === 1)
  await server.ended
  // As if the process had died before it enqueued the job.
  const { db } = await openDatabase(env)
  await db.query(unprepared('delete from duly.jobs where user_id = $1'), [user])
  await db.close()
  to.answer = accept
  const next = await served(env, database)
  await to.until(({ received }) => received.length === 2)
  const [first, second] = to.received
  assert.equal(second?.id, first?.id)
  assert.deepEqual(second?.body, first?.body)
  await next.close()
})
