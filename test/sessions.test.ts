import assert from 'node:assert/strict'
import { after, before, describe, it, mock } from 'node:test'
import { type Database, quick, type Session, statement, unprepared, write } from '../server/db/database.ts'
import { AppError } from '../server/errors.ts'
import { type Env, onPostgres, openDatabase, ownMigratedDatabase } from './served.ts'

let db: Database
let env: Env
let close: () => Promise<void>
before(async () => {
  const own = await ownMigratedDatabase()
  db = own.db
  env = own.env
  close = own.close
  await db.query(unprepared('create table notes (text text primary key)'))
})
after(() => close())

const insert = statement('test_insert', 'insert into notes (text) values ($1) returning text')
const texts = async () =>
  (await db.query(unprepared('select text from notes order by text'))).map(([text]) => text)

describe('the database', () => {
  it('executes concurrent statements in order, and a failing one fails alone', async () => {
    const divide = statement('test_divide', 'select 10 / $1::integer')
    const outcomes = await Promise.allSettled([5, 0, 2, 0, 1].map(n => db.query(divide, [n])))
    const seen = outcomes.map(outcome =>
      outcome.status === 'fulfilled' ? outcome.value[0]?.[0] : outcome.reason.code,
    )
    assert.deepEqual(seen, ['2', '22012', '5', '22012', '10'])
  })

  it('reports that it is unavailable if the previous statement failed while it was prepared', async () => {
    const unknown = quick('test_unknown', 'select text from not_there')
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => db.query(unknown)))
    const codes = outcomes.map(outcome => outcome.status === 'rejected' && outcome.reason.code)
    assert.deepEqual([codes[0], new Set(codes).has('26000')], ['42P01', false])
  })

  it('passes rows on as they arrive; a failure in between affects only its statement', async () => {
    const numbers = statement(
      'test_numbers',
      `select n::bigint, 10 / ($1::integer - n), nullif('€' || n, '€2')
      from generate_series(1, 1000) as n`,
    )
    const read = async (from: number, takes = 1000) => {
      const seen: unknown[] = []
      await db.read(numbers, [from], row => {
        if (seen.length === takes) throw new Error(`only ${takes} rows are accepted`)
        seen.push([row.integer(0), row.integer(1), row.text(2)])
      })
      return seen
    }
    const [whole, divided, refused, after] = await Promise.allSettled([
      read(2000),
      read(500),
      read(2000, 3),
      db.transaction(session => session.read(numbers, [1001], () => {})),
    ])
    assert.ok(whole.status === 'fulfilled' && whole.value.length === 1000)
    assert.deepEqual(whole.value.slice(0, 2), [
      [1, 0, '€1'],
      [2, 0, null],
    ])
    assert.equal(divided.status === 'rejected' && divided.reason.code, '22012')
    assert.equal(refused.status === 'rejected' && refused.reason.message, 'only 3 rows are accepted')
    assert.equal(after.status, 'fulfilled')
    assert.deepEqual((await read(2000)).length, 1000)
  })

  it('commits a transaction as a whole', async () => {
    const result = await db.transaction(async session => {
      await session.query(insert, ['one'])
      await session.query(insert, ['two'])
      return 'done'
    })
    assert.equal(result, 'done')
    assert.deepEqual(await texts(), ['one', 'two'])
  })

  it('rolls a transaction back if a statement or its function fails, and can be used afterwards', async () => {
    const twice = db.transaction(async session => {
      await session.query(insert, ['three'])
      await session.query(insert, ['one'])
    })
    await assert.rejects(twice, { code: '23505' })
    const thrown = db.transaction(async session => {
      await session.query(insert, ['four'])
      throw new Error('changed my mind')
    })
    await assert.rejects(thrown, /changed my mind/)
    assert.deepEqual(await texts(), ['one', 'two'])
  })

  it('reports the first failure of pipelined statements', async () => {
    const slow = async (session: Session) => {
      await session.query(unprepared('select 1/0'))
    }
    await assert.rejects(
      db.transaction(session =>
        // The error of the first statement takes longer to arrive.
        Promise.all([Promise.all([slow(session)]), session.query(unprepared('select 1'))]),
      ),
      { code: '22012' },
    )
  })

  it('keeps statements of others out of a transaction', async () => {
    let others: Promise<unknown>[] = []
    await assert.rejects(
      db.transaction(async session => {
        await session.query(insert, ['inside'])
        others = [db.query(insert, ['outside 1']), db.transaction(tx => tx.query(insert, ['outside 2']))]
        await session.query(unprepared('select 1'))
        throw new Error('rolled back')
      }),
    )
    await Promise.all(others)
    assert.deepEqual(await texts(), ['one', 'outside 1', 'outside 2', 'two'])
  })

  describe('concurrent writes of several owners', () => {
    const ten = write(
      'test_ten',
      'insert into entries (owner, n) values ($1, 10 / $2::integer) returning n::bigint',
    )
    const owners = (count: number) => Array.from({ length: count }, (_, n) => `owner ${n}`)
    before(() => db.query(unprepared('create table entries (owner text, n integer)')))

    /** The number of rows, and of their transactions. */
    async function entries() {
      const [row] = await db.query(unprepared('select count(*), count(distinct xmin::text) from entries'))
      await db.query(unprepared('delete from entries'))
      return { count: Number(row?.[0]), transactions: Number(row?.[1]) }
    }

    it('share commits, and each gets its own result', async () => {
      await db.query(ten, ['first', 1])
      const seen = await Promise.all(
        owners(60).map(async (owner, n) => {
          const numbers: number[] = []
          await db.read(ten, [owner, n + 1], row => numbers.push(row.integer(0)))
          const [row] = await db.query(ten, [owner, n + 1])
          return [...numbers, Number(row?.[0])]
        }),
      )
      const expected = owners(60).map((_, n) => Math.floor(10 / (n + 1)))
      assert.deepEqual(
        seen,
        expected.map(n => [n, n]),
      )
      const { count, transactions } = await entries()
      assert.equal(count, 121)
      assert.ok(transactions < 60, `${transactions} transactions`)
    })

    it('fail individually, and the others are executed once', async () => {
      for (const round of [1, 2, 3]) {
        const outcomes = await Promise.allSettled([
          ...owners(40).map((owner, n) => db.query(ten, [owner, n % 8 === round ? 0 : 1])),
          db.query(ten, ['none', ['not a number']]),
          db.read(ten, ['taken', 1], () => {
            throw new Error('not taken')
          }),
        ])
        const failures = outcomes.map((outcome, n) =>
          outcome.status === 'rejected' ? [n, outcome.reason.code ?? outcome.reason.message] : [],
        )
        const divided = [0, 8, 16, 24, 32].map(n => [n + round, '22012'])
        assert.deepEqual(
          failures.filter(({ length }) => length > 0),
          [...divided, [40, '22P02'], [41, 'not taken']],
        )
        assert.equal((await entries()).count, 36)
      }
    })

    it('are repeated outside a transaction that has taken their session in the meantime', async () => {
      await db.query(ten, ['first', 1])
      const writes = Promise.allSettled(
        owners(20).map((owner, n) => db.query(ten, [owner, n === 10 ? 0 : 1])),
      )
      // After the writes were sent; the embedded database has no other session.
      await new Promise(resolve => setImmediate(resolve))
      const undone = db.transaction(async session => {
        await session.query(ten, ['inside', 1])
        throw new Error('rolled back')
      })
      await assert.rejects(undone, /rolled back/)
      await writes
      assert.equal((await entries()).count, 20)
    })

    it('are repeated after a serialization failure', async () => {
      await db.query(unprepared('create sequence tries'))
      await db.query(
        unprepared(`create function lose_once() returns integer language plpgsql as $$
          begin
            if nextval('tries') = 2 then raise exception 'lost' using errcode = '40001'; end if;
            return 1;
          end $$`),
      )
      const losing = write('test_losing', 'insert into entries (owner, n) values ($1, lose_once())')
      // Prepared, so that the second call is in a batch with others, and fails there.
      await db.query(ten, ['first', 1])
      await db.query(losing, ['first'])
      await Promise.all([...owners(10).map(owner => db.query(ten, [owner, 1])), db.query(losing, ['loser'])])
      assert.equal((await entries()).count, 13)
    })
  })

  // The embedded database has one session for all.
  if (onPostgres) {
    it('of two replicas for the same owners do not deadlock', async () => {
      const failures: string[] = []
      const onStatement = () => (error?: string) => {
        if (error) failures.push(error)
      }
      const opened = await Promise.all([1, 2].map(() => openDatabase(env, onStatement)))
      const replicas = opened.map(({ db: replica }) => replica)
      await db.query(unprepared('create table counts (owner text primary key, n integer not null)'))
      const count = write(
        'test_count',
        'insert into counts (owner, n) values ($1, 1) on conflict (owner) do update set n = counts.n + 1',
      )
      const names = Array.from({ length: 25 }, (_, n) => `owner ${(n * 7) % 25}`)
      const rounds = Array.from({ length: 40 }, () =>
        replicas.map((replica, n) =>
          (n === 0 ? names : names.toReversed()).map(name => replica.query(count, [name])),
        ),
      )
      await Promise.all(rounds.flat(2))
      const rows = await db.query(unprepared('select distinct n from counts'))
      assert.deepEqual(rows, [['80']])
      // PostgreSQL would end a deadlock after a second, and the writes would be repeated.
      assert.deepEqual(failures, [])
      for (const replica of replicas) await replica.close()
    })

    it('do not delay readers of a task', async () => {
      const short = unprepared('select pg_sleep(0.05)')
      while (db.usage.open < 8) await Promise.all(Array.from({ length: 40 }, () => db.query(short)))
      const slowWrite = write(
        'test_slow_write',
        'select pg_advisory_xact_lock_shared(7) from (select $1::text) as owner',
      )
      const read = quick('test_read', 'select $1::text')
      const order: string[] = []
      let writes: Promise<unknown>[] = []
      await db.transaction(async session => {
        await session.query(unprepared('select pg_advisory_xact_lock(7)'))
        writes = Array.from({ length: 30 }, (_, n) =>
          db.query(slowWrite, [`owner ${n}`]).then(() => order.push('write')),
        )
        await Promise.all(
          Array.from({ length: 30 }, () => db.query(read, ['a']).then(() => order.push('read'))),
        )
      })
      await Promise.all(writes)
      assert.deepEqual(order, [...Array(30).fill('read'), ...Array(30).fill('write')])
    })
  }

  describe('a transaction that PostgreSQL rolls back at COMMIT', () => {
    before(() => db.query(unprepared('create table kept (n integer primary key)')))
    const kept = async () => (await db.query(unprepared('select count(*) from kept')))[0]?.[0]

    it('fails with the error that was caught inside it', async () => {
      const lost = db.transaction(async session => {
        await session.query(unprepared('insert into kept values (1)'))
        await session.query(unprepared('insert into kept values (1)')).catch(() => {})
        return 'done'
      })
      await assert.rejects(lost, { code: '23505' })
      assert.equal(await kept(), '0')
    })

    it('succeeds if the error was undone by a savepoint', async () => {
      await db.transaction(async session => {
        await session.query(unprepared('savepoint one'))
        await session.query(unprepared('select 1 / 0')).catch(() => {})
        await session.query(unprepared('rollback to savepoint one'))
        await session.query(unprepared('insert into kept values (2)'))
      })
      assert.equal(await kept(), '1')
    })

    it('fails at a deferred constraint, and so does a single write', async () => {
      await db.query(
        unprepared('create table late (owner text, n integer unique deferrable initially deferred)'),
      )
      const twice = 'insert into late select $1, 1 from generate_series(1, 2)'
      const within = db.transaction(session => session.query(unprepared(twice), ['a']))
      await assert.rejects(within, { code: '23505' })
      const once = write('test_late', 'insert into late select $1, n from unnest($2::integer[]) as n')
      const outcomes = await Promise.allSettled([
        db.query(once, ['a', [1, 1]]),
        ...['b', 'c', 'd', 'e'].map((owner, n) => db.query(once, [owner, [n + 2]])),
      ])
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['rejected', 'fulfilled', 'fulfilled', 'fulfilled', 'fulfilled'],
      )
      assert.equal((await db.query(unprepared('select count(*) from late')))[0]?.[0], '4')
    })

    // The embedded database cannot be opened twice.
    if (onPostgres) {
      it('does not acknowledge a write inside a transaction that was left open', async () => {
        const { db: single } = await openDatabase({ ...env, DATABASE_POOL: '1' })
        const put = write('test_put', 'insert into kept select 3 from (select $1::text) as owner')
        await single.query(unprepared('begin'))
        await assert.rejects(single.query(put, ['a']))
        await single.close()
      })
    }
  })

  it('reports an error, instead of waiting forever, if a transaction waits for another session', async () => {
    const outside = db.transaction(async () => {
      // As many nested transactions as there are sessions: none is left.
      const deeper = async (depth: number): Promise<unknown> =>
        depth === 0 ? db.query(unprepared('select 1')) : db.transaction(() => deeper(depth - 1))
      return deeper(onPostgres ? 20 : 0)
    })
    await assert.rejects(
      outside,
      (error: unknown) => error instanceof AppError && error.code === 'database_away',
    )
    await db.ping()
  })

  it("runs others after a large transaction of an owner, and then the owner's next", async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const order: string[] = []
      const change = (owner: string, isLarge: boolean, sql = 'select 1') =>
        db.change(
          owner,
          async session => {
            order.push(owner)
            await session.query(unprepared(sql))
          },
          undefined,
          { isLarge: () => isLarge },
        )
      for (const sql of ['select 1', 'select 1 / 0']) {
        await change('ann', true, sql).catch(() => {})
        const next = change('ann', false)
        for (const owner of ['bea', 'cay', 'bea']) await change(owner, false)
        mock.timers.tick(5000)
        await next
        await change('ann', false)
        assert.deepEqual(order.splice(0), ['ann', 'bea', 'cay', 'bea', 'ann', 'ann'], sql)
      }
    } finally {
      mock.timers.reset()
    }
  })

  it('runs others after a transaction of an owner for whose session they wait', async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const order: string[] = []
      const change = (name: string, work: (session: Session) => Promise<unknown>) =>
        db.change('ann', session => {
          order.push(name)
          return work(session)
        })
      let other: Promise<unknown> | undefined
      await change('first', async session => {
        await session.query(unprepared('select 1'))
        // A server has other sessions.
        if (!onPostgres) other = db.query(unprepared('select 2'))
      })
      const second = change('second', session => session.query(unprepared('select 3')))
      await other
      await db.query(unprepared('select 4'))
      assert.deepEqual(order, onPostgres ? ['first', 'second'] : ['first'])
      mock.timers.tick(5000)
      await second
      await change('third', async () => {})
      assert.deepEqual(order, ['first', 'second', 'third'])
    } finally {
      mock.timers.reset()
    }
  })

  it('reports which statement failed, and not its values', async () => {
    await db.query(unprepared('create table strict (text text, needed text not null)'))
    const secret = statement('test_secret', 'insert into strict (text) values ($1)')
    await assert.rejects(db.query(secret, ['very private']), (error: Error) => {
      const everything = JSON.stringify({ ...error, message: error.message, stack: error.stack })
      return everything.includes('"statement":"test_secret"') && !everything.includes('very private')
    })
    // PostgreSQL can be configured to include parameters in its errors.
    const talkative = unprepared(`select set_config('log_parameter_max_length_on_error', '-1', true)`)
    const failing = db.transaction(async session => {
      await session.query(talkative)
      await session.query(statement('test_division', 'select 1 / (length($1::text) - 12)'), ['very private'])
    })
    await assert.rejects(failing, (error: Error) => {
      const everything = JSON.stringify({ ...error, message: error.message })
      return everything.includes('"22012"') && !everything.includes('very private')
    })
  })

  it('supports numbers beyond 2^31 and any text, and never interprets a value as SQL', async () => {
    const echo = statement('test_echo', 'select $1::bigint, $2::text, $3::boolean, $4::text')
    const text = `'; drop table notes; -- $1 \\ " \u{1f411}`
    const [row] = await db.query(echo, [9007199254740991, text, true, null])
    assert.deepEqual(row, ['9007199254740991', text, 't', null])
  })
})
