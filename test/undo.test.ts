import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { newUser, type Served, served } from './served.ts'

let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

type Json = Record<string, unknown>
const tasks = '/api/v1/tasks'
const lists = '/api/v1/lists'
const send = (user: string, method: string, path: string, json?: unknown, headers = {}) =>
  api.call(method, path, { user, headers, ...(json === undefined ? {} : { json }) })

async function create(user: string, json: Json): Promise<Json & { id: number; revision: number }> {
  const { status, body } = await send(user, 'POST', tasks, json)
  assert.equal(status, 201, JSON.stringify(body))
  return body
}
const get = (user: string, id: number) => send(user, 'GET', `${tasks}/${id}`)
const changeOf = ({ headers }: { headers: Headers }) => String(headers.get('duly-change'))
const undo = (user: string, change: string) => send(user, 'POST', '/api/v1/undo', { change })
const batch = (user: string, operations: unknown[], query = '', headers = {}) =>
  send(user, 'POST', `/api/v1/batch${query}`, { operations }, headers)

describe('a batch', () => {
  it('executes all operations with one revision, including refs', async () => {
    const user = newUser()
    const { id } = await create(user, { title: 'old' })
    const { status, body, headers } = await batch(user, [
      { op: 'create_list', ref: 'trip', list: { name: 'Trip' } },
      { op: 'create', ref: 'pack', task: { title: 'Pack', list_id: '$trip', tags: ['a'] } },
      { op: 'create', ref: 'pass', task: { title: 'Passport', parent_id: '$pack' } },
      { op: 'update', id, changes: { title: 'new', metadata: { a: 1 } }, revision: 1 },
      { op: 'move', id, list_id: '$trip', before: '$pack' },
      { op: 'update', id: '$pass', changes: { is_completed: true } },
      { op: 'create', ref: 'gone', task: { title: 'Gone' } },
      { op: 'delete', id: '$gone' },
      { op: 'restore', id },
    ])
    assert.equal(status, 200, JSON.stringify(body))
    assert.equal(body.change, headers.get('duly-change'))
    const [list, pack, passport, changed, moved, done, , gone, restored] = body.results
    assert.deepEqual(
      [pack, passport, changed, done].map(({ task }) => [task.title, task.list_id, task.revision]),
      ['Pack', 'Passport', 'new', 'Passport'].map(title => [title, list.list.id, 2]),
    )
    assert.equal(passport.task.parent_id, pack.task.id)
    assert.ok(done.task.completed_at)
    assert.deepEqual([moved, restored], [changed, changed])
    assert.ok(moved.task.position < pack.task.position)
    assert.equal(gone.deleted, true)
    assert.deepEqual((await get(user, id)).body, changed.task)
    assert.deepEqual((await get(user, passport.task.id)).body, passport.task)
  })

  it('executes none if one fails, and names it with the reason', async () => {
    const user = newUser()
    const { id, revision } = await create(user, { title: 'old' })
    const foreign = await create(newUser(), { title: 'not yours' })
    const fine = { op: 'create', task: { title: 'new' } }
    const failing: [unknown, number, string][] = [
      [{ op: 'update', id: foreign.id, changes: { title: 'x' } }, 404, '#/operations/1/id'],
      [{ op: 'delete', id: 99_999_999 }, 404, '#/operations/1/id'],
      [{ op: 'update', id, changes: { title: '' } }, 422, '#/operations/1/changes/title'],
      [{ op: 'update', id, changes: { titel: 'x' } }, 422, '#/operations/1/changes/titel'],
      [{ op: 'update', id, changes: { title: 'x' }, revision: revision + 1 }, 412, '#/operations/1/revision'],
      [{ op: 'create', task: { title: 'x', parent_id: foreign.id } }, 422, '#/operations/1/task/parent_id'],
      [{ op: 'create', task: { title: 'x', parent_id: '$no' } }, 422, '#/operations/1/task/parent_id'],
      [{ op: 'move', id, before: foreign.id }, 422, '#/operations/1/before'],
      [{ op: 'move', id, parent_id: id }, 422, '#/operations/1/parent_id'],
      [{ op: 'delete_list', id: 5 }, 404, '#/operations/1/id'],
      [{ op: 'explode' }, 422, '#/operations/1/op'],
      [{ op: 'delete', id, force: true }, 422, '#/operations/1/force'],
      ['delete', 422, '#/operations/1'],
    ]
    for (const [operation, status, pointer] of failing) {
      const answer = await batch(user, [fine, operation])
      assert.deepEqual([answer.status, answer.body.errors[0].pointer], [status, pointer], answer.text)
    }
    const { body } = await send(user, 'GET', tasks)
    assert.deepEqual(
      body.tasks.map((task: Json) => [task.title, task.revision]),
      [['old', 1]],
    )
    for (const operations of [[], Array(101).fill(fine), 'x'])
      assert.equal((await batch(user, operations as unknown[])).status, 422)
  })

  it('is executed once for its key, also by a retry; a dry run stores nothing', async () => {
    const user = newUser()
    const key = { 'idempotency-key': 'batch' }
    const operations = [{ op: 'create', task: { title: 'once' } }]
    const dry = await batch(user, operations, '?dry_run=true', key)
    assert.deepEqual([dry.status, dry.body.change, dry.headers.get('duly-change')], [200, undefined, null])
    assert.equal((await batch(user, operations, '?dry_run=')).status, 422)
    assert.equal((await send(user, 'GET', tasks)).body.tasks.length, 0)
    const [first, second] = await Promise.all([
      batch(user, operations, '', key),
      batch(user, operations, '', key),
    ])
    assert.equal(first?.text, second?.text)
    assert.equal((await send(user, 'GET', tasks)).body.tasks.length, 1)
    const other = await batch(user, [{ op: 'create', task: { title: 'other' } }], '', key)
    assert.deepEqual([other.status, other.body.code], [422, 'idempotency_key_reused'])
  })
})

