import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Database, type Session, unprepared } from '../server/db/database.ts'
import { AppError } from '../server/errors.ts'
import { type KeptAnswer, once } from '../server/tasks/idempotency.ts'
import { sweepIdempotencyKeys } from '../server/tasks/sweep.ts'
import { ownTasks } from './own-tasks.ts'
import { newUser, onPostgres, openDatabase, ownMigratedDatabase } from './served.ts'

let db: Database
/** Another replica's. The embedded database admits one program: there it is the same one, asked past the first's queue. */
let replica: Database
let close: () => Promise<void>
before(async () => {
  const own = await ownMigratedDatabase()
  db = own.db
  replica = onPostgres ? (await openDatabase(own.env)).db : elsewhere(own.db)
  close = async () => {
    if (onPostgres) await replica.close()
    await own.close()
  }
})
after(() => close())

const elsewhere = (database: Database): Database => ({
  label: database.label,
  usage: database.usage,
  query: (statement, values) => database.query(statement, values),
  read: (statement, values, take) => database.read(statement, values, take),
  run: (statement, values) => database.run(statement, values),
  transaction: (work, patience) => database.transaction(work, patience),
  ping: () => database.ping(),
  close: () => database.close(),
})

const request = { key: 'k', fingerprint: 'POST a' }
const reused = (error: unknown) => error instanceof AppError && error.code === 'idempotency_key_reused'

/** Creates a task, and answers with it. */
const creating =
  (owner: string) =>
  async (session: Session): Promise<KeptAnswer> => {
    const task = await ownTasks(session, owner).create({ title: 'a', description: null, isCompleted: false })
    return {
      status: 201,
      headers: { location: `/tasks/${task.id}`, etag: '"é"' },
      body: JSON.stringify(task),
    }
  }

const count = async (owner: string) => (await ownTasks(db, owner).page(1, 0)).total

async function age(owner: string, hours: number): Promise<void> {
  const text = `update duly.idempotency_keys set created_at = created_at - make_interval(hours => $2) where user_id = $1`
  await db.query(unprepared(text), [owner, hours])
}

describe('a request with an idempotency key', () => {
  it('is executed once, and a retry gets exactly its first response', async () => {
    const owner = newUser()
    const first = await once(db, owner, request, creating(owner))
    assert.equal(first.replayed, false)
    const again = await once(db, owner, request, () => assert.fail('done twice'))
    assert.deepEqual(again, { answer: first.answer, replayed: true })
    assert.equal(await count(owner), 1)
  })

  it('is refused where the key came with another request, and not done', async () => {
    const owner = newUser()
    await once(db, owner, request, creating(owner))
    const other = { ...request, fingerprint: 'POST b' }
    await assert.rejects(once(db, owner, other, creating(owner)), reused)
    assert.equal(await count(owner), 1)
    assert.equal((await once(db, owner, request, creating(owner))).replayed, true)
  })

  it('is another request under another key, and for another owner', async () => {
    const [alice, bob] = [newUser(), newUser()]
    await once(db, alice, request, creating(alice))
    assert.equal((await once(db, alice, { ...request, key: 'K' }, creating(alice))).replayed, false)
    assert.equal((await once(db, bob, request, creating(bob))).replayed, false)
    assert.deepEqual([await count(alice), await count(bob)], [2, 1])
  })

  it('may answer for an owner who was never seen', async () => {
    const owner = newUser()
    const missing: KeptAnswer = { status: 404, headers: {}, body: '{}' }
    await once(db, owner, request, async () => missing)
    assert.deepEqual(await once(db, owner, request, creating(owner)), { answer: missing, replayed: true })
  })

  it('that fails leaves nothing behind, neither its write nor its key', async () => {
    const owner = newUser()
    const failures = [
      async (session: Session) => {
        await creating(owner)(session)
        throw new AppError('task_not_found', 'gone')
      },
      async (session: Session) => {
        await creating(owner)(session)
        await session.query(unprepared('select 1/0'))
        return assert.fail('not reached')
      },
    ]
    for (const work of failures) {
      await assert.rejects(once(db, owner, request, work))
      assert.equal(await count(owner), 0)
    }
    assert.equal((await once(db, owner, request, creating(owner))).replayed, false)
    assert.equal(await count(owner), 1)
  })

  it('is valid for 24 hours; a later retry is executed again', async () => {
    const owner = newUser()
    await once(db, owner, request, creating(owner))
    await age(owner, 23)
    assert.equal((await once(db, owner, request, creating(owner))).replayed, true)
    await age(owner, 1)
    const other = { ...request, fingerprint: 'POST b' }
    const later = await once(db, owner, other, creating(owner))
    assert.equal(later.replayed, false)
    assert.deepEqual(await once(db, owner, other, creating(owner)), { answer: later.answer, replayed: true })
    assert.equal(await count(owner), 2)
  })
})

