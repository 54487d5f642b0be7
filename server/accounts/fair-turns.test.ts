import assert from 'node:assert/strict'
import { it } from 'node:test'
import { AppError } from '../errors.ts'
import { FairTurns } from './fair-turns.ts'

/** Turns that end when the test calls `endAll`. */
function held(options: { atOnce: number; waiting: number }, most = 8) {
  const turns = new FairTurns(options)
  const order: string[] = []
  const ends: (() => void)[] = []
  const refused: string[] = []
  return {
    turns,
    order,
    refused,
    ask(name: string, ...keys: string[]) {
      const work = () =>
        new Promise<void>(end => {
          order.push(name)
          ends.push(end)
        })
      turns.run(keys, most, work).catch(error => {
        assert.ok(error instanceof AppError && error.code === 'busy')
        refused.push(name)
      })
    },
    async endAll() {
      for (let n = 0; n < 2000; n += 1) {
        ends.shift()?.()
        await null
      }
    },
  }
}

it('requests beyond the turn of a key do not delay the requests of other keys', async () => {
  for (const [name, flood] of [
    ['one address, one account', () => ['network a', 'account a']],
    ['one address, many accounts', (n: number) => ['network a', `account ${n}`]],
    ['many addresses, one account', (n: number) => [`network ${n}`, 'account a']],
  ] as const) {
    const { ask, order, refused, endAll, turns } = held({ atOnce: 1, waiting: 64 })
    for (let n = 0; n < 200; n += 1) ask(`flood ${n}`, ...flood(n))
    await null
    for (let n = 0; n < 40; n += 1) ask(`other ${n}`, `network o${n}`, `account o${n}`)
    await endAll()
    assert.equal(order.filter(turn => turn.startsWith('other')).length, 40, name)
    assert.equal(refused.filter(turn => turn.startsWith('other')).length, 0, name)
    // The first turn was already running.
    assert.deepEqual(
      order.slice(1, 41),
      Array.from({ length: 40 }, (_, n) => `other ${n}`),
      name,
    )
    assert.equal(turns.size, 0, name)
  }
})

it('one account does not take all waiting places of its address', async () => {
  const { ask, order, refused, endAll } = held({ atOnce: 1, waiting: 64 })
  for (let n = 0; n < 200; n += 1) ask(`flood ${n}`, 'network a', 'account a')
  for (let n = 0; n < 40; n += 1) ask(`other ${n}`, 'network a', `account ${n}`)
  await endAll()
  assert.equal(order.filter(turn => turn.startsWith('flood')).length, 8)
  assert.equal(order.filter(turn => turn.startsWith('other')).length, 40)
  assert.equal(refused.length, 192)
})

it('excess requests are rejected, the latest of the key with the most waiting requests first', async () => {
  const { ask, order, refused, endAll } = held({ atOnce: 1, waiting: 4 })
  for (let n = 0; n < 5; n += 1) ask(`a${n}`, 'network a', `account ${n}`)
  ask('b', 'network b', 'account b')
  for (let n = 0; n < 4; n += 1) ask(`c${n}`, `network c${n}`, `account c${n}`)
  await endAll()
  assert.deepEqual(refused, ['a4', 'a3', 'a2', 'a1', 'c3'])
  assert.deepEqual(order, ['a0', 'b', 'c0', 'c1', 'c2'])
})

it('a turn that is ended early releases its place once', async () => {
  const turns = new FairTurns({ atOnce: 1, waiting: 4 })
  let finish = () => {}
  const first = turns.run(['a'], 8, async endTurn => {
    endTurn()
    endTurn()
    await new Promise<void>(resolve => {
      finish = resolve
    })
  })
  let running = 0
  const others = Array.from({ length: 3 }, () =>
    turns.run(['a'], 8, async () => {
      running += 1
      assert.equal(running, 1)
      await null
      running -= 1
    }),
  )
  await Promise.all(others)
  finish()
  await first
  assert.equal(turns.size, 0)
})
