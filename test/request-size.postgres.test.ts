import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { contracts } from '../server/config/contract.ts'
import { behindProxy } from './person.ts'
import { rawConnection } from './raw-connection.ts'
import { newUser, type Served, served, tokenOf } from './served.ts'

// Size limits of requests, in the error format of every contract.

const kib = 1024
const longest: Readonly<Record<string, readonly [title: number, description: number]>> = {
  'task-api': [500, 5000],
  'stage-2': [200, 1000],
  'todo-app': [255, 1000],
  '/api/v1/todos': [254, 999],
  '/api/v1/tasks': [500, 20_000],
}
/** As Python's json.dumps writes it: every non-ASCII character as a six-byte escape. */
const inAscii = (value: object) =>
  JSON.stringify(value).replaceAll(
    /[^\x20-\x7e]/g,
    unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

for (const contract of contracts) {
  describe(`the size of requests to ${contract} and the routes beside it`, () => {
    let api: Served
    before(async () => {
      api = await served({ ...behindProxy, CONTRACT: contract })
    })
    after(() => api.close())

    const send = (path: string, body: string, user = newUser()) =>
      api.call('POST', path.replace('{user_id}', user), {
        user,
        body,
        headers: { 'content-type': 'application/json' },
      })

    for (const path of ['/api/tasks', '/api/{user_id}/tasks', '/api/v1/todos', '/api/v1/tasks']) {
      const [title, description] = longest[path] ?? longest[contract] ?? [0, 0]

      it(`POST ${path} accepts the longest task in every JSON encoding`, async () => {
        const tags = Array.from({ length: 20 }, (_, n) => `${n}`.padEnd(50 + (n > 9 ? 48 : 49), '🐑'))
        const more = path === '/api/v1/tasks' ? { tags, metadata: { a: '🦔'.repeat(1000) } } : { tags }
        const task = { title: '🐑'.repeat(title), description: '🦔'.repeat(description), ...more }
        for (const body of [inAscii(task), JSON.stringify(task, null, 4)]) {
          const { status, body: created } = await send(path, body)
          assert.deepEqual([status, created.title, created.description], [201, task.title, task.description])
        }
      })

      it(`POST ${path} accepts 64 KiB, and rejects 320 KiB with 413`, async () => {
        const padded = (bytes: number) => `{"title":"a"${' '.repeat(bytes - 13)}}`
        const fits = padded(64 * kib)
        assert.equal(Buffer.byteLength(fits), 64 * kib)
        assert.equal((await send(path, fits)).status, 201)
        const { status, body } = await send(path, padded(320 * kib))
        assert.equal(status, 413)
        assert.equal(body.detail ?? body.error, 'The body is too large. Send a smaller one.')
      })

      it(`GET ${path} rejects a query beyond 8 KiB with 414`, async () => {
        const user = newUser()
        const address = `${path.replace('{user_id}', user)}?x=`
        const get = (bytes: number) => api.call('GET', address + 'x'.repeat(bytes - address.length), { user })
        // `v1` rejects the name.
        assert.equal((await get(8 * kib)).status, path === '/api/v1/tasks' ? 422 : 200)
        const { status, body } = await get(8 * kib + 1)
        assert.equal(status, 414)
        assert.equal(body.detail ?? body.error, 'The URL must have at most 8192 characters.')
      })

      it(`GET ${path} rejects too many or too large headers with 431`, async () => {
        const user = newUser()
        const get = (count: number, value: string) => {
          const headers = Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, value]))
          return api.call('GET', path.replace('{user_id}', user), { user, headers })
        }
        assert.equal((await get(80, 'a')).status, 200)
        const many = await get(101, 'a')
        assert.equal(many.status, 431)
        assert.equal(many.body.detail ?? many.body.error, 'A request must have at most 100 headers.')
        const large = await get(1, 'a'.repeat(17 * kib))
        assert.equal(large.status, 431)
        assert.equal(large.body.detail ?? large.body.error, 'The headers must have at most 16 KiB.')
      })
    }

    it('token and account routes accept 64 KiB, and reject more with 413', async () => {
      for (const path of ['/api/v1/tokens', '/api/auth/sign-in/email']) {
        assert.notEqual((await send(path, `{"x":"${'x'.repeat(64 * kib - 8)}"}`)).status, 413, path)
        assert.equal((await send(path, `{"x":"${'x'.repeat(64 * kib)}"}`)).status, 413, path)
      }
    })

    it('the bodies of one user are limited to 16 MiB in total, and those of others are accepted', async () => {
      const path = '/api/v1/batch'
      const [user, other] = [newUser(), newUser()]
      const head = [`POST ${path} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${tokenOf(user)}`]
      const half = async () => {
        const { socket, received } = await rawConnection(api.server.url)
        const length = 'Content-Length: 4194304'
        socket.write(`${[...head, 'Content-Type: application/json', length].join('\r\n')}\r\n\r\n{`)
        return { socket, received }
      }
      const batch = `{"operations":[{"op":"create","task":{"title":"a"}}]${' '.repeat(65 * kib)}}`
      const held = await Promise.all(Array.from({ length: 4 }, half))
      let status = 200
      while (status === 200) status = (await send(path, batch, user)).status
      assert.equal(status, 429)
      assert.equal((await send(path, batch, other)).status, 200)
      assert.equal((await send('/api/v1/tasks', '{"title":"a"}', user)).status, 201)
      for (const { socket } of held) socket.destroy()
      while (status !== 200) status = (await send(path, batch, user)).status
    })

    it('the bodies of one address are limited to half of all, and those of others are accepted', async () => {
      const path = '/api/v1/batch'
      const batch = `{"operations":[{"op":"create","task":{"title":"a"}}]${' '.repeat(65 * kib)}}`
      const one = async (address: string) => {
        const headers = { 'content-type': 'application/json', 'x-forwarded-for': address }
        return (await api.call('POST', path, { user: newUser(), body: batch, headers })).status
      }
      // Without the limit, 32 of them are accepted.
      const held = await Promise.all(
        Array.from({ length: 33 }, async () => {
          const { socket } = await rawConnection(api.server.url)
          const head = [`POST ${path} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${tokenOf(newUser())}`]
          head.push('X-Forwarded-For: 192.0.2.1', 'Content-Type: application/json', 'Content-Length: 4194304')
          const answered = once(socket, 'data')
          answered.catch(() => {})
          socket.write(`${head.join('\r\n')}\r\n\r\n{`)
          return { socket, answered }
        }),
      )
      const [refused] = await Promise.race(held.map(({ answered }) => answered))
      assert.match(String(refused), /^HTTP\/1.1 503 /)
      assert.equal(await one('192.0.2.2'), 200)
      for (const { socket } of held) socket.destroy()
    })

    it('a client that is still sending a body that is too large gets the response', async () => {
      const socket = connect({ port: Number(new URL(api.server.url).port), allowHalfOpen: true })
      const errors: Error[] = []
      let received = ''
      socket.on('error', error => errors.push(error))
      socket.on('data', bytes => {
        received += bytes
      })
      const user = newUser()
      const head = ['POST /api/v1/tasks HTTP/1.1', 'Host: x', `Authorization: Bearer ${tokenOf(user)}`]
      socket.write(
        `${[...head, 'Content-Type: application/json', `Content-Length: ${4096 * kib}`].join('\r\n')}\r\n\r\n`,
      )
      while (!received.includes('body_too_large')) await once(socket, 'data')
      for (let n = 0; n < 4; n += 1)
        await new Promise(resolve => socket.write(Buffer.alloc(1024 * kib, 'x'), resolve))
      // A connection that is closed accepts no further request (RFC 9112, 9.6).
      const next = '{"title":"after the close"}'
      socket.end(
        `${[...head, 'Content-Type: application/json', `Content-Length: ${next.length}`].join('\r\n')}\r\n\r\n${next}`,
      )
      await once(socket, 'close')
      assert.ok(!(await api.call('GET', '/api/tasks', { user })).text.includes('after the close'))
      assert.match(received, /^HTTP\/1\.1 413 .*\r\nconnection: close\r\n/is)
      assert.deepEqual(errors, [])
    })

    it('a body without a token is not read, whatever its length', async () => {
      const { status } = await api.call('POST', '/api/v1/tasks', { body: 'x'.repeat(100 * kib) })
      assert.equal(status, 401)
    })
  })
}
