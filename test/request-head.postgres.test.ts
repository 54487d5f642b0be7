import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { rawConnection } from './raw-connection.ts'
import { newUser, type Served, served, tokenOf } from './served.ts'

// Request lines and headers that two programs could interpret differently.

let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

/** The whole response to a request whose lines are sent unchanged. */
async function answerTo(lines: readonly string[], body = ''): Promise<string> {
  const { socket, received } = await rawConnection(api.server.url)
  socket.write(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`)
  await once(socket, 'close')
  return received()
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))
const host = 'Host: tasks.example'

describe('a header field with a single value', () => {
  it('is rejected with 400 if it is repeated or unknown, and nothing is written', async () => {
    const user = newUser()
    const auth = `Authorization: Bearer ${tokenOf(user)}`
    const type = 'Content-Type: application/json'
    const body = '{"title":"a"}'
    const length = `Content-Length: ${body.length}`
    const twice: Record<string, string[]> = {
      Host: [host, 'Host: other.example', auth, type, length],
      'Host, the same value': [host, host, auth, type, length],
      'Host in another case': [host, 'HOST: other.example', auth, type, length],
      Authorization: [host, auth, `Authorization: Bearer ${tokenOf(newUser())}`, type, length],
      'Content-Type': [host, auth, type, 'Content-Type: text/plain', length],
      'Content-Length': [host, auth, type, length, 'Content-Length: 3'],
      'Content-Length, the same value': [host, auth, type, length, length],
      'Content-Length beside Transfer-Encoding': [host, auth, type, length, 'Transfer-Encoding: chunked'],
      'Transfer-Encoding': [host, auth, type, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
      'Idempotency-Key': [host, auth, type, length, 'Idempotency-Key: a', 'Idempotency-Key: b'],
      'If-Match': [host, auth, type, length, 'If-Match: "1"', 'If-Match: "2"'],
    }
    const unknown: Record<string, string[]> = {
      'Transfer-Encoding that is not known': [host, auth, type, 'Transfer-Encoding: gzip, chunked'],
      'Expect that is not known': [host, auth, type, length, 'Expect: 200-ok'],
    }
    for (const [name, headers] of Object.entries({ ...twice, ...unknown })) {
      const answer = await answerTo(['POST /api/v1/tasks HTTP/1.1', ...headers], body)
      assert.equal(statusOf(answer), 400, `${name}: ${answer}`)
      assert.equal(bodyOf(answer).code, 'bad_request', name)
    }
    assert.deepEqual((await api.call('GET', '/api/v1/tasks', { user })).body.tasks, [])
  })

  it('is accepted if other fields are repeated', async () => {
    const user = newUser()
    const lists = [
      'Accept: text/html',
      'Accept: application/json',
      'If-None-Match: "a"',
      'If-None-Match: "b"',
    ]
    const answer = await answerTo([
      'GET /api/v1/tasks HTTP/1.1',
      host,
      `Authorization: Bearer ${tokenOf(user)}`,
      ...lists,
    ])
    assert.equal(statusOf(answer), 200, answer)
  })
})

describe('the header Host', () => {
  it('is required in HTTP/1.1, and must be a host with an optional port', async () => {
    for (const lines of [
      [],
      ['Host: a b'],
      ['Host: a, b'],
      ['Host: user@tasks.example'],
      ['Host: tasks.example/path'],
      ['Host: tasks.example:port'],
      ['Host: [::1'],
    ]) {
      const answer = await answerTo(['GET /api/v1/tasks HTTP/1.1', ...lines])
      assert.equal(statusOf(answer), 400, `${lines}: ${answer}`)
      assert.equal(bodyOf(answer).code, 'bad_request')
    }
    for (const line of [host, 'Host: tasks.example:8000', 'Host: [::1]:8000', 'Host: 127.0.0.1', 'Host:'])
      assert.equal(statusOf(await answerTo(['GET /livez HTTP/1.1', line])), 200, line)
    assert.equal(statusOf(await answerTo(['GET /livez HTTP/1.0'])), 200)
  })
})

describe('a request target in absolute form', () => {
  it('is treated as its path if it names the same host, and rejected otherwise', async () => {
    for (const target of [
      'http://tasks.example/livez',
      'https://TASKS.example/livez',
      'HTTP://tasks.example/livez?a=1',
    ])
      assert.equal(statusOf(await answerTo([`GET ${target} HTTP/1.1`, host])), 200, target)
    for (const target of [
      'http://other.example/livez',
      'http://tasks.example:81/livez',
      'http://user@tasks.example/livez',
      'http://tasks.example.evil/livez',
      'ftp://tasks.example/livez',
    ])
      assert.equal(statusOf(await answerTo([`GET ${target} HTTP/1.1`, host])), 400, target)
    const missing = await answerTo(['GET http://tasks.example/api/v1/nothing HTTP/1.1', host])
    assert.deepEqual([statusOf(missing), bodyOf(missing).instance], [404, '/api/v1/nothing'])
  })
})

describe('bytes that are not a request', () => {
  it('do not affect the responses to the requests before them', async () => {
    const user = newUser()
    const auth = `Authorization: Bearer ${tokenOf(user)}`
    const body = '{"title":"a"}'
    const head = ['POST /api/v1/tasks HTTP/1.1', host, auth, 'Content-Type: application/json']
    const request = `${[...head, `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`
    for (const bytes of [`${request}GARBAGE`, `${request}${request}GARBAGE\r\n\r\n`]) {
      const { socket, received } = await rawConnection(api.server.url)
      socket.write(bytes)
      await once(socket, 'close')
      const [, ...answers] = received().split('HTTP/1.1 ')
      const done = answers.filter(answer => answer.startsWith('201 ')).length
      assert.ok(done > 0, received())
      const { body: page } = await api.call('GET', '/api/v1/tasks', { user })
      assert.equal(page.tasks.length, done, received())
      assert.match(answers.at(-1) ?? '', /^connection: close/im)
      for (const { id } of page.tasks) await api.call('DELETE', `/api/v1/tasks/${id}`, { user })
    }
  })
})
