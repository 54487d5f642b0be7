import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Turns } from './turns.ts'

/** Work that ends when the test calls `endOne`, in the order in which it began. */
function begun(most: number) {
  const turns = new Turns(most)
  const names: string[] = []
  const ends: (() => void)[] = []
  const ask = (user: string, name: string) =>
    turns.run(user, () => {
      names.push(name)
      return new Promise<void>(resolve => ends.push(resolve))
    })
  const endOne = async () => {
    ends.shift()?.()
    await turn()
  }
  return { turns, names, ask, endOne }
}

describe('turns', () => {
  it('are given to waiting users in rotation, independent of how many each requests', async () => {
    const { names, ask, endOne } = begun(2)
    for (const n of [1, 2, 3, 4, 5]) void ask('hog', `hog ${n}`)
    void ask('ann', 'ann 1')
    void ask('bea', 'bea 1')
    await turn()
    assert.deepEqual(names, ['hog 1', 'hog 2'])
    for (let n = 0; n < 7; n += 1) await endOne()
    assert.deepEqual(names, ['hog 1', 'hog 2', 'hog 3', 'ann 1', 'bea 1', 'hog 4', 'hog 5'])
  })

  it('are passed on if the work fails', async () => {
    const { turns, names, ask } = begun(1)
    await assert.rejects(
      turns.run('hog', async () => {
        throw new Error('no')
      }),
      /no/,
    )
    void ask('ann', 'ann 1')
    await turn()
    assert.deepEqual(names, ['ann 1'])
  })
})
