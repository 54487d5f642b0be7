import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Session } from '../db/database.ts'
import { inBackground } from './in-background.ts'

// Of a session nothing is used but which it is.
const db = {} as Session

async function until(isSo: () => boolean): Promise<void> {
  for (let n = 0; !isSo(); n += 1) {
    assert.ok(n < 1000, 'it does not come')
    await pause(1)
  }
}

describe('work in the background', () => {
  it('goes on by turns, a part of each', async () => {
    const done: string[] = []
    const start = inBackground(async function* (_db, owner) {
      for (const part of [1, 2, 3]) {
        done.push(`${owner} ${part}`)
        await pause(1)
        yield
      }
    })
    for (const owner of ['alice', 'bob']) start(db, owner)
    await until(() => done.length === 6)
    assert.deepEqual(done, ['alice 1', 'bob 1', 'alice 2', 'bob 2', 'alice 3', 'bob 3'])
  })

  it('is begun once for each owner of a database, and again when it has ended', async () => {
    const begun: string[] = []
    let ended = 0
    const start = inBackground(async function* (_db, owner) {
      begun.push(owner)
      yield
      ended += 1
    })
    for (const owner of ['alice', 'alice', 'bob']) start(db, owner)
    start({} as Session, 'alice')
    await until(() => ended === 3)
    assert.deepEqual(begun, ['alice', 'bob', 'alice'])
    await pause(2)
    start(db, 'alice')
    await until(() => ended === 4)
  })

  it('that fails holds up nobody, and is begun again when it is asked for', async () => {
    let failures = 0
    const done: string[] = []
    const start = inBackground(async function* (_db, owner) {
      yield
      if (owner === 'alice' && failures < 1) {
        failures += 1
        throw new Error('the database is away')
      }
      done.push(owner)
    })
    for (const owner of ['alice', 'bob']) start(db, owner)
    await until(() => done.includes('bob'))
    await until(() => {
      start(db, 'alice')
      return done.includes('alice')
    })
    assert.equal(failures, 1)
  })
})
