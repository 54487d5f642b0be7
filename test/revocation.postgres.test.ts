import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { forgottenSeconds, Revocations, reinstate, revoke, subjectOf } from '../server/auth/revocations.ts'
import { type Session, unprepared } from '../server/db/database.ts'
import { behindProxy, newPerson, newUserHere } from './person.ts'
import { ownMigratedDatabase, type Served, twoReplicas } from './served.ts'

describe('revocations', () => {
  let own: Awaited<ReturnType<typeof ownMigratedDatabase>>
  before(async () => {
    own = await ownMigratedDatabase()
  })
  after(() => own.close())

  /** Counts queries, and can be unavailable. */
  function watched() {
    const state = { queries: 0, away: false }
    const db: Session = {
      async query(statement, values) {
        state.queries += 1
        if (state.away) throw new Error('away')
        return own.db.query(statement, values)
      },
      read: own.db.read.bind(own.db),
      run: own.db.run.bind(own.db),
    }
    return { state, db }
  }

  it('are known within a second, with at most two queries a second, and none without requests', async () => {
    const { state, db } = watched()
    const clock = { now: 0 }
    const revocations = new Revocations({ db, now: () => clock.now })
    const subject = subjectOf('session', 'a')
    await revocations.fresh()
    assert.equal(revocations.refuses([subject]), false)
    await revoke(own.db, [subject])
    const until = 10_000
    let known: number | undefined
    for (clock.now = 0; clock.now <= until; clock.now += 10) {
      await revocations.fresh()
      if (known === undefined && revocations.refuses([subject])) known = clock.now
    }
    assert.ok(known !== undefined && known <= 1000, `known after ${known} ms`)
    assert.ok(state.queries <= 2.5 * (until / 1000) + 1, `${state.queries} looks`)
    const before = state.queries
    clock.now += 3_600_000
    assert.equal(state.queries, before)
  })

  it('expire while the database is unavailable, so that no request uses outdated ones', async () => {
    const { state, db } = watched()
    const clock = { now: 0 }
    const revocations = new Revocations({ db, now: () => clock.now })
    await revocations.fresh()
    state.away = true
    clock.now = 500
    assert.equal(revocations.fresh(), undefined)
    clock.now = 950
    await assert.rejects(async () => revocations.fresh(), /away/)
    state.away = false
    await revocations.fresh()
  })

  it('are not considered fresh after a query that began long ago', async () => {
    const { db } = watched()
    const clock = { now: 0 }
    let answer = () => {}
    const slow: Session = {
      ...db,
      async query(statement, values) {
        const rows = await own.db.query(statement, values)
        await new Promise<void>(resolve => {
          answer = resolve
        })
        return rows
      },
    }
    const revocations = new Revocations({ db: slow, now: () => clock.now })
    const first = revocations.look()
    await pause(50)
    clock.now = 5000
    let settled = false
    const waiting = Promise.resolve(revocations.fresh()).then(() => {
      settled = true
    })
    answer()
    await first
    await pause(50)
    assert.equal(settled, false)
    answer()
    await waiting
  })

  it('can be reverted, and are known to a replica that starts later', async () => {
    const subject = subjectOf('user', 'b')
    await revoke(own.db, [subject], null)
    const one = new Revocations({ db: own.db })
    await one.look()
    assert.equal(one.refuses([subject]), true)
    await reinstate(own.db, [subject])
    await one.look()
    assert.equal(one.refuses([subject]), false)
  })

  it('are read in order, with any number of concurrent ones', async () => {
    const revocations = new Revocations({ db: own.db })
    const subjects = Array.from({ length: 200 }, (_, n) => subjectOf('token', String(n)))
    let done = false
    const looking = (async () => {
      while (!done) await revocations.look()
    })()
    await Promise.all(subjects.map(subject => revoke(own.db, [subject], forgottenSeconds)))
    done = true
    await looking
    await revocations.look()
    for (const subject of subjects) assert.equal(revocations.refuses([subject]), true)
  })
})

describe('on every replica', () => {
  let api: Served
  let other: Served
  let close: () => Promise<void>
  before(async () => {
    ;({ api, other, close } = await twoReplicas(behindProxy))
  })
  after(() => close())

  const statusOf = async (token: string) => (await other.call('GET', '/api/v1/tasks', { token })).status

  /**
   * A token that the other replica accepted until `act`, and rejects for requests a second later.
   */
  async function refusedAfter(token: string, act: () => Promise<unknown>) {
    assert.equal(await statusOf(token), 200)
    await act()
    const at = performance.now()
    for (let begun = at; (await statusOf(token)) !== 401; begun = performance.now()) {
      assert.ok(begun - at < 1000)
      await pause(20)
    }
  }

  it('a token ends with its session', async () => {
    const person = await newUserHere(api)
    await refusedAfter(await person.token(), () => person.auth('POST', '/sign-out'))
  })

  it('every token ends with signing out everywhere; those of a new session are valid', async () => {
    const person = await newUserHere(api)
    const phone = newPerson(api, person)
    await phone.auth('POST', '/sign-in/email', { email: person.email, password: person.password })
    const token = await person.token()
    await refusedAfter(await phone.token(), () => person.auth('POST', '/revoke-sessions'))
    assert.equal(await statusOf(token), 401)
    await person.auth('POST', '/sign-in/email', { email: person.email, password: person.password })
    assert.equal(await statusOf(await person.token()), 200)
  })

  it('every token ends when all sessions of a user end, up to their maximum number', async () => {
    const person = await newUserHere(api)
    const tokens: string[] = []
    const signIn = async () => {
      const device = newPerson(api, person)
      await device.auth('POST', '/sign-in/email', { email: person.email, password: person.password })
      tokens.push(await device.token())
    }
    // More sessions than tokens, among those that have one.
    for (let n = 0; n < 7; n += 1) await signIn()
    await api.server.db.query(
      unprepared(
        `insert into duly.session (id, token, "expiresAt", "createdAt", "updatedAt", "userId")
        select 'more-' || n, 'token-' || n, now() + interval '7 days', now(), now(), $1
        from generate_series(1, 84) as n`,
      ),
      [person.id],
    )
    for (let n = 0; n < 8; n += 1) await signIn()
    await refusedAfter(await person.token(), () => person.auth('POST', '/revoke-sessions'))
    for (const token of tokens) assert.equal(await statusOf(token), 401)
  })

  it('a personal access token ends when it is revoked', async () => {
    const person = await newUserHere(api)
    const token = await person.token()
    const json = { name: 'x', scopes: ['tasks:read'] }
    const { body } = await api.call('POST', '/api/v1/tokens', { token, json })
    await refusedAfter(body.token, () => api.call('DELETE', `/api/v1/tokens/${body.id}`, { token }))
    assert.equal(await statusOf(token), 200)
  })

  it('every token ends when the account is deleted', async () => {
    const person = await newUserHere(api)
    const token = await person.token()
    const json = { name: 'x', scopes: ['tasks:read'] }
    const { body } = await api.call('POST', '/api/v1/tokens', { token, json })
    await refusedAfter(token, () => person.auth('POST', '/delete-user', { password: person.password }))
    assert.equal(await statusOf(body.token), 401)
  })
})
