import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { pino } from 'pino'
import { type Database, type Row, unprepared } from '../server/db/database.ts'
import {
  dueJobs,
  enqueue,
  enqueueOnce,
  failJob,
  finishJob,
  queueState,
  renewJob,
  systemOwner,
  takeJob,
} from '../server/jobs/jobs.ts'
import type { JobKind } from '../server/jobs/run-job.ts'
import { JobRunner } from '../server/jobs/runner.ts'
import { createLog } from '../server/log.ts'
import { newUser, ownMigratedDatabase } from './served.ts'

const { db, close } = await ownMigratedDatabase()
after(close)
const log = createLog('silent')
const lease = 30

async function rowOf(owner: string, id: string): Promise<Row | undefined> {
  const text = `select failures, dead, error, due_at > now(), leased_until = '-infinity', payload::text
    from duly.jobs where user_id = $1 and id = $2`
  return (await db.query(unprepared(text), [owner, id]))[0]
}

/** Makes a job due that waits for its next attempt. */
async function makeDue(owner: string, id: string): Promise<void> {
  const text = `update duly.jobs set due_at = now() - interval '1 second' where user_id = $1 and id = $2`
  await db.query(unprepared(text), [owner, id])
}

async function taken(owner: string, id: string) {
  const job = await takeJob(db, owner, id, lease)
  assert.ok(job, `${id} is free`)
  return job
}

/** Takes a job that was enqueued again while it ran. The clock may not have moved since. */
async function takenAgain(owner: string, id: string) {
  for (;;) {
    const job = await takeJob(db, owner, id, lease)
    if (job) return job
    assert.ok(await rowOf(owner, id), `${id} exists`)
  }
}

/** A job kind whose runs a test controls one by one. */
function followed(work: (run: number) => void | Promise<void> = () => {}) {
  let run = 0
  const waiting = new Map<number, () => void>()
  const ran = new Set<number>()
  const kind: JobKind = {
    attempts: 2,
    async run() {
      const mine = ++run
      ran.add(mine)
      waiting.get(mine)?.()
      await work(mine)
    },
  }
  const nth = (number: number) =>
    new Promise<void>(resolve => {
      if (ran.has(number)) resolve()
      else waiting.set(number, resolve)
    })
  return { kind, nth, count: () => run }
}

describe('a lease', () => {
  it('is given to only one of several concurrent callers', async () => {
    const owner = newUser()
    await enqueue(db, { owner, id: 'a', kind: 'k', payload: { n: 1 } })
    const asked = await Promise.all(Array.from({ length: 20 }, () => takeJob(db, owner, 'a', lease)))
    const [job, ...others] = asked.filter(found => found !== undefined)
    assert.deepEqual(others, [])
    assert.deepEqual(job?.payload, { n: 1 })
  })

  it('that has expired neither renews, finishes nor fails the job that another process holds', async () => {
    const owner = newUser()
    await enqueue(db, { owner, id: 'a', kind: 'k' })
    const late = await taken(owner, 'a')
    await db.query(unprepared(`update duly.jobs set leased_until = '-infinity' where user_id = $1`), [owner])
    const job = await taken(owner, 'a')
    assert.equal(await renewJob(db, late, lease), false)
    await finishJob(db, late)
    await failJob(db, late, { error: 'late', dead: true, delay: 0 })
    assert.deepEqual(await rowOf(owner, 'a'), ['0', 'f', null, 'f', 'f', 'null'])
    assert.equal(await renewJob(db, job, lease), true)
    await finishJob(db, job)
    assert.equal(await rowOf(owner, 'a'), undefined)
  })

  it('of another owner’s job with the same name is separate', async () => {
    const [ann, bob] = [newUser(), newUser()]
    await enqueue(db, { owner: ann, id: 'a', kind: 'k' })
    assert.equal(await takeJob(db, bob, 'a', lease), undefined)
  })
})