describe('undo', () => {
  it('reverts the fields of a change, and keeps others; undoing the undo redoes it', async () => {
    const user = newUser()
    const task = await create(user, { title: 'a', priority: 'low', tags: ['x'] })
    const path = `${tasks}/${task.id}`
    const change = changeOf(
      await send(user, 'PATCH', path, {
        title: 'b',
        due: { date: '2026-12-01' },
        tags: [],
        is_completed: true,
      }),
    )
    await send(user, 'PATCH', path, { priority: 'high' })
    const undone = await undo(user, change)
    assert.equal(undone.status, 200, undone.text)
    const { title, due, tags, is_completed, completed_at, priority } = undone.body.results[0].task
    assert.deepEqual(
      { title, due, tags, is_completed, completed_at, priority },
      {
        ...{ title: 'a', due: null, tags: ['x'], is_completed: false },
        completed_at: null,
        priority: 'high',
      },
    )
    const again = await undo(user, change)
    assert.deepEqual([again.status, again.body.change], [200, null])
    const redone = await undo(user, undone.body.change)
    assert.deepEqual(redone.body.results[0].task.title, 'b')
    assert.deepEqual(redone.body.results[0].task.due, { date: '2026-12-01' })
    assert.ok(redone.body.results[0].task.completed_at)
  })

  it('is rejected for what has changed since, with the tasks and fields, and writes nothing', async () => {
    const user = newUser()
    const task = await create(user, { title: 'a' })
    const path = `${tasks}/${task.id}`
    const created = await send(user, 'POST', tasks, { title: 'parent' })
    const change = changeOf(await send(user, 'PATCH', path, { title: 'b' }))
    await send(user, 'PATCH', path, { title: 'c' })
    const refused = await undo(user, change)
    assert.deepEqual([refused.status, refused.body.code], [409, 'undo_conflict'])
    assert.deepEqual(
      refused.body.conflicts.map(({ type, id, fields, task }: Json & { task: Json }) => [
        ...[type, id, fields],
        task.title,
      ]),
      [['task', task.id, ['title'], 'c']],
    )
    await create(user, { title: 'child', parent_id: created.body.id })
    const parent = await undo(user, changeOf(created))
    assert.deepEqual([parent.status, parent.body.code], [409, 'undo_conflict'])
    assert.equal((await get(user, created.body.id)).status, 200)
  })

  it('reverts a creation, a deletion of a tree, a move, a batch, a tag and a list', async () => {
    const user = newUser()
    const { body: list } = await send(user, 'POST', lists, { name: 'Trip' })
    const parent = await create(user, { title: 'parent', list_id: list.id, tags: ['old', 'other'] })
    const child = await create(user, { title: 'child', parent_id: parent.id, tags: ['OLD'] })
    const alone = await create(user, { title: 'alone' })
    const state = async () =>
      (await send(user, 'GET', `${tasks}?limit=1000&sort=title`)).body.tasks.map((task: Json) => {
        const { id, title, list_id, parent_id, position, tags } = task
        return { id, title, list_id, parent_id, position, tags }
      })
    const before = await state()
    const changes = [
      () => send(user, 'POST', tasks, { title: 'new' }),
      () => send(user, 'DELETE', `${tasks}/${parent.id}`),
      () => send(user, 'POST', `${tasks}/${parent.id}/move`, { list_id: null, before: alone.id }),
      () => send(user, 'POST', `${tasks}/${child.id}/move`, { parent_id: alone.id }),
      () =>
        batch(user, [
          { op: 'create', ref: 'a', task: { title: 'made' } },
          { op: 'move', id: child.id, parent_id: '$a' },
          { op: 'delete', id: alone.id },
          { op: 'update_list', id: list.id, changes: { name: 'Journey' } },
        ]),
      () => send(user, 'POST', '/api/v1/tags/rename', { from: 'Old', to: 'other' }),
      () => send(user, 'POST', '/api/v1/tags/delete', { name: 'old' }),
      () => send(user, 'DELETE', `${lists}/${list.id}`),
      () => send(user, 'DELETE', `${lists}/${list.id}?move_tasks_to=inbox`),
    ]
    for (const [n, make] of changes.entries()) {
      const made = await make()
      assert.ok(made.status < 300, made.text)
      assert.notDeepEqual(await state(), before, `${n}`)
      const undone = await undo(user, changeOf(made))
      assert.equal(undone.status, 200, `${n}: ${undone.text}`)
      assert.deepEqual(await state(), before, `${n}`)
      const redone = await undo(user, undone.body.change)
      assert.equal(redone.status, 200, `${n}: ${redone.text}`)
      const back = await undo(user, redone.body.change)
      assert.equal(back.status, 200, `${n}: ${back.text}`)
      assert.deepEqual(await state(), before, `${n}`)
    }
  })

  it('rejects changes of other users, and unknown ones', async () => {
    const [user, other] = [newUser(), newUser()]
    const change = changeOf(await send(user, 'POST', tasks, { title: 'a' }))
    await create(other, { title: 'b' })
    for (const id of [change, '', '1', '1-', 'zz-zzzzzzzzzzzz', `${change}x`, change.toUpperCase()]) {
      const refused = await undo(other, id)
      assert.deepEqual([refused.status, refused.body.code], [404, 'change_not_found'], id)
    }
  })
})

