import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import { TokenLookUps } from '../server/auth/token-look-ups.ts'
import type { Session } from '../server/db/database.ts'
import { AppError } from '../server/errors.ts'
import { behindProxy } from './person.ts'
import { newUser, ownMigratedDatabase, type Served, served } from './served.ts'

// Anyone can generate tokens with a valid checksum. They cause few queries, and block nobody.

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

function inventedToken(): string {
  const random = [...randomBytes(32)].map(byte => digits[byte % digits.length]).join('')
  const text = `duly_pat_${random}`
  let left = crc32(text)
  let sum = ''
  for (let n = 0; n < 6; n += 1) {
    sum = digits[left % digits.length] + sum
    left = Math.floor(left / digits.length)
  }
  return text + sum
}

describe('lookups of personal access tokens', () => {
  let own: Awaited<ReturnType<typeof ownMigratedDatabase>>
  before(async () => {
    own = await ownMigratedDatabase()
  })
  after(() => own.close())

  /** Lookups with a clock that the test sets and a count of their queries. */
  function watched(now?: () => number) {
    const clock = { now: 0 }
    const state = { queries: 0, hashes: 0 }
    const db: Session = {
      async query(statement, values = []) {
        state.queries += 1
        state.hashes += (values[0] as readonly string[]).length
        return own.db.query(statement, values)
      },
      read: own.db.read.bind(own.db),
      run: own.db.run.bind(own.db),
    }
    return { clock, state, lookUps: new TokenLookUps(db, { now: now ?? (() => clock.now) }) }
  }

  it('share a query with all that arrive while one is running', async () => {
    const { lookUps, state } = watched()
    const found = Array.from({ length: 300 }, (_, n) => lookUps.find(`hash ${n}`, `network ${n}`))
    assert.deepEqual(new Set(await Promise.all(found)), new Set([undefined]))
    assert.deepEqual(state, { queries: 2, hashes: 300 })
  })

  it('of one token share one lookup', async () => {
    const { lookUps, state } = watched()
    await Promise.all(Array.from({ length: 100 }, (_, n) => lookUps.find('hash', `network ${n}`)))
    assert.deepEqual(state, { queries: 1, hashes: 1 })
  })

  it('cache unknown tokens for a minute', async () => {
    const { lookUps, state, clock } = watched()
    for (clock.now = 0; clock.now < 60_000; clock.now += 1000) await lookUps.find('hash', 'network')
    assert.equal(state.queries, 1)
    await lookUps.find('hash', 'network')
    assert.equal(state.queries, 2)
  })

  it('of one network are batched once there are many, at any rate', async () => {
    const { lookUps, state } = watched(() => performance.now())
    await Promise.all(Array.from({ length: 1000 }, (_, n) => lookUps.find(`hash ${n}`, 'flood')))
    assert.equal(state.hashes, 1000)
    assert.ok(state.queries <= 5, `${state.queries} queries`)
  })

  it('of one network do not delay the queries of another network', async () => {
    const { lookUps } = watched()
    const flood = Array.from({ length: 1050 }, (_, n) => lookUps.find(`hash ${n}`, 'flood'))
    const over = await lookUps.find('over', 'flood').catch(error => error)
    assert.ok(over instanceof AppError && over.code === 'too_many_requests')
    assert.equal(await lookUps.find('other', 'another network'), undefined)
    void flood
  })

  it('fail together if the query fails, and are then repeated', async () => {
    const failing = { fails: true }
    const db: Session = {
      async query(statement, values) {
        if (failing.fails) throw new Error('away')
        return own.db.query(statement, values)
      },
      read: own.db.read.bind(own.db),
      run: own.db.run.bind(own.db),
    }
    const lookUps = new TokenLookUps(db)
    await assert.rejects(lookUps.find('a', 'n'), /away/)
    failing.fails = false
    assert.equal(await lookUps.find('a', 'n'), undefined)
  })
})

describe('generated personal access tokens', () => {
  let api: Served
  before(async () => {
    api = await served({ ...behindProxy, RATE_LIMIT_ADDRESS: '1/20' })
  })
  after(() => api.close())

  const from = (address: string) => ({ 'x-forwarded-for': address })
  const get = (token: string, address: string) =>
    api.call('GET', '/api/v1/tasks', { token, headers: from(address) })

  it('are rejected, then limited by address; a valid token from the same address is accepted', async () => {
    const user = newUser()
    const json = { name: 'script', scopes: ['tasks:read'] }
    const { body } = await api.call('POST', '/api/v1/tokens', { user, json })
    const flood: Promise<{ status: number }>[] = []
    for (let n = 0; n < 200; n += 1) flood.push(get(inventedToken(), '192.0.2.1'))
    // It has not been used yet, so this server has not cached it.
    assert.equal((await get(body.token, '192.0.2.1')).status, 200)
    const statuses = (await Promise.all(flood)).map(({ status }) => status)
    assert.deepEqual([...new Set(statuses)].sort(), [401, 429])
    const others = Array.from({ length: 50 }, (_, n) => get(inventedToken(), `198.51.100.${n}`))
    assert.ok((await Promise.all(others)).every(({ status }) => status === 401))
  })
})
