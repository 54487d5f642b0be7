import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Server } from 'node:http'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { inSlices } from './slices.ts'

/** Requests that keep the processor for a millisecond each. */
function crowd() {
  const server = new EventEmitter()
  const hook = inSlices(server as Server)
  const begun: number[] = []
  const ask = (n: number) =>
    hook.call(undefined as never, {} as never, {} as never, () => {
      begun.push(n)
      for (const end = performance.now() + 1; performance.now() < end; );
    })
  return { come: () => server.emit('connection'), ask, begun }
}

describe('requests', () => {
  it('begin at once while nobody comes', async () => {
    const { ask, begun, come } = crowd()
    ask(1)
    ask(2)
    assert.deepEqual(begun, [1, 2])
    come()
    await turn()
    await turn()
    ask(3)
    assert.deepEqual(begun, [1, 2, 3])
  })

  it('begin a few at a turn while connections come, in their order, and the rest when none comes any more', async () => {
    const { ask, begun, come } = crowd()
    come()
    for (let n = 1; n <= 20; n += 1) ask(n)
    assert.deepEqual(begun, [])
    for (let turns = 1; turns <= 5; turns += 1) {
      await turn()
      assert.equal(begun.length, turns)
      come()
    }
    await turn()
    await turn()
    assert.deepEqual(
      begun,
      Array.from({ length: 20 }, (_, n) => n + 1),
    )
  })
})