describe('a job', () => {
  it('that is enqueued again while it runs is run once more, even if the clock shows the same', async () => {
    const owner = newUser()
    // In a transaction, now() stays the same.
    await db.transaction(async session => {
      await enqueue(session, { owner, id: 'a', kind: 'k', payload: 1 })
      const job = await takeJob(session, owner, 'a', lease)
      assert.ok(job)
      await enqueue(session, { owner, id: 'a', kind: 'k', payload: 2 })
      await finishJob(session, job)
    })
    assert.equal((await takenAgain(owner, 'a')).payload, 2)
  })

  it('that is enqueued again during its last attempt is retried', async () => {
    const owner = newUser()
    await enqueue(db, { owner, id: 'a', kind: 'k' })
    const job = await taken(owner, 'a')
    await enqueue(db, { owner, id: 'a', kind: 'k' })
    await failJob(db, job, { error: 'no', dead: true, delay: 0 })
    const [failures, dead] = (await rowOf(owner, 'a')) ?? []
    assert.deepEqual([failures, dead], ['1', 'f'])
  })

  it('that is enqueued again while it waits is one job, due at the earlier time', async () => {
    const owner = newUser()
    await enqueue(db, { owner, id: 'a', kind: 'k', delay: 3600 })
    assert.equal(await takeJob(db, owner, 'a', lease), undefined)
    await enqueue(db, { owner, id: 'a', kind: 'k' })
    await enqueue(db, { owner, id: 'a', kind: 'k', delay: 3600 })
    assert.ok(await takeJob(db, owner, 'a', lease))
  })

  it('that is dead is not due, and is revived by enqueuing it again', async () => {
    const owner = newUser()
    await enqueue(db, { owner, id: 'a', kind: 'dead' })
    await failJob(db, await taken(owner, 'a'), { error: 'no', dead: true, delay: 0 })
    assert.deepEqual(await dueJobs(db, ['dead'], 10), [])
    assert.ok((await queueState(db)).dead >= 1)
    await enqueue(db, { owner, id: 'a', kind: 'dead' })
    assert.deepEqual(await dueJobs(db, ['dead'], 10), [[owner, 'a']])
  })
})

describe('recurring work', () => {
  it('that fails is logged and counted by its name, and does not block other jobs', async t => {
    const said: { level: number; job: string; err?: { message: string } }[] = []
    const noting = pino({}, { write: line => said.push(JSON.parse(line)) })
    const names = ['first', 'second', 'third', 'fourth'].map(name => `step-${name}`)
    const ran: string[] = []
    const steps = names.map(name => [
      name,
      {
        every: 3600,
        async run() {
          ran.push(name)
          if (name === 'step-first' || name === 'step-third') throw new Error(`${name} cannot be done`)
        },
      },
    ])
    const runner = new JobRunner({ db, log: noting, kinds: Object.fromEntries(steps) })
    t.after(() => runner.stop())
    await runner.start()
    for (const name of names) await makeDue(systemOwner, name)
    runner.wake()
    const outcomes = (name: string) => runner.counts.get(name) ?? { done: 0, failed: 0, dead: 0 }
    const isOver = (name: string) => outcomes(name).done + outcomes(name).failed > 0
    while (!names.every(isOver)) await db.ping()
    await runner.stop()
    assert.deepEqual([...new Set(ran)].toSorted(), names.toSorted())
    assert.deepEqual(
      names.map(name => [outcomes(name).done > 0, outcomes(name).failed > 0]),
      [
        [false, true],
        [true, false],
        [false, true],
        [true, false],
      ],
    )
    const warned = new Set(said.map(({ level, job, err }) => `${level} ${job}: ${err?.message}`))
    const expected = ['step-first', 'step-third'].map(name => `40 ${name}: ${name} cannot be done`)
    assert.deepEqual([...warned].toSorted(), expected)
  })
})

