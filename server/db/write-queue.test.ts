import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { statement } from './database.ts'
import { type Write, WriteQueue } from './write-queue.ts'

const write = statement('test_write', 'select $1')

interface FakeSession {
  readonly name: string
  held: boolean
  lost: boolean
  inFlight: number
  slow: number
}

const fakeSession = (name: string): FakeSession => ({
  name,
  held: false,
  lost: false,
  inFlight: 0,
  slow: 0,
})

/**
 * A queue over these sessions. `left` returns the owners of the writes that were sent, by session;
 * `back` answers the oldest batch that was sent.
 */
function queueOf(names: string, { most = 32 } = {}) {
  let now = 1000
  const sessions = [...names].map(fakeSession)
  const sent: string[] = []
  const underWay: ((undone: number) => void)[] = []
  const waiting: { resolve: (session: FakeSession) => void; reject: (error: Error) => void }[] = []
  let grown = 0
  const queue = new WriteQueue<FakeSession>({
    sessions: () => sessions,
    grow: () => {
      grown += 1
    },
    send(session, transactions) {
      const texts = transactions.map(writes => writes.map(({ owner }) => owner).join(' '))
      sent.push(`${session.name}: ${texts.join(' | ')}`)
      return new Promise<readonly Write[]>(resolve => {
        underWay.push(undone => {
          const writes = transactions.flat()
          for (const { resolve: settle } of writes.slice(undone)) settle([])
          resolve(writes.slice(0, undone))
        })
      })
    },
    wait: () => new Promise((resolve, reject) => waiting.push({ resolve, reject })),
    most,
    now: () => now,
  })
  return {
    queue,
    sessions,
    waiting,
    grown: () => grown,
    pass: (ms: number) => {
      now += ms
    },
    add: (owners: string) =>
      Promise.all(owners.split(' ').map(owner => queue.add(write, [owner], undefined))),
    /** The batches that were sent since the last call. */
    async left() {
      await turn()
      await turn()
      return sent.splice(0)
    },
    /** @param undone how many of these writes were rolled back */
    back(undone = 0) {
      underWay.shift()?.(undone)
    },
  }
}

