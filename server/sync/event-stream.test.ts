import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type ServerResponse } from 'node:http'
import { describe, it, mock } from 'node:test'
import pino from 'pino'
import type { Database } from '../db/database.ts'
import { AppError } from '../errors.ts'
import { EventStream } from './event-stream.ts'
import { Hub } from './hub.ts'

describe('a stream whose token is revoked', () => {
  it('writes nothing more, whenever its next comment is due', async () => {
    const server = createServer()
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as { port: number }
    for (let beat = 0; beat < 30; beat += 1) {
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
      for (let n = 0; n < 2; n += 1) stream.tick(beat)
      assert.ok(raw.writableEnded)
      await once(raw, 'close')
    }
    server.close()
  })
})

describe('the streams of a process', () => {
  it('are checked twice a second, each time after the revocations are read', async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    const done: string[] = []
    const hub = new Hub({
      db: { query: async () => [] } as unknown as Database,
      log: pino({ level: 'silent' }),
      readRevocations: async () => {
        done.push('read')
      },
    })
    hub.follow('me', { wake: () => {}, end: () => {}, tick: () => done.push('check') })
    for (let beat = 0; beat < 2; beat += 1) {
      mock.timers.tick(500)
      await new Promise(setImmediate)
    }
    mock.timers.reset()
    assert.deepEqual(done, ['read', 'check', 'read', 'check'])
  })
})
