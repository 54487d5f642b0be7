import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { pruneHistory } from '../server/tasks/sweep.ts'
import { Copy } from './copy.ts'
import { newUser, type Served, served, unlimited } from './served.ts'

const path = '/api/v1/changes'
const tasks = '/api/v1/tasks'
let api: Served
before(async () => {
  api = await served(unlimited)
})
after(() => api.close())

const get = (user: string, query = '') => api.call('GET', path + query, { user })
const copyOf = (user: string) => new Copy(address => api.call('GET', address, { user }))
const sql = (text: string, values: (string | number)[] = []) => api.server.db.query(unprepared(text), values)

async function create(user: string, title = 'a task') {
  const { status, body } = await api.call('POST', tasks, { user, json: { title } })
  assert.equal(status, 201)
  return body
}

async function patch(user: string, id: number, json: object) {
  const { status, body } = await api.call('PATCH', `${tasks}/${id}`, { user, json })
  assert.equal(status, 200)
  return body
}

const remove = (user: string, id: number) => api.call('DELETE', `${tasks}/${id}`, { user })
const task = (body: { id: number }) => ({ type: 'task', id: body.id, deleted: false, task: body })
const gone = (type: string, id: number) => ({ type, id, deleted: true })

/** One change of many items. */
async function createLists(user: string, count: number): Promise<void> {
  const operations = Array.from({ length: count }, (_, n) => ({
    op: 'create_list',
    list: { name: `list ${n}` },
  }))
  const { status } = await api.call('POST', '/api/v1/batch', { user, json: { operations } })
  assert.equal(status, 200)
}

