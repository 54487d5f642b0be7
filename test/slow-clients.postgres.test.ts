import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { rawConnection } from './raw-connection.ts'
import { newUser, type Served, served, tokenOf } from './served.ts'

let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

describe('slow clients', { concurrency: true }, () => {
  const head = `POST /api/v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenOf(newUser())}\r\n`

  const slow: Readonly<Record<string, string>> = {
    'says nothing': '',
    'sends headers byte by byte': 'GET /livez HTTP/1.1\r\nHost: x\r\n',
    'sends a body byte by byte': `${head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
  }
  for (const [what, sent] of Object.entries(slow)) {
    it(`one that ${what} gets 408 and is disconnected`, async () => {
      const { socket, received } = await rawConnection(api.server.url)
      socket.write(sent)
      const drop = sent.endsWith('{') ? ' ' : 'X-More: a\r\n'
      const dripping = setInterval(() => sent !== '' && socket.writable && socket.write(drop), 500)
      await once(socket, 'close')
      clearInterval(dripping)
      assert.match(received(), /^HTTP\/1\.1 408 Request Timeout\r\n/)
      assert.match(received(), /Connection: close/)
    })
  }
})
