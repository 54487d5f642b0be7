import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { saverOf } from '../client/sync/saver.ts'

describe('a store that saves asynchronously', () => {
  it('contains everything that was added, at any time', async () => {
    for (let later = 0; later < 20; later += 1) {
      const saved = new Map<string, unknown>()
      const save = saverOf(
        {
          load: async () => [],
          save: async entries => {
            for (const [key, value] of entries) saved.set(key, value)
          },
          clear: async () => saved.clear(),
        },
        () => {},
      )
      const first = save([['a', 1]])
      for (let n = 0; n < later; n += 1) await undefined
      await save([['b', 2]])
      assert.deepEqual([...saved.keys()], ['a', 'b'], `after ${later} turns`)
      await first
    }
  })

  it('saves items in one transaction with the items that they need', async () => {
    const batches: string[][] = []
    const save = saverOf(
      {
        load: async () => [],
        save: async entries => {
          batches.push(entries.map(([key]) => key))
        },
        clear: async () => {},
      },
      () => {},
    )
    await save([['a', 1]], true)
    await save([['b', 2]], true)
    assert.deepEqual(batches, [])
    await save([['c', 3]])
    assert.deepEqual(batches, [['a', 'b', 'c']])
  })
})