describe('the changes of a user', () => {
  it('begin with all existing items, and then return each changed item once, in its current state', async () => {
    const user = newUser()
    const none = await get(user)
    const unset = { time_zone: 'UTC', week_start: 'monday', date_format: 'YYYY-MM-DD', time_format: '24h' }
    const defaults = { type: 'settings', deleted: false, settings: { ...unset, language: 'en' } }
    assert.deepEqual([none.status, none.body.changes, none.body.has_more], [200, [defaults], false])
    const [a, b, c] = [await create(user, 'a'), await create(user, 'b'), await create(user, 'c')]
    await remove(user, c.id)
    await createLists(user, 1)
    await api.call('PATCH', '/api/v1/settings', { user, json: { language: 'de' } })
    const all = await get(user)
    assert.deepEqual(
      all.body.changes.map(({ type, id }: { type: string; id?: number }) => [type, id]),
      [
        ['settings', undefined],
        ['list', all.body.changes[1].id],
        ['task', a.id],
        ['task', b.id],
      ],
    )
    assert.deepEqual(all.body.changes[0].settings, { ...unset, language: 'de' })
    assert.deepEqual(all.body.changes.slice(2), [task(a), task(b)])
    const since = `?since=${all.body.next}`
    assert.deepEqual((await get(user, since)).body, { changes: [], next: all.body.next, has_more: false })

    await patch(user, a.id, { title: 'a1' })
    await patch(user, b.id, { title: 'b1' })
    const a2 = await patch(user, a.id, { is_completed: true })
    await remove(user, b.id)
    assert.deepEqual((await get(user, since)).body.changes, [task(a2), gone('task', b.id)])
    // A client without a position gets deleted items too.
    const { changes } = (await get(user, `?since=${none.body.next}`)).body
    assert.deepEqual(
      changes.map(({ type, deleted }: { type: string; deleted: boolean }) => [type, deleted]),
      [
        ['task', true],
        ['list', false],
        ['settings', false],
        ['task', false],
        ['task', true],
      ],
    )
  })

  it('can be copied page by page, also within a change of many items', async () => {
    const user = newUser()
    const copy = copyOf(user)
    await create(user)
    await copy.sync()
    await createLists(user, 100)
    for (let n = 0; n < 30; n += 1) await create(user, `task ${n}`)
    const late = copyOf(user)
    assert.deepEqual(await copy.sync({ limit: 40 }), [40, 40, 40, 10])
    const first = await late.sync({ limit: 7 })
    assert.equal(
      first.reduce((sum, count) => sum + count),
      132,
    )
    assert.deepEqual(new Map([...late.items].sort()), new Map([...copy.items].sort()))
    assert.equal(copy.items.size, 132)
  })

  it('that are made while pages are read are returned again, so that the copy is complete', async () => {
    const user = newUser()
    const made = []
    for (let n = 0; n < 6; n += 1) made.push(await create(user, `task ${n}`))
    const page = await get(user, '?limit=3')
    assert.equal(page.body.has_more, true)
    const [first, , third, , fifth] = made
    const changed = await patch(user, first.id, { title: 'changed' })
    await remove(user, third.id)
    await patch(user, fifth.id, { title: 'also changed' })
    const rest = []
    for (let next = page.body.next, more = true; more; ) {
      const { body } = await get(user, `?limit=2&since=${next}`)
      rest.push(...body.changes)
      next = body.next
      more = body.has_more
    }
    assert.deepEqual(
      rest.filter(({ id }) => id === first.id),
      [task(changed)],
    )
    assert.deepEqual(
      rest.filter(({ id }) => id === third.id),
      [gone('task', third.id)],
    )
    assert.equal(rest.filter(({ id }) => id === fifth.id).length, 2)
  })

  it('include a task that was removed from the trash', async () => {
    const user = newUser()
    const [a, b] = [await create(user), await create(user)]
    const { next } = (await get(user)).body
    await patch(user, a.id, { title: 'b' })
    await remove(user, a.id)
    await sql('delete from duly.tasks where user_id = $1 and deleted_at is not null', [user])
    await patch(user, b.id, { title: 'c' })
    const { changes } = (await get(user, `?since=${next}`)).body
    assert.deepEqual(changes[0], gone('task', a.id))
    assert.equal(changes.length, 2)
  })

  it('omit what was changed again, on pages that may be empty', async () => {
    const user = newUser()
    const { id } = await create(user)
    const copy = copyOf(user)
    await copy.sync()
    for (let n = 0; n < 120; n += 1) await patch(user, id, { title: `title ${n}` })
    assert.deepEqual(await copy.sync({ limit: 1 }), [0, 1])
  })

  it('require a new sync if the log no longer reaches back, or after a restore', async () => {
    const user = newUser()
    const { id } = await create(user)
    const { next } = (await get(user)).body
    await patch(user, id, { title: 'b' })
    const later = (await get(user)).body.next
    const resync = async (since: string) => {
      const answer = await get(user, `?since=${since}`)
      assert.deepEqual([answer.status, answer.body.code], [410, 'resync_required'])
    }
    await sql(`update duly.changes set at = now() - interval '40 days' where user_id = $1`, [user])
    await sql(`update duly.owners set history_from = now() - interval '40 days' where id = $1`, [user])
    await pruneHistory(api.server.db, 30)
    await resync(next)
    assert.equal((await get(user, `?since=${later}`)).status, 200)
    const title = await patch(user, id, { title: 'c' })
    assert.deepEqual((await get(user, `?since=${later}`)).body.changes, [task(title)])
    await resync(next)
    const copy = copyOf(user)
    await copy.sync()
    assert.deepEqual(copy.tasks(), [title])
    await sql('update duly.owners set epoch = epoch + 1 where id = $1', [user])
    await resync(later)
    await sql('update duly.owners set epoch = epoch - 1, revision = 1 where id = $1', [user])
    await resync(later)
  })

  it('require a new sync within a change if the rest of it was expired', async () => {
    const user = newUser()
    await createLists(user, 3)
    const { next } = (await get(user)).body
    await createLists(user, 3)
    const middle = (await get(user, `?limit=1&since=${next}`)).body.next
    assert.equal((await get(user, `?since=${middle}`)).body.changes.length, 2)
    await sql('delete from duly.changes where user_id = $1', [user])
    assert.equal((await get(user, `?since=${middle}`)).status, 410)
  })

  it('reject invalid positions, positions of other users, and unknown parameters', async () => {
    const [user, other] = [newUser(), newUser()]
    await create(user)
    await create(other)
    const { next } = (await get(other)).body
    const own = Buffer.from((await get(user)).body.next, 'base64url').toString()
    const forged = [
      own.replace(/^d/, 'x'),
      `${own}.4.1`,
      `${own}.1`,
      `${own} `,
      own.replace(/\d+$/, '9'.repeat(16)),
      own.replace(/\d+$/, '-1'),
    ].map(text => Buffer.from(text).toString('base64url'))
    for (const since of [next, 'x', '%00', 'a'.repeat(300), ...forged]) {
      const { status, body } = await get(user, `?since=${since}`)
      assert.deepEqual([status, body.code], [422, 'broken_rule'], since)
      assert.equal(body.errors[0].query, 'since')
    }
    for (const query of ['?limit=0', '?limit=1001', '?wait=61', '?wait=-1', '?sinse=x', '?since=a&since=b']) {
      assert.equal((await get(user, query)).status, 422, query)
    }
  })

  it('include settings only for tokens with that scope', async () => {
    const user = newUser()
    const json = { name: 'script', scopes: ['tasks:read'] }
    const { token } = (await api.call('POST', '/api/v1/tokens', { user, json })).body
    const first = await api.call('GET', path, { token })
    assert.deepEqual(first.body.changes, [])
    await api.call('PATCH', '/api/v1/settings', { user, json: { language: 'de' } })
    const second = await api.call('GET', `${path}?since=${first.body.next}`, { token })
    assert.deepEqual([second.body.changes, second.body.has_more], [[], false])
    assert.notEqual(second.body.next, first.body.next)
  })

  it('include what is removed from the trash, and what an undo restores', async () => {
    const user = newUser()
    const copy = copyOf(user)
    const [a, b] = [await create(user), await create(user)]
    await copy.sync()
    const removed = await remove(user, a.id)
    await remove(user, b.id)
    await copy.sync()
    assert.deepEqual(copy.tasks(), [])
    const change = removed.headers.get('duly-change')
    assert.equal((await api.call('POST', '/api/v1/undo', { user, json: { change } })).status, 200)
    await api.call('DELETE', '/api/v1/trash', { user })
    const [one, other] = (await get(user, `?since=${copy.next}`)).body.changes
    assert.deepEqual([one.id, one.deleted, other], [a.id, false, gone('task', b.id)])
  })

  it('are returned at once to a request that waits', async () => {
    const user = newUser()
    const copy = copyOf(user)
    await copy.sync()
    assert.deepEqual(await copy.sync({ wait: 1 }), [0])
    const waiting = Promise.all([copy.sync({ wait: 60 }), copyOf(user).sync({ wait: 60 })])
    const body = await create(user)
    await waiting
    assert.deepEqual(copy.tasks(), [body])
    // A request does not wait if there already are changes.
    assert.deepEqual(await copyOf(user).sync({ wait: 60 }), [2])
  })
})
