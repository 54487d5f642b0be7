import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { contracts } from '../server/config/contract.ts'
import { unprepared } from '../server/db/database.ts'
import { AppError } from '../server/errors.ts'
import { createLog } from '../server/log.ts'
import { keyBytesIn, taskBytesIn } from '../server/tasks/bytes.ts'
import { Import } from '../server/tasks/import/import.ts'
import { invariants } from '../server/tasks/invariants.ts'
import { keyedBy } from '../server/tasks/keys.ts'
import { removeTasksOf } from '../server/tasks/owner.ts'
import { Storage } from '../server/tasks/storage.ts'
import { pruneHistory, sweepTrash } from '../server/tasks/sweep.ts'
import { tasksOf } from '../server/tasks/tasks.ts'
import { type Answer, newUser, type Served, served, unlimited } from './served.ts'

// Limits on what one user stores: tasks, trash, and idempotency keys with their responses.

const kib = 1024
const most = 128 * kib
const settings = { ...unlimited, MAX_STORAGE: '128KiB' }
const v1 = '/api/v1/tasks'
const long = 'x'.repeat(900)

let api: Served
before(async () => {
  api = await served(settings)
})
after(() => api.close())

type Send = { user: string; json?: unknown; key?: string }
const send = (method: string, path: string, { user, json, key }: Send, to: Served = api): Promise<Answer> =>
  to.call(method, path, {
    user,
    ...(json === undefined ? {} : { json }),
    ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
  })

const create = (user: string, description = long, key?: string) =>
  send('POST', v1, { user, json: { title: 'a task', description }, ...(key === undefined ? {} : { key }) })

/**
 * Bytes of the user's rows as PostgreSQL counts them, without its overhead, and numbers of rows.
 */
async function stored(user: string) {
  const [row] = await api.server.db.query(
    unprepared(
      `select (select count(*) from duly.tasks where user_id = $1 and deleted_at is null),
        (select count(*) from duly.tasks where user_id = $1 and deleted_at is not null),
        (select count(*) from duly.keys where user_id = $1),
        (select coalesce(sum(octet_length(tasks::text)), 0) from duly.tasks where user_id = $1)
          + (select coalesce(sum(octet_length(k::text)), 0) from duly.keys as k where user_id = $1)
          + (select coalesce(sum(octet_length(c::text)), 0) from duly.changes as c where user_id = $1)`,
    ),
    [user],
  )
  const [live = 0, trash = 0, keys = 0, bytes = 0] = (row ?? []).map(Number)
  return { live, trash, keys, bytes }
}

/** Asserts that the counters are the sums of the rows. @param name when */
async function assertCounted(name = ''): Promise<void> {
  const { db } = api.server
  for (const { holds, broken } of invariants)
    assert.deepEqual(await db.query(broken), [], `${name}: ${holds}`)
  const counted =
    'select id, live_bytes, trash_bytes, log_bytes, key_bytes from duly.owners where counted_revision = revision'
  const sums = (where: string) =>
    `(select coalesce(sum(${taskBytesIn('tasks')}), 0) from duly.tasks where user_id = owners.id and deleted_at is ${where})`
  const rows = `select id, ${sums('null')}, ${sums('not null')},
    (select coalesce(sum(bytes), 0) from duly.changes where user_id = owners.id),
    (select coalesce(sum(${keyBytesIn('keys')}), 0) from duly.keys where user_id = owners.id)
    from duly.owners where counted_revision = revision`
  const [left, right] = [counted, rows].map(text => db.query(unprepared(`${text} order by id`)))
  assert.deepEqual(await left, await right, name)
}

/** Creates tasks until one is rejected. @returns the ids, and the rejection */
async function fill(user: string, path = v1, to: Served = api, description = long) {
  const ids: number[] = []
  for (;;) {
    const answer = await send('POST', path, { user, json: { title: 'a task', description } }, to)
    if (answer.status !== 201) return { ids, refusal: answer }
    ids.push(answer.body.id)
    assert.ok(ids.length < 200, 'there is a limit')
  }
}