describe('requests with the same key at once', () => {
  const attempts: readonly (readonly [name: string, databases: () => readonly Database[]])[] = [
    ['on one replica', () => [db]],
    ['on two replicas', () => [db, replica]],
  ]
  for (const [name, databases] of attempts) {
    it(`${name} are done once, and all get the one answer`, async () => {
      const owner = newUser()
      const all = databases().flatMap(database => Array.from({ length: 50 }, () => database))
      const outcomes = await Promise.all(all.map(database => once(database, owner, request, creating(owner))))
      assert.equal(outcomes.filter(({ replayed }) => !replayed).length, 1)
      assert.equal(new Set(outcomes.map(({ answer }) => JSON.stringify(answer))).size, 1)
      assert.equal(await count(owner), 1)
    })

    it(`${name}: where the first fails, one of the others does it`, async () => {
      const owner = newUser()
      let failed = false
      const failingOnce = async (session: Session) => {
        const answer = await creating(owner)(session)
        if (failed) return answer
        failed = true
        throw new Error('the first fails')
      }
      const all = databases().flatMap(database => Array.from({ length: 10 }, () => database))
      const outcomes = await Promise.allSettled(
        all.map(database => once(database, owner, request, failingOnce)),
      )
      const done = outcomes.filter(outcome => outcome.status === 'fulfilled' && !outcome.value.replayed)
      assert.equal(done.length, 1)
      assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 1)
      assert.equal(await count(owner), 1)
    })
  }

  it('and others of the owner, with and without keys, all get through', async () => {
    const owner = newUser()
    const tasks = ownTasks(db, owner)
    await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        if (n % 3 === 0) await once(db, owner, request, creating(owner))
        else if (n % 3 === 1) await once(db, owner, { ...request, key: `k${n}` }, creating(owner))
        else await tasks.create({ title: 'b', description: null, isCompleted: false })
      }),
    )
    assert.equal(await count(owner), 1 + 33 + 33)
    assert.equal((await tasks.state()).revision, 67)
  })

  it('of one owner leave the sessions to everyone else', async () => {
    const owner = newUser()
    let release = () => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    const waiting = Array.from({ length: 100 }, (_, n) =>
      once(db, owner, { ...request, key: `k${n % 50}` }, async session => {
        await held
        return creating(owner)(session)
      }),
    )
    // The embedded database has one session, which a transaction holds.
    if (onPostgres) assert.equal(await count(newUser()), 0)
    release()
    await Promise.all(waiting)
    assert.equal(await count(owner), 50)
  })

  it('all hear that the database is away, once it is', async () => {
    const away = new AppError('database_away', 'away', { retryAfter: 2 })
    let asked = 0
    const absent: Database = {
      ...elsewhere(db),
      transaction: async () => {
        asked += 1
        throw away
      },
    }
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => once(absent, newUser('same'), request, creating('same'))),
    )
    assert.equal(asked, 20)
    const same = await Promise.allSettled(
      Array.from({ length: 20 }, () => once(absent, 'same', request, creating('same'))),
    )
    assert.equal(asked, 21)
    for (const outcome of [...outcomes, ...same]) assert.equal(outcome.status, 'rejected')
  })
})

describe('the sweep', () => {
  it('removes the keys that have expired, and no other', async () => {
    const [old, fresh] = [newUser(), newUser()]
    for (const key of ['a', 'b "c" {d},\\']) await once(db, old, { ...request, key }, creating(old))
    await age(old, 25)
    await once(db, fresh, request, creating(fresh))
    assert.equal(await sweepIdempotencyKeys(db), 2)
    assert.equal(await sweepIdempotencyKeys(db), 0)
    assert.equal((await once(db, fresh, request, creating(fresh))).replayed, true)
    assert.equal(await count(old), 2)
  })
})
