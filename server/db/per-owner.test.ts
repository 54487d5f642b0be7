import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { AppError } from '../errors.ts'
import { PerOwner } from './per-owner.ts'

const here = { isGone: () => false }

/** Work of owners, one at a time each, that the test ends. */
function works(maxWaiting = 8, maxWaitMs?: number) {
  const owners = new PerOwner(1, maxWaiting, maxWaitMs)
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const run = (owner: string, name: string, restMs = 0) =>
    owners.run(
      owner,
      async () => {
        begun.push(name)
        await new Promise<void>(resolve => ends.set(name, resolve))
        if (restMs > 0) owners.rest(owner, restMs)
      },
      here,
    )
  const end = async (name: string) => {
    ends.get(name)?.()
    await turn()
  }
  return { begun, run, end }
}

describe('work of an owner', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => mock.timers.reset())

  it('begins after the rest of the work before, and that of others at once', async () => {
    const { begun, run, end } = works()
    const first = run('ann', 'ann 1', 400)
    void run('ann', 'ann 2')
    await end('ann 1')
    await first
    void run('ann', 'ann 3')
    void run('bea', 'bea 1')
    mock.timers.tick(399)
    await turn()
    assert.deepEqual(begun, ['ann 1', 'bea 1'])
    mock.timers.tick(1)
    await turn()
    assert.deepEqual(begun, ['ann 1', 'bea 1', 'ann 2'])
    await end('ann 2')
    assert.deepEqual(begun, ['ann 1', 'bea 1', 'ann 2', 'ann 3'])
  })

  it('begins at once when the rest is over and none waits', async () => {
    const { begun, run, end } = works()
    void run('ann', 'ann 1', 400)
    await end('ann 1')
    mock.timers.tick(400)
    void run('ann', 'ann 2')
    await turn()
    assert.deepEqual(begun, ['ann 1', 'ann 2'])
  })

  it('is rejected when it has waited for too long, also in a rest', async () => {
    const { begun, run, end } = works(8, 1000)
    void run('ann', 'ann 1', 5000)
    const second = assert.rejects(run('ann', 'ann 2'), isTooMany)
    await end('ann 1')
    mock.timers.tick(600)
    void run('ann', 'ann 3').catch(() => {})
    mock.timers.tick(400)
    await second
    assert.deepEqual(begun, ['ann 1'])
    mock.timers.tick(4000)
    void run('ann', 'ann 4')
    await turn()
    assert.deepEqual(begun, ['ann 1', 'ann 4'], 'the third has waited for a second as well')
  })
})

const isTooMany = (error: unknown) =>
  error instanceof AppError && error.code === 'too_many_requests' && error.retryAfter === 1
