import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError } from '../errors.ts'
import type { Session } from './database.ts'
import { FairReads } from './fair-reads.ts'

const session: Session = {
  query: async () => [],
  read: async () => undefined,
  run: async () => ({ columns: [], rows: [], affected: 0 }),
}
const here = { isGone: () => false }

/** A statement that runs until the test calls `end`. */
function statement() {
  let end = () => {}
  const promise = new Promise<void>(resolve => {
    end = resolve
  })
  let begun = false
  const run = () => {
    begun = true
    return promise
  }
  return { run, end, hasBegun: () => begun }
}

/** Resolves after all pending promise callbacks. */
const settled = () => new Promise(resolve => setImmediate(resolve))

const isTooMany = (error: unknown) =>
  error instanceof AppError && error.code === 'too_many_requests' && error.retryAfter === 1

describe('scans', () => {
  it('of one owner run one at a time, eight wait, and more are rejected', async () => {
    const reads = new FairReads(session, session, 2)
    const first = statement()
    const all = Array.from({ length: 12 }, () => reads.scan('ann', turn => turn(first.run), here))
    const outcomes = Promise.allSettled(all)
    await settled()
    first.end()
    const refused = (await outcomes).filter(({ status }) => status === 'rejected')
    assert.equal(refused.length, 3)
    for (const outcome of refused) assert.ok('reason' in outcome && isTooMany(outcome.reason))
  })

  it('of two owners alternate', async () => {
    const reads = new FairReads(session, session, 1)
    const order: string[] = []
    const scan = (owner: string) =>
      reads.scan(
        owner,
        async turn => {
          for (let n = 0; n < 3; n += 1) {
            await turn(async () => {
              order.push(owner)
            })
          }
        },
        here,
      )
    await Promise.all([scan('ann'), scan('bob')])
    assert.equal(order.join(' '), 'ann bob ann bob ann bob')
  })

  it('that wait for one owner do not delay the next turn of another owner', async () => {
    const reads = new FairReads(session, session, 2)
    const slow = statement()
    const anns = Array.from({ length: 9 }, () => reads.scan('ann', turn => turn(slow.run), here))
    await reads.scan('bob', turn => turn(async () => undefined), here)
    slow.end()
    await Promise.all(anns)
  })

  it('are not run after their client has disconnected, and release their place', async () => {
    const reads = new FairReads(session, session, 1)
    const first = statement()
    const running = reads.scan('ann', turn => turn(first.run), here)
    let gone = false
    const left = Array.from({ length: 8 }, () => {
      const never = statement()
      return {
        never,
        scan: reads.scan('ann', turn => turn(never.run), { isGone: () => gone }),
      }
    })
    const outcomes = Promise.allSettled(left.map(({ scan }) => scan))
    gone = true
    const next = reads.scan('ann', async () => 'done', here)
    first.end()
    assert.equal(await next, 'done')
    await running
    for (const { status } of await outcomes) assert.equal(status, 'rejected')
    for (const { never } of left) assert.equal(never.hasBegun(), false)
  })

  it('end between two turns if their client disconnects', async () => {
    const reads = new FairReads(session, session, 1)
    let gone = false
    let turns = 0
    const scan = reads.scan(
      'ann',
      async turn => {
        for (;;) {
          await turn(async () => {
            turns += 1
            gone = turns === 2
          })
        }
      },
      { isGone: () => gone },
    )
    await assert.rejects(scan)
    assert.equal(turns, 2)
  })

  it('release their place if they fail', async () => {
    const reads = new FairReads(session, session, 1)
    for (let n = 0; n < 3; n += 1) {
      const failing = reads.scan('ann', turn => turn(() => Promise.reject(new Error('no'))), here)
      await assert.rejects(failing, /no/)
    }
    assert.equal(await reads.scan('ann', turn => turn(async () => 1), here), 1)
  })
})

describe('list statements', () => {
  it('of one owner run two at a time, and do not delay those of another owner', async () => {
    const reads = new FairReads(session, session, 2)
    const all = Array.from({ length: 35 }, statement)
    const running = all.map(({ run }) => reads.list('ann', run, here))
    const more = reads.moreOfList('ann', async () => 'more', here)
    assert.equal(await reads.list('bob', async () => 'bob', here), 'bob')
    assert.equal(all.filter(({ hasBegun }) => hasBegun()).length, 2)
    for (const { end } of all) end()
    await Promise.all(running)
    assert.equal(await more, 'more')
  })
})

describe('a read that waited', () => {
  for (const kind of ['list', 'scan'] as const) {
    it(`is authorized again before it runs: ${kind}`, async () => {
      const reads = new FairReads(session, session, 1)
      let isRevoked = false
      const revoked = new Error('revoked')
      const guard = {
        check() {
          if (isRevoked) throw revoked
        },
      }
      const reader = { isGone: () => false, guard }
      const run = (read: () => Promise<void>) =>
        kind === 'list' ? reads.list('ann', read, reader) : reads.scan('ann', turn => turn(read), reader)
      const [first, second] = [statement(), statement()]
      const running = run(first.run)
      const waiting = assert.rejects(run(second.run), revoked)
      await settled()
      isRevoked = true
      first.end()
      await Promise.all([running, waiting])
      assert.equal(second.hasBegun(), false)
    })
  }
})
