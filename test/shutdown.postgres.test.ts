import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { dulyStart } from './program.ts'
import { rawCaller } from './raw-call.ts'
import { callAt, newUser, ownDatabase, tokenOf, unlimited } from './served.ts'

describe('a shutdown', () => {
  it('is announced by /readyz first, while other requests succeed, and is immediate at the second signal', async () => {
    const database = await ownDatabase()
    const { child, ended, url, printed } = await dulyStart({ ...database.env, SHUTDOWN_GRACE: '300' })
    const authorization = `Bearer ${tokenOf(newUser())}`
    const { call, close } = rawCaller(url)
    const create = {
      method: 'POST',
      path: '/api/v1/tasks',
      headers: { authorization, 'content-type': 'application/json' },
      body: '{"title":"x"}',
    }
    const before = await call(create)
    assert.deepEqual([before.status, before.headers.get('connection')], [201, 'keep-alive'])
    assert.equal((await call({ method: 'GET', path: '/readyz' })).status, 200)
    child.kill('SIGTERM')
    await printed(/stopping/)
    const ready = await call({ method: 'GET', path: '/readyz' })
    assert.deepEqual([ready.status, ready.headers.get('retry-after')], [503, '2'])
    const meanwhile = await call(create)
    assert.deepEqual([meanwhile.status, meanwhile.headers.get('connection')], [201, 'close'])
    assert.equal((await call({ method: 'GET', path: '/livez' })).status, 200)
    let over = false
    void ended.then(() => {
      over = true
    })
    while (!over) {
      child.kill('SIGTERM')
      await pause(100)
    }
    assert.equal((await ended).code, 1)
    await assert.rejects(callAt(url, 'GET', '/livez'))
    close()
    await database.drop()
  })

  it('waits for a response that is being read', async () => {
    const database = await ownDatabase()
    const user = newUser()
    const { child, ended, url, printed } = await dulyStart({ ...unlimited, ...database.env })
    // More than one batch, and more than the socket buffers hold: it is streamed as it is read.
    const description = 'x'.repeat(5000)
    const operations = Array(40).fill({ op: 'create', task: { title: 'x', description } })
    for (let batch = 0; batch < 13; batch += 1) {
      const { status } = await callAt(url, 'POST', '/api/v1/batch', { user, json: { operations } })
      assert.equal(status, 200)
    }
    const response = await fetch(`${url}/api/v1/export`, {
      headers: { authorization: `Bearer ${tokenOf(user)}` },
    })
    child.kill('SIGINT')
    await printed(/stopping/)
    const lines = (await response.text()).trim().split('\n')
    assert.equal(lines.length, 13 * 40)
    assert.equal((await ended).code, 0)
    await database.drop()
  })

  it('cuts a request that hangs, reports it, and exits with 0', async () => {
    const database = await ownDatabase()
    const { child, ended, url } = await dulyStart(database.env)
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(
      `POST /api/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenOf(newUser())}\r\nContent-Length: 9\r\n\r\n{`,
    )
    await callAt(url, 'GET', '/livez')
    child.kill('SIGTERM')
    await once(socket.resume(), 'close')
    const { code, stdout } = await ended
    assert.equal(code, 0)
    assert.match(stdout, /closing connections whose requests did not end within 5 s/)
    await database.drop()
  })
})