describe('a user who creates and deletes', () => {
  it('with a key for each write stays within MAX_STORAGE, and keeps the newest', async () => {
    const user = newUser()
    const kept = await create(user, 'stays')
    let last: Answer | undefined
    for (let n = 0; n < 150; n += 1) {
      last = await create(user, long, `create-${n}`)
      assert.equal(last.status, 201, last.text)
      assert.equal((await send('DELETE', `${v1}/${last.body.id}`, { user, key: `delete-${n}` })).status, 204)
      if (n % 25 === 24) assert.ok((await stored(user)).bytes <= most, `after ${n + 1}`)
    }
    const { live, trash, keys, bytes } = await stored(user)
    assert.equal(live, 1)
    assert.ok(bytes <= most && bytes > most / 4, `${bytes} bytes`)
    assert.ok(trash > 10 && keys > 10, `${trash} in the trash, ${keys} keys`)
    assert.equal((await send('GET', `${v1}/${kept.body.id}`, { user })).status, 200)
    const [newest] = await api.server.db.query(
      unprepared('select max(id) from duly.tasks where user_id = $1 and deleted_at is not null'),
      [user],
    )
    assert.equal(newest?.[0], String(last?.body.id))
    await assertCounted()
  })

  it('in concurrent requests stays within MAX_STORAGE, too', async () => {
    const user = newUser()
    const worker = async (w: number) => {
      for (let n = 0; n < 30; n += 1) {
        const { body, status } = await create(user, long, n % 2 === 0 ? `${w}-${n}` : undefined)
        assert.equal(status, 201)
        await send('DELETE', `${v1}/${body.id}`, { user })
      }
    }
    await Promise.all(Array.from({ length: 10 }, (_, w) => worker(w)))
    assert.ok((await stored(user)).bytes <= most)
    await assertCounted()
  })

  it('does not fill the storage of another user', async () => {
    const [full, other] = [newUser(), newUser()]
    await fill(full)
    assert.equal((await create(other)).status, 201)
  })

  it('loses the log before the trash, and the trash before keys', async () => {
    const user = newUser()
    const first = await create(user, long, 'first')
    await api.server.db.query(
      unprepared(`update duly.changes set at = at - interval '11 minutes' where user_id = $1`),
      [user],
    )
    await send('DELETE', `${v1}/${first.body.id}`, { user })
    const { ids } = await fill(user)
    for (const id of ids.slice(0, 20)) await send('DELETE', `${v1}/${id}`, { user })
    await fill(user)
    const now = await stored(user)
    assert.equal(now.keys, 1)
    assert.ok(now.trash > 0)
    const again = await create(user, long, 'first')
    assert.deepEqual([again.status, again.body.code], [409, 'answer_dropped'])
    assert.equal((await stored(user)).live, now.live, 'it is not executed twice')
    await assertCounted()
  })
})

describe('an import', () => {
  it('ends if the storage is full, resumes after tasks were deleted, and duplicates nothing', async () => {
    // Its rows contain the name: with a longer one, the keys of some lines are removed, too.
    const user = 'import-01234'
    const { db } = api.server
    const quota = new Storage(db, { maxTasks: 1000, maxStorage: most }, createLog('silent'))
    const lines = Array.from({ length: 200 }, (_, n) => ({
      ...{ type: 'task' as const, line: n + 1, id: n + 1 },
      ...{ values: { title: `Task ${n}` }, kept: {} },
    }))
    const run = async () => {
      const into = new Import({ db, owner: user, quota, actor: 'session' }, 'moving', false)
      const counts = { tasks: 0, skipped: 0, error: '' }
      try {
        for (let n = 0; n < lines.length; n += 20) {
          const { tasks, skipped } = await into.add(lines.slice(n, n + 20), n === 180)
          counts.tasks += tasks
          counts.skipped += skipped
        }
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        counts.error = error.code
      }
      return counts
    }
    const { tasks, ...first } = await run()
    assert.deepEqual(first, { skipped: 0, error: 'storage_full' })
    assert.ok(tasks >= 100, `${tasks} lines`)
    const found = await db.query(unprepared('select id from duly.tasks where user_id = $1 limit 100'), [user])
    for (const [id] of found)
      await tasksOf(db, user, { quota }).remove(Number(id), { keyed: keyedBy(`remove ${id}`, 'remove') })
    assert.deepEqual(await run(), { tasks: 200 - tasks, skipped: tasks, error: '' })
    assert.ok((await stored(user)).bytes <= most)
    await assertCounted()
  })
})