describe('the history of a task', () => {
  it('lists who changed what, newest first, in pages', async () => {
    const user = newUser()
    const token = await send(user, 'POST', '/api/v1/tokens', {
      name: 'robot',
      scopes: ['tasks:read', 'tasks:write'],
    })
    const { id } = await create(user, { title: 'a' })
    const path = `${tasks}/${id}`
    await api.call('PATCH', path, { token: token.body.token, json: { title: 'b' } })
    await send(user, 'PATCH', path, { is_completed: true })
    await send(user, 'DELETE', path)
    await send(user, 'POST', `${path}/restore`)
    const { body } = await send(user, 'GET', `${path}/history`)
    assert.deepEqual(
      body.history.map((entry: Json) => entry.action),
      ['restored', 'deleted', 'completed', 'updated', 'created'],
    )
    const updated = body.history[3]
    assert.deepEqual(updated.by, { kind: 'token', name: 'robot' })
    assert.deepEqual(updated.fields, { title: { from: 'a', to: 'b' } })
    const pages: Json[] = []
    for (let cursor = ''; ; ) {
      const page = await send(user, 'GET', `${path}/history?limit=2${cursor}`)
      pages.push(...page.body.history)
      if (page.body.next_cursor === null) break
      cursor = `&cursor=${page.body.next_cursor}`
    }
    assert.deepEqual(pages, body.history)
    assert.equal((await undo(user, updated.change)).status, 200)
  })
})

