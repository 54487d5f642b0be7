import assert from 'node:assert/strict'
import { executionAsyncResource } from 'node:async_hooks'
import { it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { kept } from './kept-tick.ts'

setFlagsFromString('--allow-natives-syntax')
const haveSameMap = new Function('a', 'b', 'return %HaveSameMap(a, b)') as (a: unknown, b: unknown) => boolean
const collect = new Function('return %CollectGarbage(0)') as () => void

it('a tick that is made after a full collection has the shape of the one that is kept', async () => {
  await turn()
  collect()
  await turn()
  const tick = await new Promise(resolve =>
    process.nextTick(() => resolve({ made: executionAsyncResource() })),
  )
  const { made } = tick as { made: object }
  assert.notEqual(made, kept.tick)
  assert.ok(haveSameMap(made, kept.tick))
  assert.ok(!haveSameMap(made, {}))
})
