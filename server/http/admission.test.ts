import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import { pino } from 'pino'
import type { AppError } from '../errors.ts'
import { Admission } from './admission.ts'

/**
 * Admission with a clock that the test sets. `come` sends requests and returns how many were
 * rejected; `end` completes admitted ones.
 */
function room() {
  let now = 1000
  let users = 0
  const said: string[] = []
  const log = pino({}, { write: line => said.push(JSON.parse(line).msg) })
  const admission = new Admission(log, () => now)
  const ends: (() => void)[] = []
  /** A request of this user. `code` is set once it has ended. */
  const request = (userId: string, socket = { destroyed: false }) => {
    const outcome: { code?: string } = {}
    admission
      .work(
        { userId, ip: '192.0.2.1', raw: { socket } } as FastifyRequest,
        () => new Promise<void>(resolve => ends.push(resolve)),
      )
      .then(
        () => {
          outcome.code = 'done'
        },
        (error: AppError) => {
          outcome.code = error.code
        },
      )
    return outcome
  }
  const come = async (count: number) => {
    const before = admission.refusedTotal
    for (let n = 0; n < count; n += 1) request(`user ${users++}`)
    await turn()
    return admission.refusedTotal - before
  }
  const end = async (count: number) => {
    for (const resolve of ends.splice(0, count)) resolve()
    await turn()
    // Those that wait start in the next turn.
    await turn()
  }
  const quarterOfASecond = () => {
    now += 250
    mock.timers.tick(250)
  }
  return { admission, said, request, come, end, quarterOfASecond }
}

describe('slots for requests', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }))
  afterEach(() => mock.timers.reset())

  it('number 128 until more requests arrive, then 0.3 s of throughput, from 16 to 1,024', async () => {
    const { come, end, quarterOfASecond } = room()
    assert.equal(await come(130), 2)
    await end(128)
    for (const done of [128, 128, 116]) {
      assert.equal(await come(done), 0)
      await end(done)
    }
    quarterOfASecond()
    assert.equal(await come(601), 1, '600 slots, from 500 requests in 0.25 s')
    await end(600)
    for (let n = 0; n < 10; n += 1) {
      assert.equal(await come(600), 0)
      await end(600)
    }
    quarterOfASecond()
    assert.equal(await come(1025), 1, 'of 6,600')
    await end(10)
    quarterOfASecond()
    assert.equal(await come(1), 1, 'of 10')
    await end(1014 - 15)
    assert.equal(await come(2), 1)
  })

  it('follow the throughput while more than 128 requests are in progress, even if none is rejected', async () => {
    const { admission, said, come, end, quarterOfASecond } = room()
    await come(129)
    await end(128)
    await come(128)
    await end(128)
    quarterOfASecond()
    assert.equal(admission.slots, 307)
    for (const [count, then] of [
      [200, 240],
      [130, 156],
    ] as const) {
      assert.equal(await come(count), 0)
      await end(count)
      quarterOfASecond()
      assert.equal(admission.slots, then)
    }
    assert.deepEqual(said, ['overloaded: requests are rejected with 503'])
    assert.equal(await come(127), 0)
    await end(127)
    quarterOfASecond()
    assert.equal(admission.slots, 128)
    assert.deepEqual(said.slice(1), ['no longer overloaded'])
  })

  it('are reserved for others when one user sends many requests, which wait and then get 429', async () => {
    const { admission, said, request, come, end } = room()
    const hog = Array.from({ length: 420 }, () => request('hog'))
    await turn()
    assert.equal(admission.inUse, 16)
    assert.deepEqual(
      hog.slice(415).map(({ code }) => code),
      [undefined, ...Array(4).fill('too_many_requests')],
    )
    assert.equal(await come(112), 0, 'requests of other users are admitted')
    assert.deepEqual(said, [], 'the server is not overloaded')
    await end(16)
    assert.deepEqual([admission.inUse, hog[15]?.code, hog[16]?.code], [128, 'done', undefined])
    await end(112)
    for (let n = 0; n < 25; n += 1) await end(16)
    assert.equal(hog.filter(({ code }) => code === 'done').length, 416)
    assert.equal(admission.inUse, 0)
  })

  it('are not used for waiting requests whose client has disconnected', async () => {
    const { admission, request, end } = room()
    const socket = { destroyed: false }
    for (let n = 0; n < 16; n += 1) request('hog')
    for (let n = 0; n < 100; n += 1) request('hog', socket)
    const last = request('hog')
    socket.destroyed = true
    await end(1)
    assert.equal(admission.inUse, 16, 'the last request has started')
    await end(16)
    assert.deepEqual([admission.inUse, last.code], [0, 'done'])
  })

  it('leave turns to others while all that wait are rejected', async () => {
    const { admission } = room()
    const request = { userId: 'hog', ip: '192.0.2.1', raw: { socket: { destroyed: false } } }
    let rejected = 0
    const all = Array.from({ length: 100 }, () =>
      admission
        .work(request as FastifyRequest, () => Promise.reject(new Error('too many')))
        .catch(() => {
          rejected += 1
        }),
    )
    await turn()
    assert.ok(rejected > 0 && rejected < 50, `${rejected} before anything else ran`)
    await Promise.all(all)
    assert.deepEqual([rejected, admission.inUse], [100, 0])
  })

  it('are released when a handler throws', async () => {
    const { admission } = room()
    const request = { userId: 'ann', ip: '192.0.2.1', raw: { socket: {} } } as FastifyRequest
    const failing = () => {
      throw new Error('failed')
    }
    await Promise.all(
      Array.from({ length: 50 }, () => assert.rejects(admission.work(request, failing), /failed/)),
    )
    assert.equal(admission.inUse, 0)
  })

  it('have at most 2,000 waiting requests in all; further ones get 503', async () => {
    const { admission, request, end } = room()
    const all = Array.from({ length: 8 }, (_, n) => Array.from({ length: 300 }, () => request(`user ${n}`)))
    await turn()
    const codes = all.flat().map(({ code }) => code)
    assert.equal(codes.filter(code => code === 'busy').length, 8 * (300 - 16) - 2000)
    for (let n = 0; n < 20; n += 1) await end(128)
    assert.equal(all.flat().filter(({ code }) => code === 'done').length, 8 * 16 + 2000)
    assert.equal(admission.inUse, 0)
  })

  it('are all used by waiting requests when their number increases', async () => {
    const { admission, request, come, end, quarterOfASecond } = room()
    for (let n = 0; n < 100; n += 1) request('hog')
    assert.equal(await come(113), 1)
    quarterOfASecond()
    assert.equal(admission.slots, 16)
    await end(128)
    assert.equal(admission.inUse, 4, 'the least that a user can hold')
    quarterOfASecond()
    assert.equal(admission.slots, 154)
    await end(1)
    assert.equal(admission.inUse, 20, 'an eighth of the slots')
  })

  it('are shared by all requests without a token from one address', async () => {
    const { admission, request } = room()
    for (let n = 0; n < 50; n += 1) request('')
    await turn()
    assert.equal(admission.inUse, 16)
  })
})
