import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { newUser, type Served, served } from './served.ts'

let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

const tasks = '/api/v1/tasks'
const lists = '/api/v1/lists'
type Json = Record<string, unknown>
const send = (user: string, method: string, path: string, json?: unknown) =>
  api.call(method, path, { user, ...(json === undefined ? {} : { json }) })

async function create(user: string, json: Json): Promise<Json & { id: number; position: string }> {
  const { status, body } = await send(user, 'POST', tasks, json)
  assert.equal(status, 201, JSON.stringify(body))
  return body
}
const get = async (user: string, id: number) => (await send(user, 'GET', `${tasks}/${id}`)).body
const createList = async (user: string, name: string): Promise<number> =>
  (await send(user, 'POST', lists, { name })).body.id

/** Titles of the top level of the inbox, or the children of a task, by position. */
async function titles(user: string, within: (task: Json) => boolean = task => task.parent_id === null) {
  const { body } = await send(user, 'GET', `${tasks}?limit=1000`)
  return (body.tasks as Json[])
    .filter(within)
    .sort((a, b) => (String(a.position) < String(b.position) ? -1 : 1))
    .map(task => task.title)
}

describe('lists', () => {
  it('are created, changed and moved, and deleted and restored with their tasks', async () => {
    const user = newUser()
    const created = await send(user, 'POST', lists, { name: ' Garden ', color: '#00ff00' })
    assert.equal(created.status, 201)
    const { id, position } = created.body
    assert.deepEqual(created.body, {
      ...{ id, name: 'Garden', color: '#00ff00', position, is_archived: false, revision: 1 },
      created_at: created.body.created_at,
      updated_at: created.body.created_at,
    })
    assert.equal(created.headers.get('location'), `${lists}/${id}`)
    const other = await createList(user, 'House')
    const task = await create(user, { title: 'Water', list_id: id })
    const part = await create(user, { title: 'Fill the can', parent_id: task.id })
    assert.equal(part.list_id, id)
    const gone = await create(user, { title: 'Deleted before', list_id: id })
    await send(user, 'DELETE', `${tasks}/${gone.id}`)
    const { body } = await send(user, 'GET', lists)
    assert.deepEqual(
      body.lists.map((list: Json) => [list.name, list.open_task_count]),
      [
        ['Garden', 2],
        ['House', 0],
      ],
    )
    const moved = await send(user, 'POST', `${lists}/${other}/move`, { after: null })
    assert.equal(moved.status, 200)
    assert.ok(moved.body.position < position)
    const removed = await send(user, 'DELETE', `${lists}/${id}`)
    assert.equal(removed.status, 204)
    assert.ok(removed.headers.get('duly-change'))
    for (const one of [task, part]) assert.equal((await send(user, 'GET', `${tasks}/${one.id}`)).status, 404)
    assert.equal((await send(user, 'GET', `${lists}/${id}`)).status, 404)
    const restored = await send(user, 'POST', `${lists}/${id}/restore`)
    assert.equal(restored.status, 200, JSON.stringify(restored.body))
    assert.equal((await get(user, part.id)).parent_id, task.id)
    assert.equal((await send(user, 'GET', `${tasks}/${gone.id}`)).status, 404)
    const empty = await send(user, 'DELETE', `${lists}/${id}?move_tasks_to=`)
    assert.deepEqual([empty.status, empty.body.errors[0].query], [422, 'move_tasks_to'])
    const into = await send(user, 'DELETE', `${lists}/${id}?move_tasks_to=${other}`)
    assert.equal(into.status, 204)
    assert.equal((await get(user, task.id)).list_id, other)
    assert.equal((await get(user, part.id)).list_id, other)
  })

  it('reject unknown fields by name', async () => {
    const user = newUser()
    const { status, body } = await send(user, 'POST', lists, { nam: 'a', color: 'red' })
    assert.equal(status, 422)
    assert.deepEqual(
      body.errors.map((error: Json) => error.pointer),
      ['#/nam', '#/name', '#/color'],
    )
    const foreign = await createList(newUser(), 'Not yours')
    for (const list of [foreign, 999_999]) {
      const refused = await send(user, 'POST', tasks, { title: 'a', list_id: list })
      assert.equal(refused.status, 422)
      assert.deepEqual(
        refused.body.errors.map((error: Json) => error.pointer),
        ['#/list_id'],
      )
    }
  })
})

describe('the order of tasks', () => {
  it('is the order of creation, and follows moves', async () => {
    const user = newUser()
    const ids: number[] = []
    for (const title of ['a', 'b', 'c', 'd']) ids.push((await create(user, { title })).id)
    const [a, b, , d] = ids
    assert.deepEqual(await titles(user), ['a', 'b', 'c', 'd'])
    const moved = await send(user, 'POST', `${tasks}/${d}/move`, { before: b })
    assert.equal(moved.status, 200)
    assert.deepEqual(await titles(user), ['a', 'd', 'b', 'c'])
    const same = await send(user, 'POST', `${tasks}/${d}/move`, { after: a })
    assert.equal(same.body.revision, moved.body.revision)
    assert.equal(same.headers.get('duly-change'), null)
    await send(user, 'POST', `${tasks}/${a}/move`, {})
    assert.deepEqual(await titles(user), ['d', 'b', 'c', 'a'])
    await send(user, 'POST', `${tasks}/${a}/move`, { after: null })
    assert.deepEqual(await titles(user), ['a', 'd', 'b', 'c'])
  })

  it('rejects cycles, tasks of others and a ninth level', async () => {
    const user = newUser()
    const levels: number[] = []
    for (let n = 0; n < 8; n += 1)
      levels.push((await create(user, { title: `${n}`, ...(n > 0 ? { parent_id: levels[n - 1] } : {}) })).id)
    const deep = await send(user, 'POST', tasks, { title: 'x', parent_id: levels[7] })
    assert.deepEqual([deep.status, deep.body.errors[0].pointer], [422, '#/parent_id'])
    const cycle = await send(user, 'POST', `${tasks}/${levels[0]}/move`, { parent_id: levels[3] })
    assert.deepEqual([cycle.status, cycle.body.errors[0].pointer], [422, '#/parent_id'])
    const foreign = await create(newUser(), { title: 'not yours' })
    for (const [field, path] of [
      ['parent_id', '#/parent_id'],
      ['before', '#/before'],
      ['after', '#/after'],
    ]) {
      const refused = await send(user, 'POST', `${tasks}/${levels[1]}/move`, {
        [field as string]: foreign.id,
      })
      assert.deepEqual([refused.status, refused.body.errors[0].pointer], [422, path])
    }
  })
})

