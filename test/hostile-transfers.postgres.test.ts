import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { contracts } from '../server/config/contract.ts'
import { operationsOf } from './described.ts'
import { rawConnection } from './raw-connection.ts'
import { newUser, type Served, served, tokenOf } from './served.ts'
import { seed, someOf } from './size.ts'

// Malformed transfers on every route with a body (in `npm test`: each on some of them): they are
// rejected or closed, and nothing of them is stored.

const body = '{"title":"never stored"}'
const length = Buffer.byteLength(body)
const chunked = 'Transfer-Encoding: chunked'
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`

/** Headers and body. Unless `ends`, the server has received all that it waits for. */
const broken: Readonly<Record<string, { headers: string[]; sent: string; ends?: true }>> = {
  'a body that breaks off': { headers: [`Content-Length: ${length + 10}`], sent: body, ends: true },
  'a body that never comes': { headers: [`Content-Length: ${length}`], sent: '', ends: true },
  'a length below the sent bytes': { headers: [`Content-Length: ${length - 3}`], sent: body },
  'a negative length': { headers: ['Content-Length: -1'], sent: body },
  'a length that is not a number': { headers: ['Content-Length: 1e1'], sent: body },
  'a length above the limit': { headers: ['Content-Length: 999999999'], sent: body },
  'two lengths': { headers: [`Content-Length: ${length}`, 'Content-Length: 5'], sent: body },
  'a length and chunks': { headers: [`Content-Length: ${length}`, chunked], sent: `${chunk(body)}0\r\n\r\n` },
  'chunks that break off': { headers: [chunked], sent: chunk(body), ends: true },
  'a chunk without a size': { headers: [chunked], sent: `x\r\n${body}\r\n0\r\n\r\n` },
  'a chunk with an excessive size': { headers: [chunked], sent: `ffffffffffffffff\r\n${body}\r\n0\r\n\r\n` },
  'chunks above the limit': {
    headers: [chunked],
    sent: `${chunk(`{"title":"${'x'.repeat(140_000)}"}`)}0\r\n\r\n`,
  },
  'an unknown transfer encoding': {
    headers: ['Transfer-Encoding: gzip'],
    sent: body,
    ends: true,
  },
  'a compressed body': { headers: ['Content-Encoding: gzip', `Content-Length: ${length}`], sent: body },
  'a malformed header': { headers: [`Content-Length: ${length}`, 'no header'], sent: body },
  'a header that is too large': {
    headers: [`Content-Length: ${length}`, `X-Large: ${'x'.repeat(20_000)}`],
    sent: body,
  },
}

for (const contract of contracts) {
  describe(`malformed transfers to ${contract} and the routes beside it (TEST_SEED=${seed})`, () => {
    const writes = operationsOf(contract).filter(({ operation }) => operation.requestBody)
    let api: Served
    before(async () => {
      api = await served({ CONTRACT: contract })
    })
    after(() => api.close())

    /** Everything received until the server closes, or has responded to a following request. */
    async function exchange(lines: string[], sent: string, ends: boolean): Promise<string> {
      const { socket, received } = await rawConnection(api.server.url)
      socket.write(`${lines.join('\r\n')}\r\n\r\n${sent}`)
      if (!ends) socket.write('GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      socket.end()
      await once(socket, 'close')
      return received()
    }

    for (const [name, { headers, sent, ends = false }] of Object.entries(broken)) {
      it(`${name} is rejected`, async () => {
        for (const { method, path } of someOf(writes, 8)) {
          const user = newUser()
          const { body: task } = await api.call('POST', '/api/v1/tasks', { user, json: { title: 'kept' } })
          const address = path.replace('{user_id}', user).replace('{id}', task.id)
          const head = [`${method} ${address} HTTP/1.1`, 'Host: x', 'Content-Type: application/json']
          const lines = [...head, `Authorization: Bearer ${tokenOf(user)}`, ...headers]
          const answer = await exchange(lines, sent, ends)
          const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(match => Number(match[1]))
          const [first = 400] = statuses
          assert.ok(first >= 400 && first < 500, `${method} ${path}: ${answer.slice(0, 300)}`)
          const { body: list } = await api.call('GET', '/api/v1/tasks', { user })
          assert.deepEqual(list.tasks, [task], `${method} ${path}`)
        }
      })
    }

    it('a body in many small chunks is accepted', async () => {
      const user = newUser()
      const text = JSON.stringify({ title: '🐑 in pieces' })
      const bytes = Buffer.from(text)
      const pieces = Array.from(bytes, byte => `1\r\n${String.fromCharCode(byte)}\r\n`).join('')
      const { socket } = await rawConnection(api.server.url)
      const head = `POST /api/v1/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n${chunked}`
      socket.write(`${head}\r\nAuthorization: Bearer ${tokenOf(user)}\r\n\r\n`)
      socket.write(Buffer.from(`${pieces}0\r\n\r\n`, 'latin1'))
      await once(socket, 'close')
      const { body: list } = await api.call('GET', '/api/v1/tasks', { user })
      assert.deepEqual(
        list.tasks.map((task: { title: string }) => task.title),
        ['🐑 in pieces'],
      )
    })
  })
}