describe('a runner', () => {
  it('runs a job, removes it, and counts it', async t => {
    const owner = newUser()
    const { kind, nth } = followed()
    const runner = new JobRunner({ db, log, kinds: { mail: kind } })
    t.after(() => runner.stop())
    await runner.start()
    await enqueue(db, { owner, id: 'a', kind: 'mail' })
    runner.wake()
    await nth(1)
    await runner.stop()
    assert.equal(await rowOf(owner, 'a'), undefined)
    assert.deepEqual(runner.counts.get('mail'), { done: 1, failed: 0, dead: 0 })
  })

  it('retries a failed job later, stores its error, and gives up after the maximum of attempts', async t => {
    const owner = newUser()
    const { kind, nth } = followed(() => {
      throw new Error('the receiver is unavailable')
    })
    const runner = new JobRunner({ db, log, kinds: { flaky: kind } })
    t.after(() => runner.stop())
    await enqueue(db, { owner, id: 'a', kind: 'flaky' })
    await runner.start()
    await nth(1)
    await settled(runner, 'flaky', 1)
    assert.deepEqual(await rowOf(owner, 'a'), [
      '1',
      'f',
      'Error: the receiver is unavailable',
      't',
      't',
      'null',
    ])
    await makeDue(owner, 'a')
    runner.wake()
    await nth(2)
    await settled(runner, 'flaky', 2)
    const [failures, dead] = (await rowOf(owner, 'a')) ?? []
    assert.deepEqual([failures, dead], ['2', 't'])
    assert.deepEqual(runner.counts.get('flaky'), { done: 0, failed: 2, dead: 1 })
  })

  it('runs other jobs and recurring work if one job fails', async t => {
    const good = followed()
    const runner = new JobRunner({
      db,
      log,
      kinds: {
        bad: { every: 0.001, run: () => Promise.reject(new Error('always')) },
        good: { ...good.kind, every: 0.001 },
      },
    })
    t.after(() => runner.stop())
    await runner.start()
    await good.nth(1)
    await makeDue(systemOwner, 'good')
    runner.wake()
    await good.nth(2)
    const [, dead] = (await rowOf(systemOwner, 'bad')) ?? []
    assert.equal(dead, 'f', 'recurring work is tried for ever')
  })

  it('runs jobs of other owners, however many owners have jobs that run long', async t => {
    const owners = Array.from({ length: 6 }, () => newUser())
    const gates = [gate(), gate()]
    let begun = 0
    let done = gate()
    const run: JobKind['run'] = async ({ owner, id }) => {
      if (!owners.includes(owner)) return done.open()
      begun += 1
      await gates[Number(id)]?.opened
    }
    for (const id of ['0', '1'])
      for (const owner of owners) await enqueue(db, { owner, id, kind: 'send', delay: -1 })
    const runQuick = async () => {
      done = gate()
      // Each time another one: even this run may take long enough.
      await enqueue(db, { owner: newUser(), id: 'quick', kind: 'send' })
      runner.wake()
      await done.opened
    }
    const long = { after: 1, expected: 60_000, atOnce: 3 }
    const runner = new JobRunner({ db, log, kinds: { send: { run } }, atOnce: 2, perOwner: 1, long })
    t.after(() => {
      for (const { open } of gates) open()
      return runner.stop()
    })
    await runner.start()
    await runQuick()
    assert.equal(begun, 6)
    gates[0]?.open()
    while (begun < 9) await db.ping()
    await runQuick()
    assert.equal(begun, 9, 'of owners whose jobs are known to run long, three run')
    gates[1]?.open()
    while (begun < 12) await db.ping()
  })

  it('runs a job when it is due, while another runs', async t => {
    const owner = newUser()
    const { opened, open } = gate()
    const second = followed()
    const kinds = { first: { run: () => opened }, second: second.kind }
    const runner = new JobRunner({ db, log, kinds, lease: 3600 })
    t.after(() => {
      open()
      return runner.stop()
    })
    await enqueue(db, { owner, id: 'first', kind: 'first' })
    await enqueue(db, { owner, id: 'second', kind: 'second', delay: 0.05 })
    await runner.start()
    await second.nth(1)
  })

  it('runs a job that becomes due while it looks for jobs', async t => {
    const owner = newUser()
    const { kind, nth } = followed()
    const makingDue = new Proxy(db, {
      get: (_, name) => (name === 'query' ? query : Reflect.get(db, name, db)),
    })
    // After the job was not found due.
    const query: Database['query'] = async (sent, values) => {
      if (sent.name === 'duly_jobs_lease_end') await makeDue(owner, 'a')
      return db.query(sent, values)
    }
    const runner = new JobRunner({ db: makingDue, log, kinds: { soon: kind }, lease: 3600 })
    t.after(() => runner.stop())
    await enqueue(db, { owner, id: 'a', kind: 'soon', delay: 3600 })
    await runner.start()
    await nth(1)
  })

  it('leaves jobs of unknown kinds to a newer version', async t => {
    const owner = newUser()
    await enqueue(db, { owner, id: 'new', kind: 'of-the-next-version' })
    await enqueue(db, { owner, id: 'old', kind: 'known' })
    const { kind, nth } = followed()
    const runner = new JobRunner({ db, log, kinds: { known: kind } })
    t.after(() => runner.stop())
    await runner.start()
    await nth(1)
    await runner.stop()
    assert.deepEqual(await rowOf(owner, 'new'), ['0', 'f', null, 'f', 't', 'null'])
  })

  it('releases its jobs when it is stopped, without counting a failure', async () => {
    const owner = newUser()
    await enqueue(db, { owner, id: 'a', kind: 'long' })
    let begin = () => {}
    const begun = new Promise<void>(resolve => {
      begin = resolve
    })
    const long: JobKind = {
      run: (_job, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
          begin()
        }),
    }
    const runner = new JobRunner({ db, log, kinds: { long } })
    await runner.start()
    await begun
    await runner.stop()
    assert.deepEqual(await rowOf(owner, 'a'), ['0', 'f', null, 'f', 't', 'null'])
  })

  it('enqueues recurring work once, on any number of replicas', async t => {
    const runners = Array.from({ length: 3 }, () => {
      return new JobRunner({ db, log, kinds: { 'sweep-test': { every: 3600, run: async () => {} } } })
    })
    t.after(() => Promise.all(runners.map(runner => runner.stop())))
    await Promise.all(runners.map(runner => runner.start()))
    await enqueueOnce(db, { owner: systemOwner, id: 'sweep-test', kind: 'sweep-test' })
    const rows = await db.query(unprepared(`select due_at > now() from duly.jobs where kind = 'sweep-test'`))
    assert.deepEqual(rows, [['t']])
  })
})

/** Resolves after this number of failures was recorded. */
async function settled(runner: JobRunner, kind: string, failures: number): Promise<void> {
  const read = unprepared(
    `select from duly.jobs where kind = $1 and failures = $2 and leased_until = '-infinity'`,
  )
  while ((await db.query(read, [kind, failures])).length === 0) runner.wake()
}

function gate() {
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open }
}