describe('the trash', () => {
  it('lists deleted items, and removes them permanently with their history', async () => {
    const user = newUser()
    const { body: list } = await send(user, 'POST', lists, { name: 'Trip' })
    const inList = await create(user, { title: 'in list', list_id: list.id })
    const parent = await create(user, { title: 'secret parent' })
    const child = await create(user, { title: 'child', parent_id: parent.id })
    await send(user, 'PATCH', `${tasks}/${parent.id}`, { title: 'renamed' })
    const key = { 'idempotency-key': 'secret' }
    await batch(user, [{ op: 'update', id: parent.id, changes: { title: 'secret again' } }], '', key)
    await send(user, 'DELETE', `${tasks}/${parent.id}`)
    await send(user, 'DELETE', `${lists}/${list.id}`)
    const { body } = await send(user, 'GET', '/api/v1/trash')
    const named = (item: Json) => [item.type, (item[item.type as string] as Json).id]
    assert.deepEqual(body.items.map(named), [
      ['list', list.id],
      ['task', inList.id],
      ['task', child.id],
      ['task', parent.id],
    ])
    const pages: unknown[] = []
    for (let cursor = ''; ; ) {
      const page = (await send(user, 'GET', `/api/v1/trash?limit=1${cursor}`)).body
      pages.push(...page.items)
      if (page.next_cursor === null) break
      cursor = `&cursor=${page.next_cursor}`
    }
    assert.deepEqual(pages, body.items)
    const purged = await send(user, 'DELETE', `/api/v1/trash/task/${parent.id}`)
    assert.deepEqual([purged.status, purged.headers.get('duly-change')], [204, null])
    for (const one of [parent, child])
      assert.equal((await send(user, 'POST', `${tasks}/${one.id}/restore`)).status, 404)
    const again = await batch(
      user,
      [{ op: 'update', id: parent.id, changes: { title: 'secret again' } }],
      '',
      key,
    )
    assert.equal(again.body.code, 'answer_dropped')
    assert.equal((await send(user, 'DELETE', `/api/v1/trash/task/${parent.id}`)).status, 404)
    assert.equal((await send(user, 'DELETE', '/api/v1/trash')).status, 204)
    assert.deepEqual((await send(user, 'GET', '/api/v1/trash')).body.items, [])
    assert.equal((await send(user, 'POST', `${lists}/${list.id}/restore`)).status, 404)
  })
})

describe('tags and settings', () => {
  it('counts open tasks by tag, in any case', async () => {
    const user = newUser()
    await create(user, { title: 'a', tags: ['Home', 'b'] })
    await create(user, { title: 'b', tags: ['home'] })
    await create(user, { title: 'c', tags: ['Home'], is_completed: true })
    const { body } = await send(user, 'GET', '/api/v1/tags')
    assert.deepEqual(body.tags, [
      { name: 'b', open_task_count: 1 },
      { name: 'Home', open_task_count: 2 },
    ])
  })

  it('stores settings, and rejects unknown time zones', async () => {
    const user = newUser()
    const path = '/api/v1/settings'
    const defaults = (await send(user, 'GET', path)).body
    assert.deepEqual(defaults.time_zone, 'UTC')
    const changed = await send(user, 'PATCH', path, { time_zone: 'Pacific/Auckland', language: 'pt-BR' })
    assert.deepEqual(changed.body, { ...defaults, time_zone: 'Pacific/Auckland', language: 'pt-BR' })
    assert.deepEqual((await send(user, 'GET', path)).body, changed.body)
    for (const json of [{ time_zone: '+01:00' }, { time_zone: 'Mars/X' }, { week_start: 'x' }, { a: 1 }])
      assert.equal((await send(user, 'PATCH', path, json)).status, 422)
    const { body: token } = await send(user, 'POST', '/api/v1/tokens', { name: 'a', scopes: ['tasks:read'] })
    assert.equal((await api.call('GET', path, { token: token.token })).status, 403)
  })
})