describe('writes', () => {
  it('are sent at once, then one transaction behind it, then all that arrived meanwhile together', async () => {
    const { add, left, back } = queueOf('ab')
    add('u1')
    assert.deepEqual(await left(), ['a: u1'])
    add('u2')
    assert.deepEqual(await left(), ['a: u2'])
    add('u5 u3')
    add('u4')
    assert.deepEqual(await left(), [])
    back()
    assert.deepEqual(await left(), ['a: u3 u4 u5'])
  })

  it('are sent behind a batch once they are as many as it, so that two batches alternate', async () => {
    const { add, left, back } = queueOf('ab')
    add('u1 u2 u3')
    assert.deepEqual(await left(), ['a: u1 u2 u3'])
    add('u4 u5')
    assert.deepEqual(await left(), [])
    add('u6')
    assert.deepEqual(await left(), ['a: u4 u5 u6'])
    back()
    add('u1 u2')
    assert.deepEqual(await left(), [])
    back()
    assert.deepEqual(await left(), ['a: u1 u2'])
  })

  it('of one owner are in consecutive transactions, on one session', async () => {
    const { add, left, back } = queueOf('ab')
    add('u2 u1 u2 u3 u2')
    // At most two of one owner are in flight: the third waits.
    assert.deepEqual(await left(), ['a: u1 u2 u3 | u2'])
    add('u1 u5')
    assert.deepEqual(await left(), [])
    back()
    assert.deepEqual(await left(), ['a: u1 u2 u5'])
  })

  it('are sent at once if only one owner writes', async () => {
    const { add, left } = queueOf('ab')
    for (let n = 0; n < 2; n += 1) {
      add('u1')
      assert.deepEqual(await left(), ['a: u1'])
    }
    add('u1')
    assert.deepEqual(await left(), [])
    // While others wait, this owner waits too: otherwise the others would never get a turn.
    add('u2')
    add('u1')
    assert.deepEqual(await left(), [])
  })

  it('use another session if a transaction is full or the previous ones are slow', async () => {
    const { add, left } = queueOf('abc', { most: 2 })
    add('u1 u2 u3 u4 u5 u6')
    assert.deepEqual(await left(), ['a: u1 u2', 'b: u3 u4', 'c: u5 u6'])
    add('u7 u8 u9')
    assert.deepEqual(await left(), ['a: u7 u8'])
    add('u0')
    assert.deepEqual(await left(), ['b: u0 u9'])
    const slow = queueOf('ab')
    slow.add('u1')
    await slow.left()
    slow.add('u2')
    await slow.left()
    slow.add('u3')
    slow.pass(4)
    assert.deepEqual(await slow.left(), [])
    slow.pass(1)
    slow.add('u1')
    assert.deepEqual(await slow.left(), ['b: u3'])
  })

  it('are not sent behind a session that does not respond; its owners wait for it', async () => {
    const { add, left, pass, back } = queueOf('abc')
    add('u1')
    await left()
    pass(50)
    add('u2')
    assert.deepEqual(await left(), ['b: u2'])
    add('u1')
    assert.deepEqual(await left(), [])
    back()
    assert.deepEqual(await left(), ['b: u1'])
  })

  it('are sent on the only session even if it is slow', async () => {
    const { add, left, pass, back, grown } = queueOf('a')
    add('u1')
    await left()
    pass(50)
    add('u2')
    assert.deepEqual(await left(), ['a: u2'])
    add('u3')
    add('u4')
    pass(50)
    assert.deepEqual(await left(), [])
    assert.ok(grown() > 0)
    back()
    assert.deepEqual(await left(), ['a: u3 u4'])
  })

  it('are sent when a session is added, without another write', async () => {
    const { add, left, pass, sessions, queue } = queueOf('a')
    add('u1')
    await left()
    add('u2')
    await left()
    add('u3')
    pass(50)
    assert.deepEqual(await left(), [])
    sessions.push(fakeSession('b'))
    queue.wake()
    assert.deepEqual(await left(), ['b: u3'])
  })

  it('are not sent behind a long list if there is another session', async () => {
    const { add, left, sessions } = queueOf('ab')
    add('u1')
    await left()
    for (const session of sessions) session.slow = session.name === 'a' ? 1 : 0
    add('u2')
    assert.deepEqual(await left(), ['b: u2'])
  })

  it('fail if they cannot be sent', async () => {
    const queue = new WriteQueue<FakeSession>({
      sessions: () => [fakeSession('a')],
      grow: () => {},
      send: async () => {
        throw new Error('not sent')
      },
      wait: () => new Promise(() => {}),
      most: 32,
    })
    for (let n = 0; n < 4; n += 1) await assert.rejects(queue.add(write, ['u1'], undefined), /not sent/)
  })

  it('are sent one by one, each on a session, if commits may not be shared', async () => {
    const { add, left, back } = queueOf('ab', { most: 1 })
    add('u1 u2 u3')
    assert.deepEqual(await left(), ['a: u1', 'b: u2'])
    back()
    assert.deepEqual(await left(), ['a: u3'])
  })

  it('that were rolled back are sent again first, each in its own transaction', async () => {
    const { add, left, back } = queueOf('a')
    add('u1 u2 u3')
    await left()
    add('u4 u5')
    add('u2')
    back(2)
    assert.deepEqual(await left(), ['a: u1 | u2 | u2 u4 u5'])
  })

  it('wait while every session is held, and are sent on the first that is free', async () => {
    const { add, left, sessions, waiting, queue } = queueOf('a')
    for (const session of sessions) session.held = true
    add('u1')
    add('u2')
    assert.deepEqual(await left(), [])
    assert.deepEqual([waiting.length, queue.blocked], [1, 1])
    // Resolved twice in one turn: what was promised first is sent first.
    for (const session of sessions) waiting[0]?.resolve(session)
    assert.deepEqual(await left(), ['a: u1 u2'])
    assert.equal(queue.blocked, 0)
  })

  it('fail if no session is free in time; later ones continue to wait', async () => {
    const { add, left, sessions, waiting, pass } = queueOf('a')
    for (const session of sessions) session.held = true
    const first = add('u1')
    await left()
    pass(1)
    const second = add('u2')
    waiting[0]?.reject(new Error('none became free'))
    await assert.rejects(first, /none became free/)
    await left()
    for (const session of sessions) waiting[1]?.resolve(session)
    assert.deepEqual(await left(), ['a: u2'])
    void second
  })
})