describe('an idempotency key of a user whose storage is full', () => {
  it('is replayed while its response is stored', async () => {
    const user = newUser()
    const { ids } = await fill(user)
    const path = `${v1}/${ids[0]}`
    for (const replayed of [null, 'true']) {
      const { status, headers } = await send('DELETE', path, { user, key: 'the-last' })
      assert.deepEqual([status, headers.get('idempotent-replayed')], [204, replayed])
    }
    await assertCounted()
  })

  it('is not stored for a rejected write, which may succeed later', async () => {
    const user = newUser()
    const { ids } = await fill(user)
    const refused = await create(user, long, 'later')
    assert.deepEqual([refused.status, refused.body.code], [409, 'storage_full'])
    await send('DELETE', `${v1}/${ids[0]}`, { user })
    assert.equal((await create(user, long, 'later')).status, 201)
  })

  it('is counted for writes that change nothing, and not stored for rejected ones', async () => {
    const user = newUser()
    const { body } = await create(user)
    for (let n = 0; n < 400; n += 1)
      assert.equal(
        (await send('PATCH', `${v1}/${body.id}`, { user, json: { title: 'a task' }, key: `${n}` })).status,
        200,
      )
    for (let n = 0; n < 10; n += 1)
      assert.equal((await send('DELETE', `${v1}/9007199254740991`, { user, key: `no-${n}` })).status, 404)
    const { bytes, keys } = await stored(user)
    assert.ok(bytes <= most, `${bytes}`)
    assert.ok(keys > 50 && keys <= 400, `${keys}`)
    await assertCounted()
  })
})

for (const contract of contracts) {
  describe(`a user whose tasks fill MAX_STORAGE, in ${contract} and beside it`, () => {
    let own: Served
    before(async () => {
      own = await served({ ...settings, CONTRACT: contract })
    })
    after(() => own.close())
    const changes: Record<string, [method: string, done: object]> = {
      '/api/v1/tasks': ['PATCH', {}],
      '/api/v1/todos': ['PUT', {}],
      '/api/tasks': ['PUT', { complete: false }],
      '/api/{user_id}/tasks': ['PUT', { complete: false }],
    }
    for (const [template, [method, done]] of Object.entries(changes)) {
      it(`gets 409 from ${template} in its own format, can shorten and delete, and then create`, async () => {
        const user = newUser()
        const path = template.replace('{user_id}', user)
        const { ids, refusal } = await fill(user, path, own, long)
        assert.equal(refusal.status, 409)
        assert.match(
          refusal.body.detail ?? refusal.body.error,
          /^Your storage is full: .* 114688 bytes\. Delete/,
        )
        if (template === v1) assert.equal(refusal.body.code, 'storage_full')
        assert.ok(ids.length > 30, `${ids.length}`)
        const one = `${path}/${ids[0]}`
        const change = (description: string) =>
          send(method, one, { user, json: { title: 'a task', description, ...done } }, own)
        assert.equal((await change(long)).status, 200, 'the same task again')
        assert.equal((await change(`${long.slice(1)}y`)).status, 200, 'another of the same length')
        // A task that grows by one byte too many.
        const grown = []
        for (const id of ids.slice(0, 40))
          grown.push(
            (
              await send(
                method,
                `${path}/${id}`,
                { user, json: { title: 'a task', description: `${long}${'z'.repeat(90)}`, ...done } },
                own,
              )
            ).status,
          )
        assert.ok(grown.includes(409), grown.join())
        const read = await send('GET', `${path}/${ids[grown.indexOf(409)]}`, { user }, own)
        assert.equal(read.body.description, long, 'a rejected request changes nothing')
        assert.equal((await change('')).status, 200, 'shorter')
        for (const id of ids.slice(1, 4)) {
          const deleted = await send('DELETE', `${path}/${id}`, { user }, own)
          assert.ok([200, 204].includes(deleted.status))
        }
        assert.equal(
          (await send('POST', path, { user, json: { title: 'b', description: long } }, own)).status,
          201,
        )
      })
    }
  })
}

describe('fifty concurrent creates', () => {
  it('use as much storage as sequential ones', async () => {
    const user = newUser()
    const { ids } = await fill(user)
    for (const id of ids.slice(0, 10)) await send('DELETE', `${v1}/${id}`, { user })
    const answers = await Promise.all(Array.from({ length: 50 }, () => create(user)))
    assert.equal(answers.filter(({ status }) => status === 201).length, 10)
    assert.equal(answers.filter(({ status }) => status === 409).length, 40)
    await assertCounted()
  })
})

describe('a task that is larger than MAX_STORAGE', () => {
  it('is also rejected as the first task of its owner', async () => {
    const tiny = await served({ ...unlimited, MAX_STORAGE: '4096' })
    const user = newUser()
    const json = { title: 'a task', description: 'y'.repeat(5000) }
    assert.equal((await tiny.call('POST', v1, { user, json })).status, 409)
    assert.equal((await tiny.call('POST', v1, { user, json: { title: 'small' } })).status, 201)
    await tiny.close()
  })
})

