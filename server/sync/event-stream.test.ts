import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import pino from 'pino'
import { AppError } from '../errors.ts'
import { EventStream } from './event-stream.ts'

describe('a stream whose token ends', () => {
  it('writes nothing more, in whichever second its comment is due', async () => {
    const server = createServer()
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as { port: number }
    for (let second = 0; second < 15; second += 1) {
      get({ port, agent: false }, response => response.resume())
      const [, raw] = (await once(server, 'request')) as [unknown, ServerResponse]
      let isRevoked = false
      const stream = new EventStream(raw, {
        owner: 'me',
        read: () => new Promise(() => {}),
        now: () => new Promise(() => {}),
        check: () => {
          if (isRevoked) throw new AppError('token_invalid', 'The token is invalid.')
        },
        seesSettings: true,
        expiresAt: Number.POSITIVE_INFINITY,
        onLag: () => {},
        log: pino({ level: 'silent' }),
      })
      stream.start()
      isRevoked = true
      for (let n = 0; n < 2; n += 1) stream.tick(second)
      assert.ok(raw.writableEnded)
      await once(raw, 'close')
    }
    server.close()
  })
})
