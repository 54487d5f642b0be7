import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import { until } from './half-sent.ts'
import { operator } from './operator.ts'
import { rawConnection } from './raw-connection.ts'
import { newUser, type Served, served, tokenOf } from './served.ts'

let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

// More than the buffers on the way hold.
const tasks = 4000
const letters = 5000

async function withManyTasks(): Promise<string> {
  const user = newUser()
  await api.call('POST', '/api/v1/tasks', { user, json: { title: 'first' } })
  await api.server.db.query(
    unprepared(`insert into duly.tasks
        (user_id, title, title_key, description, is_completed, created_at, updated_at, revision)
      select $1, 'long', 'long', repeat('x', ${letters}), false, now(), now(), 1 from generate_series(1, ${tasks})`),
    [user],
  )
  return user
}

describe('a stream of tasks that is under way', () => {
  for (const path of ['/api/v1/export', '/api/v1/export?format=csv', '/api/v1/todos']) {
    it(`of ${path} ends when its user is disabled`, async () => {
      const user = await withManyTasks()
      const token = tokenOf(user)
      const connection = await rawConnection(api.server.url)
      const { socket, received } = connection
      socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`)
      await until(connection, text => text.length > 10_000)
      socket.pause()
      await operator(api, ['user', 'disable', user, '--other-issuer'])
      while ((await api.call('GET', '/api/v1/tasks', { token })).status !== 401) await pause(20)
      socket.resume()
      if (!socket.closed) await once(socket, 'close')
      assert.match(received(), /^HTTP\/1\.1 200/)
      assert.ok(!received().endsWith('\r\n0\r\n\r\n'), 'it was not told as whole')
      assert.ok(received().length < tasks * letters, `${received().length} characters came`)
    })
  }
})