describe('subtasks', () => {
  it('are deleted and restored with their parent, except those deleted before', async () => {
    const user = newUser()
    const parent = await create(user, { title: 'parent' })
    const child = await create(user, { title: 'child', parent_id: parent.id })
    const early = await create(user, { title: 'early', parent_id: parent.id })
    await send(user, 'DELETE', `${tasks}/${early.id}`)
    const key = { 'idempotency-key': 'delete-parent' }
    const remove = () => api.call('DELETE', `${tasks}/${parent.id}`, { user, headers: key })
    const first = await remove()
    const again = await remove()
    assert.deepEqual([first.status, again.status], [204, 204])
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    assert.equal(again.headers.get('duly-change'), first.headers.get('duly-change'))
    assert.equal((await send(user, 'GET', `${tasks}/${child.id}`)).status, 404)
    const restored = await send(user, 'POST', `${tasks}/${parent.id}/restore`)
    assert.equal(restored.status, 200)
    assert.equal((await get(user, child.id)).parent_id, parent.id)
    assert.equal((await send(user, 'GET', `${tasks}/${early.id}`)).status, 404)
    const alone = await send(user, 'POST', `${tasks}/${early.id}/restore`)
    assert.equal(alone.body.parent_id, parent.id)
  })

  it('are in the list of their parent after every move', async () => {
    const user = newUser()
    const list = await createList(user, 'Trip')
    const parent = await create(user, { title: 'parent' })
    const child = await create(user, { title: 'child', parent_id: parent.id })
    await send(user, 'PATCH', `${tasks}/${parent.id}`, { list_id: list })
    assert.equal((await get(user, child.id)).list_id, list)
    const out = await send(user, 'POST', `${tasks}/${child.id}/move`, { list_id: null })
    assert.deepEqual([out.body.list_id, out.body.parent_id], [null, null])
    const wrong = await send(user, 'PATCH', `${tasks}/${child.id}`, { list_id: 999, parent_id: parent.id })
    assert.equal(wrong.status, 422)
  })
})

describe('bodies', () => {
  it('may be a whole task that was returned; unknown and read-only fields are rejected by name', async () => {
    const user = newUser()
    const task = await create(user, {
      title: 'a',
      due: { date: '2026-12-01', time: '09:30', time_zone: 'Europe/Berlin' },
      metadata: { a: 1, b: 2 },
    })
    const same = await send(user, 'PATCH', `${tasks}/${task.id}`, task)
    assert.deepEqual([same.status, same.body], [200, task])
    const renamed = await send(user, 'PATCH', `${tasks}/${task.id}`, { ...task, title: 'b' })
    assert.deepEqual([renamed.status, renamed.body.title], [200, 'b'])
    for (const json of [{ revision: 77 }, { titel: 'x' }, { id: 1 }, { user_id: user }]) {
      const refused = await send(user, 'PATCH', `${tasks}/${task.id}`, json)
      assert.equal(refused.status, 422)
      assert.deepEqual(
        refused.body.errors.map((error: Json) => error.pointer),
        [`#/${Object.keys(json)[0]}`],
      )
    }
    assert.equal((await send(user, 'POST', tasks, { title: 'x', id: 5 })).status, 422)
  })
})

describe('the texts of a batch', () => {
  const texts = ['"', '\\', '\\"', 'NULL', 'null', '', '{a,b}', 'a,b', 'two\nlines\t', "it's", '\u0001', '😀']
  const tags = ['say "a"', 'b\\c', '{d}', 'null']

  it('are stored as they were sent', async () => {
    const user = newUser()
    const batch = async (operations: readonly Json[]): Promise<Json[]> => {
      const { status, body } = await send(user, 'POST', '/api/v1/batch', { operations })
      assert.equal(status, 200, JSON.stringify(body))
      return body.results.map(({ task }: { task: Json }) => task)
    }
    const task = (text: string) => ({ title: `a${text}z`, description: text })
    const plain = await batch(texts.map(text => ({ op: 'create', task: task(text) })))
    const tagged = await batch(texts.map(text => ({ op: 'create', task: { ...task(text), tags } })))
    const changed = await batch(
      plain.map(({ id }, n) => ({ op: 'update', id, changes: { ...task(`${texts[n]}'`), tags } })),
    )
    for (const [n, text] of texts.entries()) {
      assert.deepEqual([plain[n]?.title, plain[n]?.description], [`a${text}z`, text])
      for (const returned of [tagged[n], changed[n]])
        assert.deepEqual(await get(user, Number(returned?.id)), { ...returned, tags })
    }
    for (const tag of tags) {
      const { body } = await send(user, 'GET', `${tasks}?limit=1000&tag=${encodeURIComponent(tag)}`)
      assert.equal(body.tasks.length, 2 * texts.length, tag)
    }
  })
})
