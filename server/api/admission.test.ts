import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import { pino } from 'pino'
import { Admission } from './admission.ts'

/** A clock of its own; `come` tells how many of so many requests were refused, `end` ends as many of the others. */
function room() {
  let now = 1000
  const said: string[] = []
  const log = pino({}, { write: line => said.push(JSON.parse(line).msg) })
  const admission = new Admission(log, () => now)
  const ends: (() => void)[] = []
  const come = async (count: number) => {
    const before = admission.refusedInAll
    for (let n = 0; n < count; n += 1) {
      const work = admission.work(
        {} as FastifyRequest,
        () => new Promise<void>(resolve => ends.push(resolve)),
      )
      work.catch(() => {})
    }
    await turn()
    return admission.refusedInAll - before
  }
  const end = async (count: number) => {
    for (const resolve of ends.splice(0, count)) resolve()
    await turn()
  }
  const quarterOfASecond = () => {
    now += 250
    mock.timers.tick(250)
  }
  return { admission, said, come, end, quarterOfASecond }
}

describe('room for requests', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }))
  afterEach(() => mock.timers.reset())

  it('is for 128 until there are more, then for as many as are done in 0.3 s, 16 at least and 1,024 at most', async () => {
    const { come, end, quarterOfASecond } = room()
    assert.equal(await come(130), 2)
    await end(128)
    for (const done of [128, 128, 116]) {
      assert.equal(await come(done), 0)
      await end(done)
    }
    quarterOfASecond()
    assert.equal(await come(601), 1, 'of 500 in a quarter of a second')
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

  it('follows what is done for as long as more than 128 come at once, also where none is refused', async () => {
    const { admission, said, come, end, quarterOfASecond } = room()
    await come(129)
    await end(128)
    await come(128)
    await end(128)
    quarterOfASecond()
    assert.equal(admission.room, 307)
    for (const [count, then] of [
      [200, 240],
      [130, 156],
    ] as const) {
      assert.equal(await come(count), 0)
      await end(count)
      quarterOfASecond()
      assert.equal(admission.room, then)
    }
    assert.deepEqual(said, ['overloaded: requests are turned away with 503'])
    assert.equal(await come(127), 0)
    await end(127)
    quarterOfASecond()
    assert.equal(admission.room, 128)
    assert.deepEqual(said.slice(1), ['overloaded no more'])
  })
})
