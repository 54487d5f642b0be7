import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Buckets } from './buckets.ts'

const rate = { perSecond: 100, burst: 200 }
const fillingMs = 2000

describe('a bucket', () => {
  let now = 5000
  const open = (remembered = 1000) => new Buckets({ rate, now: () => now, remembered })
  const takes = (buckets: Buckets, key: string, calls: number) =>
    Array.from({ length: calls }, () => buckets.take(key) <= fillingMs).filter(Boolean).length

  it('allows its burst at once, and then its rate', () => {
    const buckets = open()
    assert.equal(takes(buckets, 'ann', 250), 200)
    for (const [passed, more] of [
      [9, 0],
      [1, 1],
      [35, 3],
      [5, 1],
      [1000, 100],
      [60_000, 200],
    ] as const) {
      now += passed
      assert.equal(takes(buckets, 'ann', 250), more, `${passed} ms later`)
    }
  })

  it('returns the time until it is full, which exceeds the fill time if it is empty', () => {
    const buckets = open()
    assert.equal(buckets.take('ann'), 10)
    assert.equal(buckets.take('ann'), 20)
    takes(buckets, 'ann', 198)
    assert.equal(buckets.take('ann') - fillingMs, 10)
    now += 7
    assert.equal(buckets.take('ann') - fillingMs, 3)
    now += 3
    assert.equal(buckets.take('ann'), fillingMs)
  })

  it('allows its whole burst if the interval is not a whole number', () => {
    const buckets = new Buckets({ rate: { perSecond: 3, burst: 7 }, now: () => now })
    const filling = 7000 / 3 + 1
    const taken = () => Array.from({ length: 10 }, () => buckets.take('ann')).filter(ms => ms <= filling)
    for (let round = 0; round < 1000; round += 1) {
      assert.equal(taken().length, 7)
      now += 2334
    }
  })

  it('is separate for each key', () => {
    const buckets = open()
    assert.equal(takes(buckets, 'ann', 250), 200)
    assert.equal(takes(buckets, 'bob', 250), 200)
  })

  it('is not forgotten while that would allow more than the rate', () => {
    const buckets = open()
    const start = now
    let taken = 0
    for (; now < start + 20_000; now += 3) taken += takes(buckets, 'ann', 2)
    assert.ok(taken <= 200 + 20_000 / 10, `${taken}`)
  })

  it('that is full uses no memory', () => {
    const buckets = open()
    for (let n = 0; n < 500; n += 1) buckets.take(`${n}`)
    now += fillingMs
    buckets.take('ann')
    now += fillingMs
    buckets.take('ann')
    assert.equal(buckets.size, 2, 'one for each generation')
  })

  it('uses bounded memory for any number of keys', () => {
    const buckets = open()
    for (let n = 0; n < 100_000; n += 1) buckets.take(`${n}`)
    assert.ok(buckets.size <= 2000)
  })

  it('is forgotten after a thousand other keys, not earlier', () => {
    const buckets = open()
    takes(buckets, 'ann', 200)
    for (let n = 0; n < 999; n += 1) buckets.take(`${n}`)
    assert.equal(takes(buckets, 'ann', 10), 0)
  })
})