describe('the storage counters', () => {
  const random = generator(Number(process.env.TEST_SEED ?? 7))
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const texts = ['', 'a', 'ü'.repeat(50), '\u{1f600}'.repeat(30), 'ﷺ'.repeat(20), 'x'.repeat(3000)]

  it('equal the sums of the rows after any operations in any order', async () => {
    const { db } = api.server
    const quota = new Storage(db, { maxTasks: 40, maxStorage: 48 * kib }, createLog('silent'))
    const users = [newUser(), newUser(), newUser()]
    const keyed = (kind: string, most: number) => keyedBy(`${kind}${Math.floor(random() * most)}`, kind)
    const known = new Map<string, number[]>(users.map(user => [user, []]))
    const actions: ((user: string, ids: number[]) => Promise<unknown>)[] = [
      async (user, ids) => {
        const task = {
          title: `t${pick(texts)}`,
          description: pick([null, ...texts]),
          is_completed: random() < 0.5,
        }
        ids.push(
          (await tasksOf(db, user, { quota }).create(task, { keyed: pick([undefined, keyed('c', 50)]) })).task
            .id,
        )
      },
      ...[undefined, [3, 5]].flatMap(revisions =>
        [
          () => ({ description: pick([null, ...texts]) }),
          () => ({ title: `n${pick(texts)}`, is_completed: random() < 0.5 }),
          () => ({ title: pick(['a', 'b']) }),
        ].map(
          change => async (user: string, ids: number[]) =>
            tasksOf(db, user, { quota }).update(pick(ids), change(), {
              revisions,
              keyed: pick([undefined, keyed('u', 50)]),
            }),
        ),
      ),
      async (user, ids) => tasksOf(db, user, { quota }).toggle(pick(ids)),
      async (user, ids) => tasksOf(db, user, { quota }).remove(pick(ids)),
      async (user, ids) =>
        tasksOf(db, user, { quota }).remove(pick(ids), { revisions: [1, 2, 3], keyed: keyed('d', 20) }),
      async user =>
        db.query(unprepared(`update duly.keys set at = at - interval '9 days' where user_id = $1`), [user]),
      async user =>
        db.query(
          unprepared(
            `update duly.tasks set deleted_at = deleted_at - interval '9 days' where user_id = $1 and deleted_at is not null`,
          ),
          [user],
        ),
    ]
    for (let n = 0; n < 300; n += 1) {
      await Promise.all(
        users.map(async user => {
          await Promise.all(
            [pick(actions)(user, known.get(user) ?? []), pick(actions)(user, known.get(user) ?? [])].map(
              done => done.catch(refused),
            ),
          )
        }),
      )
      if (n % 50 === 25) {
        await sweepTrash(db, 30)
        await pruneHistory(db, 30)
      }
      if (n === 150) {
        await removeTasksOf(db, users[0] as string)
        known.set(users[0] as string, [])
      }
      if (n % 30 === 0) await assertCounted(`after ${n}`)
    }
    await assertCounted('in the end')
  })

  it('are corrected by the next write if another version has written without them', async () => {
    const user = newUser()
    const { body } = await create(user)
    const { db } = api.server
    const rows = () =>
      db.query(unprepared('select live_bytes, counted_revision = revision from duly.owners where id = $1'), [
        user,
      ])
    const [counted] = await rows()
    await db.query(
      unprepared('update duly.owners set counted_revision = revision - 1, live_bytes = 0 where id = $1'),
      [user],
    )
    await send('PATCH', `${v1}/${body.id}`, { user, json: { is_completed: true } })
    assert.deepEqual(await rows(), [counted])
    // Such a version has also created the owner; and the counters report that there is no room.
    await db.query(
      unprepared(
        'update duly.owners set counted_revision = -1, live_bytes = 999999999999, task_count = 5 where id = $1',
      ),
      [user],
    )
    assert.equal((await create(user)).status, 201)
    await assertCounted()
  })

  it('are corrected if they report something to drop that does not exist', async () => {
    const user = newUser()
    await create(user)
    const { db } = api.server
    await db.query(unprepared('update duly.owners set trash_bytes = 999999999 where id = $1'), [user])
    await create(user)
    await assertCounted()
  })
})

function refused(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const expected = [
    'task_not_found',
    'storage_full',
    'too_many_tasks',
    'answer_dropped',
    'idempotency_key_reused',
  ]
  if (!expected.includes(String(code))) throw error
}

/** Mulberry32, a generator of reproducible random numbers. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
