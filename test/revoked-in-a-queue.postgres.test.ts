import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import { operator } from './operator.ts'
import { behindProxy, newPerson, newUserHere } from './person.ts'
import {
  type Answer,
  type OwnDatabase,
  openDatabase,
  ownDatabase,
  type Served,
  served,
  unlimited,
} from './served.ts'

// Requests may wait for others, a session, a lock or a password hash. They neither read nor write
// after the user is signed out.

let own: OwnDatabase
let api: Served
/** A session that inspects and locks the server's database. */
let beside: Awaited<ReturnType<typeof openDatabase>>['db']
before(async () => {
  own = await ownDatabase()
  api = await served({ ...behindProxy, ...unlimited, DATABASE_POOL: '2' }, own)
  beside = (await openDatabase(own.env)).db
})
after(async () => {
  await beside.close()
  await api.close()
  await own.drop()
})

/** Statements that wait for a lock. */
async function locksWaitedFor(): Promise<number> {
  const waiting = `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  return Number((await beside.query(unprepared(waiting)))[0]?.[0])
}

async function waitingForLocks(count: number): Promise<void> {
  while ((await locksWaitedFor()) < count) await pause(10)
}

const refused = async (token: string) => {
  while ((await api.call('GET', '/api/v1/tasks', { token })).status !== 401) await pause(20)
}

const titles = async (user: string) =>
  (await beside.query(unprepared('select title from duly.tasks where user_id = $1'), [user])).flat()

describe('a write that waits while its user is signed out', () => {
  it('for the row of its user, or behind such a write, is not executed', async () => {
    const person = await newUserHere(api)
    const token = await person.token()
    const create = (title: string) =>
      api.call('POST', '/api/v1/tasks', { token, json: { title }, headers: { 'idempotency-key': title } })
    await create('before')
    const answers: Promise<{ status: number }>[] = []
    const sent = ['first', 'second', 'third', 'fourth', 'fifth']
    await beside.transaction(async session => {
      await session.query(unprepared('select from duly.owners where id = $1 for update'), [person.id])
      answers.push(...sent.map(create))
      await waitingForLocks(1)
      // Then its session counts as blocked, and other statements use another one.
      await pause(100)
      await person.auth('POST', '/sign-out')
      await refused(token)
      // A write waits for its owner for half a second, and is then authorized again.
      await pause(1100)
    })
    const statuses = (await Promise.all(answers)).map(({ status }) => status)
    assert.deepEqual(statuses, [401, 401, 401, 401, 401])
    assert.deepEqual(await titles(person.id), ['before'])
    const [keys] = await beside.query(unprepared('select count(*) from duly.keys where user_id = $1'), [
      person.id,
    ])
    assert.deepEqual(keys, ['1'])
  })

  it('for a free session is not executed', async () => {
    const person = await newUserHere(api)
    const token = await person.token()
    const create = (title: string) => api.call('POST', '/api/v1/tasks', { token, json: { title } })
    await create('before')
    const { db } = api.server
    let answer: Promise<{ status: number }> | undefined
    const hold = (then: () => Promise<unknown>): Promise<unknown> => db.transaction(async () => then())
    // Both sessions of the server are held; another one signs the user out.
    await hold(() =>
      hold(async () => {
        answer = create('too late')
        while (db.usage.waiting === 0) await pause(10)
        await beside.query(unprepared('delete from duly.session where "userId" = $1'), [person.id])
        // A replica may use cached revocations for a second.
        await pause(1100)
      }),
    )
    assert.equal((await answer)?.status, 401)
    assert.deepEqual(await titles(person.id), ['before'])
  })

  it('for the count of tokens creates no token', async () => {
    const person = await newUserHere(api)
    const token = await person.token()
    const json = { name: 'late', scopes: ['tasks:read'] }
    let answer: Promise<{ status: number }> | undefined
    await beside.transaction(async session => {
      const lock = `select pg_advisory_xact_lock(hashtextextended('duly tokens ' || $1, 0))`
      await session.query(unprepared(lock), [person.id])
      answer = api.call('POST', '/api/v1/tokens', { token, json })
      await waitingForLocks(1)
      await person.auth('POST', '/sign-out')
    })
    assert.equal((await answer)?.status, 401)
    const tokens = unprepared('select from duly.access_tokens where user_id = $1')
    assert.deepEqual(await beside.query(tokens, [person.id]), [])
  })

  for (const [path, json] of [
    ['/change-password', { currentPassword: 'correct horse battery', newPassword: 'staple battery horse' }],
    ['/two-factor/enable', { password: 'correct horse battery' }],
    ['/delete-user', { password: 'correct horse battery' }],
  ] as const) {
    it(`for a password hash changes nothing: ${path}`, async () => {
      const person = await newUserHere(api)
      let answer: Promise<{ status: number }> | undefined
      await beside.transaction(async session => {
        // The password is read from this table once the user of the session is known.
        await session.query(unprepared('lock table duly.account in access exclusive mode'))
        answer = person.auth('POST', path, json)
        await waitingForLocks(1)
        await beside.query(unprepared('delete from duly.session where "userId" = $1'), [person.id])
      })
      assert.equal((await answer)?.status, 401)
      const again = newPerson(api, person)
      const { email, password } = person
      const signedIn = await again.auth('POST', '/sign-in/email', { email, password })
      assert.deepEqual([signedIn.status, signedIn.body.user?.twoFactorEnabled ?? false], [200, false])
    })
  }
})

describe('a read that waits for a session while its user is signed out', () => {
  for (const path of ['/api/v1/tasks', '/api/v1/tasks/1', '/api/v1/tokens', '/api/v1/export']) {
    it(`returns nothing: ${path}`, async () => {
      const person = await newUserHere(api)
      const token = await person.token()
      await api.call('POST', '/api/v1/tasks', { token, json: { title: 'too late' } })
      const { db } = api.server
      let answer: Promise<{ status: number }> | undefined
      const hold = (then: () => Promise<unknown>): Promise<unknown> => db.transaction(async () => then())
      await hold(() =>
        hold(async () => {
          answer = api.call('GET', path, { token })
          while (db.usage.waiting === 0) await pause(10)
          await beside.query(unprepared('delete from duly.session where "userId" = $1'), [person.id])
          // A replica may use cached revocations for a second.
          await pause(1100)
        }),
      )
      assert.equal((await answer)?.status, 401)
    })
  }
})

describe('a write that is being committed while a password reset ends everything', () => {
  const newPassword = 'staple battery horse'
  const hook = { url: 'https://hooks.example.com/duly', events: ['*'] }

  /** Triggers that are deferred run at COMMIT, after every check. */
  async function whileCommitted(
    table: string,
    { send, end }: { send: () => Promise<Answer>; end: () => Promise<unknown> },
  ): Promise<Answer | undefined> {
    const run = (text: string) => beside.query(unprepared(text))
    await run(`create function duly.wait_for_test() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock_shared(1); return null; end $$`)
    await run(`create constraint trigger held after insert or update on duly.${table}
      deferrable initially deferred for each row execute function duly.wait_for_test()`)
    let answer: Promise<Answer> | undefined
    let ended: Promise<unknown> | undefined
    await beside.transaction(async session => {
      await session.query(unprepared('select pg_advisory_xact_lock(1)'))
      answer = send()
      await waitingForLocks(1)
      let hasEnded = false
      ended = end().then(() => {
        hasEnded = true
      })
      while (!hasEnded && (await locksWaitedFor()) < 2) await pause(10)
    })
    await ended
    const answered = await answer
    await run('drop function duly.wait_for_test() cascade')
    return answered
  }

  async function reset({ email }: { email: string }): Promise<void> {
    await newPerson(api).auth('POST', '/request-password-reset', { email, redirectTo: '/docs' })
    const token = api.lines
      .map(line => /reset-password(?:\/|\?token=)([\w-]+)/.exec(JSON.stringify(line))?.[1])
      .findLast(found => found !== undefined)
    const { status } = await newPerson(api).auth('POST', '/reset-password', { newPassword, token })
    assert.equal(status, 200)
  }

  const activeWebhooks = (user: string) =>
    beside.query(unprepared('select from duly.webhooks where user_id = $1 and is_active'), [user])

  it('leaves no webhook active', async () => {
    const person = await newUserHere(api)
    const token = await person.token()
    const send = () => api.call('POST', '/api/v1/webhooks', { token, json: hook })
    await whileCommitted('webhooks', { send, end: () => reset(person) })
    assert.deepEqual(await activeWebhooks(person.id), [])
  })

  it('activates no webhook', async () => {
    const person = await newUserHere(api)
    const token = await person.token()
    const json = { ...hook, is_active: false }
    const { body } = await api.call('POST', '/api/v1/webhooks', { token, json })
    const path = `/api/v1/webhooks/${body.id}`
    const send = () => api.call('PATCH', path, { token, json: { is_active: true } })
    await whileCommitted('webhooks', { send, end: () => reset(person) })
    assert.deepEqual(await activeWebhooks(person.id), [])
  })

  it('leaves no session of the old password', async () => {
    const { id, email, password } = await newUserHere(api)
    const thief = newPerson(api)
    const send = () => thief.auth('POST', '/sign-in/email', { email, password })
    const answer = await whileCommitted('session', { send, end: () => reset({ email }) })
    assert.equal(answer?.status, 401)
    const sessions = unprepared('select from duly.session where "userId" = $1')
    assert.deepEqual(await beside.query(sessions, [id]), [])
  })

  it('leaves no session of a user who is being disabled', async () => {
    const { id, email, password } = await newUserHere(api)
    const send = () => newPerson(api).auth('POST', '/sign-in/email', { email, password })
    await whileCommitted('session', { send, end: () => operator(api, ['user', 'disable', id]) })
    const sessions = unprepared('select from duly.session where "userId" = $1')
    assert.deepEqual(await beside.query(sessions, [id]), [])
  })
})

describe('a sign-out by the operator', () => {
  it('invalidates a requested password reset, and a sign-in that waits for its code', async () => {
    const person = await newUserHere(api)
    await person.auth('POST', '/request-password-reset', { email: person.email })
    const link = api.lines
      .map(line => /reset-password(?:\/|\?token=)([\w-]+)/.exec(JSON.stringify(line))?.[1])
      .findLast(found => found !== undefined)
    await operator(api, ['user', 'sign-out', person.id])
    const { status } = await person.auth('POST', '/reset-password', {
      newPassword: 'staple battery horse',
      token: link,
    })
    assert.equal(status, 400)
  })
})
