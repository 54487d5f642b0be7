import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Writers } from './writers.ts'

const idle = () => ({ held: false, lost: false, inFlight: 0, writes: 0, slow: 0 })

/** Four sessions on which each write that is alone takes so many milliseconds. */
function sessionsThatTake(milliseconds: number) {
  let now = 1000
  const writers = new Writers<ReturnType<typeof idle>>(() => now)
  const sessions = Array.from({ length: 4 }, idle)
  const write = (owner: string, took = milliseconds) => {
    const session = writers.choose(owner, sessions) ?? idle()
    session.inFlight += 1
    session.writes += 1
    const ended = writers.begin(owner, session)
    return (succeeded = true) => {
      now += took
      session.inFlight -= 1
      session.writes -= 1
      ended(succeeded)
    }
  }
  for (let n = 0; n < 16; n += 1) write('first')()
  return { sessions, write, writers, pass: (time: number) => (now += time) }
}

const loads = (sessions: readonly { writes: number }[]) => sessions.map(({ writes }) => writes)

describe('writes', () => {
  it('of several owners share a session while they are done soon, and then the next', () => {
    const { sessions, write } = sessionsThatTake(1)
    for (let n = 1; n <= 12; n += 1) write(`owner ${n}`)
    assert.deepEqual(loads(sessions), [5, 5, 2, 0])
  })

  it('have a session each where a commit takes long', () => {
    const { sessions, write } = sessionsThatTake(10)
    for (let n = 1; n <= 5; n += 1) write(`owner ${n}`)
    assert.deepEqual(loads(sessions), [2, 1, 1, 1])
  })

  it('of one owner follow each other on one session, however many they are', () => {
    const { sessions, write } = sessionsThatTake(10)
    const ended = Array.from({ length: 30 }, () => write('ann'))
    assert.deepEqual(loads(sessions), [30, 0, 0, 0])
    write('ben')
    for (const end of ended) end()
    assert.deepEqual(loads(sessions), [0, 1, 0, 0])
    write('ben')
    assert.deepEqual(loads(sessions), [0, 2, 0, 0])
    write('ann')
    assert.deepEqual(loads(sessions), [1, 2, 0, 0])
  })

  it('go to no session that is held, lost or slow', () => {
    const { sessions, write } = sessionsThatTake(1)
    Object.assign(sessions[0] ?? {}, { held: true })
    Object.assign(sessions[1] ?? {}, { lost: true })
    Object.assign(sessions[2] ?? {}, { slow: 1, inFlight: 1 })
    write('ann')
    assert.deepEqual(loads(sessions), [0, 0, 0, 1])
    Object.assign(sessions[3] ?? {}, { held: true })
    write('ben')
    assert.deepEqual(loads(sessions), [0, 0, 1, 1], 'rather a slow one than none')
    write('ann')
    assert.deepEqual(loads(sessions), [0, 0, 2, 1], 'nor behind a transaction')
  })

  it('forget how quick they were where none is alone any more, and learn anew', () => {
    const { write, writers, pass } = sessionsThatTake(1)
    let last = write('ann')
    for (let n = 0; n < 30; n += 1) {
      const next = write('ann', 500)
      last()
      last = next
    }
    assert.equal(writers.room, 1)
    last()
    pass(1)
    write('ann')()
    assert.equal(writers.room, 5)
  })

  it('learn nothing from those that fail, and little from a few that had nothing to commit', () => {
    const { write, writers } = sessionsThatTake(10)
    for (let n = 0; n < 20; n += 1) write('ann', 0.01)(false)
    for (let n = 0; n < 3; n += 1) write('ann', 0.01)()
    assert.equal(writers.room, 1)
  })

  it('share one with sixteen at most, and with nobody before it is known how long they take', () => {
    assert.equal(new Writers().room, 1)
    assert.equal(sessionsThatTake(0.01).writers.room, 16)
  })
})
