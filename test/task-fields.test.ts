import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Answer, newUser, type Served, served, unlimited } from './served.ts'

// Priority, tags, dates and metadata in v1, shared with the contracts of existing front ends.

let api: Served
before(async () => {
  api = await served({ CONTRACT: 'task-api', ...unlimited })
})
after(() => api.close())

const path = '/api/v1/tasks'

async function create(user: string, json: object = {}) {
  const answer = await api.call('POST', path, { user, json: { title: 'a', ...json } })
  assert.equal(answer.status, 201, answer.text)
  return answer.body
}
const patch = (user: string, id: number, json: object, headers: Record<string, string> = {}) =>
  api.call('PATCH', `${path}/${id}`, { user, json, headers })
const pointers = ({ body }: Answer) => body.errors.map((error: { pointer: string }) => error.pointer)

describe('structured fields of a task', () => {
  const berlin = { date: '2026-12-01', time: '09:30', time_zone: 'Europe/Berlin' }
  const fields = {
    priority: 'high',
    tags: ['Garden', 'Größe'],
    start: { date: '2026-11-30', time: '18:00' },
    due: { ...berlin, at: '2026-12-01T08:30:00Z' },
    deadline: '2026-12-24',
    estimate_minutes: 90,
    metadata: { category: 'home', nested: { deep: [null, 1.5, 'é'] } },
  }

  it('are stored, returned alike by one task and by lists, and removed by null', async () => {
    const user = newUser()
    const task = await create(user, { ...fields, due: berlin })
    assert.deepEqual({ ...task, ...fields }, task)
    const { body } = await api.call('GET', path, { user })
    assert.deepEqual(body.tasks, [task])
    const exported = (format: string) => api.call('GET', `/api/v1/export?format=${format}`, { user })
    assert.deepEqual(JSON.parse((await exported('ndjson')).text), task)
    const csv = (await exported('csv')).text
    assert.ok(csv.includes(',"high","[""Garden"", ""Größe""]",'), csv)
    const nulls = Object.fromEntries(Object.keys(fields).map(name => [name, null]))
    const cleared = await patch(user, task.id, nulls)
    assert.equal(cleared.status, 200)
    const none = { ...nulls, tags: [], metadata: {} }
    const { updated_at, revision } = cleared.body
    assert.deepEqual(cleared.body, { ...task, ...none, updated_at, revision })
  })

  it('are rejected by name if they are invalid, and nothing is changed', async () => {
    const user = newUser()
    const task = await create(user, fields)
    const wrong: [name: string, ...values: unknown[]][] = [
      ['priority', 'urgent', 3, ''],
      ['tags', 'garden', [1], ['a,b'], [' '], ['x'.repeat(51)], ['a', 'A'], Array(21).fill('t'), ['a\0']],
      ['due', '2026-12-01', {}, { date: '2026-02-30' }, { ...berlin, time_zone: '+01:00' }],
      ['start', 'now', { date: '2026-12-01', time: '09:31' }, { date: '2026-12-02' }],
      ['deadline', '2026-02-30', '1.12.2026', 20261201, ''],
      ['estimate_minutes', 0, 525_601, 1.5, '90'],
      ['metadata', [], 'x', { a: 'x'.repeat(4090) }, { a: '\0' }, { a: '\ud800' }, { a: [2 ** 53] }],
    ]
    for (const [name, ...values] of wrong)
      for (const value of values) {
        const answer = await patch(user, task.id, { title: 'changed', [name]: value })
        assert.equal(answer.status, 422, JSON.stringify(value))
        assert.deepEqual(pointers(answer), [`#/${name}`])
      }
    assert.deepEqual((await api.call('GET', `${path}/${task.id}`, { user })).body, task)
  })

  it('merge metadata by member, also for two concurrent clients', async () => {
    const user = newUser()
    const { id } = await create(user, { metadata: { gone: 1 } })
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => patch(user, id, { metadata: { [`m${n}`]: n, gone: null } })),
    )
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    const { body } = await api.call('GET', `${path}/${id}`, { user })
    assert.deepEqual(body.metadata, Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`m${n}`, n])))
    const full = await patch(user, id, { metadata: { long: 'x'.repeat(4040) } })
    assert.deepEqual([full.status, pointers(full)], [422, ['#/metadata']])
  })

  it('are changed once for an idempotency key, and replayed after later changes', async () => {
    const user = newUser()
    const { id } = await create(user)
    const change = { metadata: { a: 1 }, tags: ['x'], due: { date: '2026-12-01' }, priority: 'low' }
    const key = { 'idempotency-key': 'change-1' }
    const first = await patch(user, id, change, key)
    await patch(user, id, { metadata: { b: 2 }, tags: [], due: null, priority: 'high' })
    const again = await patch(user, id, change, key)
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    assert.deepEqual(again.body, first.body)
  })

  it('sort and filter lists, with tasks without a value last in both directions', async () => {
    const user = newUser()
    const days = ['2026-12-02', null, '2026-11-30', '2026-12-01', '2026-12-01']
    const priorities = ['low', 'high', null, 'medium', 'high']
    const ids: number[] = []
    for (const [n, date] of days.entries()) {
      const time = n === 4 ? { time: '23:59' } : {}
      const due = date === null ? {} : { due: { date, ...time } }
      ids.push((await create(user, { ...due, priority: priorities[n] })).id)
    }
    const order = async (query: string) => {
      const found: number[] = []
      let cursor: string | null = ''
      while (cursor !== null) {
        const { body }: Answer = await api.call('GET', `${path}?limit=2&${query}&cursor=${cursor}`, { user })
        found.push(...body.tasks.map(({ id }: { id: number }) => ids.indexOf(id)))
        cursor = body.next_cursor
      }
      return found
    }
    assert.deepEqual(await order('sort=due'), [2, 4, 3, 0, 1])
    assert.deepEqual(await order('sort=-due'), [0, 3, 4, 2, 1])
    assert.deepEqual(await order('sort=priority'), [0, 3, 1, 4, 2])
    assert.deepEqual(await order('sort=-priority'), [4, 1, 3, 0, 2])
    assert.deepEqual(await order('priority=high'), [4, 1])
    for (const n of [3, 0, 2]) await patch(user, ids[n] as number, { is_completed: true, deadline: days[n] })
    assert.deepEqual(await order('sort=completed_at'), [3, 0, 2, 1, 4])
    assert.deepEqual(await order('sort=-completed_at'), [2, 0, 3, 4, 1])
    assert.deepEqual(await order('sort=deadline'), [2, 3, 0, 1, 4])
    assert.deepEqual(await order('sort=-deadline'), [0, 3, 2, 4, 1])
    assert.equal((await api.call('GET', `${path}?priority=urgent`, { user })).status, 422)
  })

  it('may have names of JavaScript properties', async () => {
    const user = newUser()
    for (const word of ['constructor', '__proto__', 'toString', 'valueOf']) {
      const json = { title: word, priority: word, status: word, tags: [word], category: word }
      const { status, body } = await api.call('POST', '/api/tasks', { user, json })
      assert.deepEqual([status, { ...body, ...json }], [201, body])
      const query = ['priority', 'category', 'tags', 'sort', 'order', 'page'].map(name => `${name}=${word}`)
      const found = await api.call('GET', `/api/tasks?status=open&${query.join('&')}`, { user })
      assert.deepEqual([found.status, found.body.tasks], [200, [body]])
    }
    const many = { title: 'a', tags: Array.from({ length: 9000 }, (_, n) => n.toString(36)).join() }
    assert.equal((await api.call('POST', '/api/tasks', { user, json: many })).status, 422)
  })

  it('are shared with the contracts of front ends, which return the spelling that they received', async () => {
    const user = newUser()
    const sent = { title: 'a', priority: 'URGENT', due_date: '2026-12-01T08:30:00.000Z', category: 'home' }
    const { body: made } = await api.call('POST', '/api/tasks', { user, json: sent })
    assert.deepEqual({ ...made, ...sent }, made)
    const one = async () => (await api.call('GET', `/api/tasks/${made.id}`, { user })).body
    const inV1 = (await api.call('GET', `${path}/${made.id}`, { user })).body
    const due = { date: '2026-12-01', time: '08:30', time_zone: 'UTC', at: '2026-12-01T08:30:00Z' }
    assert.deepEqual([inV1.priority, inV1.due, inV1.metadata], ['high', due, { category: 'home' }])
    await patch(user, made.id, { priority: 'high', due: berlin, metadata: { other: 1 } })
    const { priority, due_date, category } = await one()
    assert.deepEqual([priority, due_date, category], ['high', '2026-12-01T08:30:00Z', 'home'])
    // A form sends all fields back: Berlin does not become UTC.
    await api.call('PUT', `/api/tasks/${made.id}`, { user, json: { ...(await one()), title: 'b' } })
    const later = (await api.call('GET', `${path}/${made.id}`, { user })).body
    assert.deepEqual([later.title, later.due], ['b', fields.due])
    await patch(user, made.id, { priority: null, due: null })
    assert.deepEqual([(await one()).priority, (await one()).due_date], [null, null])
  })
})
