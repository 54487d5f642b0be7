import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { until } from './half-sent.ts'
import { manyTasks } from './many-tasks.ts'
import { operator } from './operator.ts'
import { rawConnection } from './raw-connection.ts'
import { callAt, newUser, type Served, served, tokenOf } from './served.ts'

let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

const letters = 5000

async function withTasks(count: number): Promise<string> {
  const user = newUser()
  await manyTasks(api.server.db, user, count, { description: 'x'.repeat(letters) })
  return user
}

describe('a stream of tasks in progress', () => {
  for (const path of ['/api/v1/export', '/api/v1/export?format=csv', '/api/v1/todos']) {
    it(`of ${path} ends when its user is disabled`, async () => {
      // 10 MB, more than the buffers between server and client hold.
      const tasks = 2000
      const user = await withTasks(tasks)
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

/** Awaits `before` ahead of each statement that reads tasks of this user. */
function beforeReads(user: string, before: () => Promise<void>): () => void {
  const { db } = api.server
  const { read } = db
  const wrapped: typeof read = async (statement, values, ...rest) => {
    if (values[0] === user && /^duly_(batch|list|page)/.test(statement.name)) await before()
    return read.call(db, statement, values, ...rest)
  }
  Object.assign(db, { read: wrapped })
  return () => void Object.assign(db, { read })
}

describe('a stream of tasks whose client has disconnected', () => {
  for (const path of ['/api/v1/export', '/api/v1/todos', '/api/v1/tasks?limit=1000']) {
    it(`reads no further batch: ${path}`, async () => {
      // Read in more than twenty batches.
      const user = await withTasks(400)
      const connection = await rawConnection(api.server.url)
      const { socket } = connection
      let reads = 0
      const restore = beforeReads(user, async () => {
        reads += 1
        if (reads < 2) return
        if (socket.destroyed) return
        socket.resetAndDestroy()
        await once(socket, 'close')
        // The server detects the reset before it reads a later request.
        for (let n = 0; n < 3; n += 1) await callAt(api.server.url, 'GET', '/livez')
      })
      try {
        socket.write(
          `GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${tokenOf(user)}\r\n\r\n`,
        )
        socket.resume()
        while (reads < 2) await pause(5)
        // The next list of the same user waits for the running statement.
        assert.equal((await callAt(api.server.url, 'GET', '/api/v1/tasks?limit=1', { user })).status, 200)
        assert.equal(reads, 3)
      } finally {
        restore()
      }
    })
  }
})

describe('a list that waits for other lists of its user', () => {
  it('is not read once the user is disabled', async () => {
    const user = newUser()
    const token = tokenOf(user)
    await api.call('POST', '/api/v1/tasks', { token, json: { title: 'first' } })
    let reads = 0
    let goOn = () => {}
    const blocked = new Promise<void>(resolve => {
      goOn = resolve
    })
    const restore = beforeReads(user, () => {
      reads += 1
      return blocked
    })
    try {
      const paths = ['/api/v1/tasks', '/api/v1/todos', '/api/tasks', '/api/v1/export']
      const lists = [...paths, ...paths].map(path => callAt(api.server.url, 'GET', path, { token }))
      while (reads === 0) await pause(5)
      await operator(api, ['user', 'disable', user, '--other-issuer'])
      while ((await api.call('GET', `/api/v1/tasks/1`, { token })).status !== 401) await pause(20)
      const begun = reads
      goOn()
      const refused = (await Promise.all(lists)).filter(({ status }) => status === 401)
      // An export that has read its lists is rejected before it reads tasks.
      assert.ok(refused.length >= lists.length - begun)
      assert.equal(reads, begun)
    } finally {
      restore()
    }
  })
})
