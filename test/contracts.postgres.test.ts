import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { manyTasks } from './many-tasks.ts'
import { type Answer, newUser, type Served, served, tokenOf, unlimited } from './served.ts'

// What the four contracts have in common, and where they differ: one row per contract.

interface Listed {
  readonly id: number
  readonly title: string
}

interface Column {
  readonly settings: Record<string, string>
  collection(user: string): string
  readonly flag: string
  /** Another name that it has in responses. */
  readonly also?: string
  readonly absent: string | null
  readonly limits: readonly [title: number, description: number]
  readonly broken: number
  readonly errorKeys: readonly string[]
  readonly codes?: Readonly<Record<'missing' | 'invalid' | 'notFound' | 'broken', string>>
  readonly showsOwner: boolean
  readonly removed: readonly [status: number, body: unknown]
  list(body: never): Listed[]
}

/** The done flag under all names of a contract. */
const flags = ({ flag, also }: Column, isDone: boolean) => ({
  [flag]: isDone,
  ...(also === undefined ? {} : { [also]: isDone }),
  status: isDone ? 'completed' : 'pending',
})

const ownPath = (user: string) => `/api/${user}/tasks`

const contracts: Readonly<Record<string, Column>> = {
  'task-api': {
    settings: {},
    collection: ownPath,
    flag: 'is_completed',
    also: 'completed',
    absent: '',
    limits: [500, 5000],
    broken: 422,
    errorKeys: ['detail', 'error'],
    showsOwner: true,
    removed: [204, undefined],
    list: (body: { tasks: Listed[] }) => body.tasks,
  },
  'stage-2': {
    settings: { CONTRACT: 'stage-2' },
    collection: ownPath,
    flag: 'complete',
    absent: null,
    limits: [200, 1000],
    broken: 422,
    errorKeys: ['detail', 'error', 'error_code', 'timestamp'],
    codes: {
      missing: 'AUTH_MISSING',
      invalid: 'AUTH_INVALID',
      notFound: 'NOT_FOUND',
      broken: 'VALIDATION_ERROR',
    },
    showsOwner: true,
    removed: [204, undefined],
    list: (body: { tasks: Listed[]; count: number }) => {
      assert.equal(body.count, body.tasks.length)
      return body.tasks
    },
  },
  'todo-app': {
    settings: { CONTRACT: 'todo-app' },
    collection: ownPath,
    flag: 'completed',
    absent: null,
    limits: [255, 1000],
    broken: 400,
    errorKeys: ['detail', 'error'],
    showsOwner: true,
    removed: [200, { success: true }],
    list: (body: Listed[]) => body,
  },
  todos: {
    settings: {},
    collection: () => '/api/v1/todos',
    flag: 'is_completed',
    absent: null,
    limits: [254, 999],
    broken: 400,
    errorKeys: ['detail', 'error', 'error_code', 'timestamp'],
    codes: {
      missing: 'UNAUTHORIZED',
      invalid: 'UNAUTHORIZED',
      notFound: 'TODO_NOT_FOUND',
      broken: 'BAD_REQUEST',
    },
    showsOwner: false,
    removed: [204, undefined],
    list: (body: Listed[]) => body,
  },
}

for (const [name, contract] of Object.entries(contracts)) {
  describe(`the contract ${name}`, () => {
    let api: Served
    before(async () => {
      api = await served({ ...contract.settings, ...unlimited })
    })
    after(() => api.close())

    const create = async (user: string, json: object = { title: 'Buy milk' }) => {
      const { status, body } = await api.call('POST', contract.collection(user), { user, json })
      assert.equal(status, 201)
      return body
    }
    const list = async (user: string) =>
      contract.list((await api.call('GET', contract.collection(user), { user })).body as never)
    const refused = (answer: Answer, status: number, code?: string) => {
      assert.equal(answer.status, status)
      const keys = Object.keys(answer.body).filter(key => key !== 'errors')
      assert.deepEqual(keys, contract.errorKeys)
      assert.equal(typeof answer.body.detail, 'string')
      assert.equal(answer.body.error, answer.body.detail)
      if (contract.codes) {
        assert.equal(answer.body.error_code, code)
        assert.match(answer.body.timestamp, /^\d{4}-\d\d-\d\dT.*Z$/)
      }
    }

    it('returns a task in its own shape, from creation to the list', async () => {
      const user = newUser()
      const task = await create(user, { title: ' Buy milk ', priority: null })
      const owner = contract.showsOwner ? { user_id: user } : {}
      const expected = {
        id: task.id,
        title: 'Buy milk',
        description: contract.absent,
        ...flags(contract, false),
        created_at: task.created_at,
        updated_at: task.created_at,
        ...owner,
        ...{ priority: null, due_date: null, tags: [], category: null },
      }
      assert.deepEqual(task, expected)
      assert.deepEqual(
        (await api.call('GET', `${contract.collection(user)}/${task.id}`, { user })).body,
        expected,
      )
      assert.deepEqual(await list(user), [expected])
    })

    it('lists newest first, with and without a trailing slash', async () => {
      const user = newUser()
      assert.deepEqual(await list(user), [])
      const ids = [(await create(user)).id, (await create(user)).id, (await create(user)).id].reverse()
      const slash = await api.call('GET', `${contract.collection(user)}/`, { user })
      assert.deepEqual([slash.status, contract.list(slash.body as never).map(task => task.id)], [200, ids])
      assert.deepEqual(
        (await list(user)).map(task => task.id),
        ids,
      )
    })

    it('counts limits in characters, and rejects invalid fields in its own format', async () => {
      const user = newUser()
      const [title, description] = contract.limits
      const full = await create(user, { title: '🐑'.repeat(title), description: '🐑'.repeat(description) })
      assert.deepEqual([full.title, full.description], ['🐑'.repeat(title), '🐑'.repeat(description)])
      const broken: unknown[] = [
        { title: 'x'.repeat(title + 1) },
        { title: 'a', description: 'x'.repeat(description + 1) },
        { title: ' ' },
        {},
        { title: 'a', user_id: 'mallory' },
        { title: 'a\0' },
        [],
      ]
      for (const json of broken) {
        const answer = await api.call('POST', contract.collection(user), { user, json })
        refused(answer, contract.broken, contract.codes?.broken)
      }
      const noJson = await api.call('POST', contract.collection(user), { user, body: '{' })
      refused(noJson, contract.broken, contract.codes?.broken)
      for (const id of ['0', 'x', '9007199254740992']) {
        const answer = await api.call('GET', `${contract.collection(user)}/${id}`, { user })
        refused(answer, contract.broken, contract.codes?.broken)
      }
      assert.deepEqual(await list(user), [full])
    })

    it('deletes a task, which is then not found', async () => {
      const user = newUser()
      const { id } = await create(user)
      const path = `${contract.collection(user)}/${id}`
      const { status, body } = await api.call('DELETE', path, { user })
      assert.deepEqual([status, body], contract.removed)
      refused(await api.call('GET', path, { user }), 404, contract.codes?.notFound)
      refused(await api.call('DELETE', path, { user }), 404, contract.codes?.notFound)
    })

    it('rejects missing and invalid tokens alike, and another user’s task like a missing one', async () => {
      const [alice, bob] = [newUser('alice'), newUser('bob')]
      const { id } = await create(alice)
      const missing = await api.call('GET', contract.collection(alice))
      refused(missing, 401, contract.codes?.missing)
      assert.equal(missing.headers.get('www-authenticate'), 'Bearer')
      refused(await api.call('GET', contract.collection(alice), { token: 'x' }), 401, contract.codes?.invalid)
      const path = contract.collection(bob)
      for (const [method, json] of [
        ['GET'],
        ['PUT', { title: 'mine', [contract.flag]: true }],
        ['DELETE'],
      ] as const) {
        const theirs = await api.call(method, `${path}/${id}`, { user: bob, json })
        const none = await api.call(method, `${path}/9007199254740991`, { user: bob, json })
        refused(theirs, 404, contract.codes?.notFound)
        assert.equal(theirs.status, none.status)
        assert.deepEqual({ ...theirs.body, timestamp: '' }, { ...none.body, timestamp: '' })
      }
      if (contract.showsOwner) {
        const theirPath = await api.call('GET', contract.collection(alice), { user: bob })
        refused(theirPath, 403, contract.codes && 'AUTH_FORBIDDEN')
      }
    })

    if (name !== 'stage-2') {
      it('changes with PUT only the fields that were sent', async () => {
        const user = newUser()
        const task = await create(user, { title: 'a', description: 'b' })
        const path = `${contract.collection(user)}/${task.id}`
        const changed = await api.call('PUT', path, { user, json: { [contract.flag]: true } })
        assert.deepEqual(changed.body, {
          ...task,
          ...flags(contract, true),
          updated_at: changed.body.updated_at,
        })
        const cleared = await api.call('PUT', path, { user, json: { description: null } })
        assert.deepEqual(
          [cleared.status, cleared.body.title, cleared.body.description],
          [200, 'a', contract.absent],
        )
        refused(
          await api.call('PUT', path, { user, json: { title: '' } }),
          contract.broken,
          contract.codes?.broken,
        )
      })
    }

    if (name === 'task-api' || name === 'todo-app') {
      it('toggles with PATCH …/complete', async () => {
        const user = newUser()
        const task = await create(user)
        const path = `${contract.collection(user)}/${task.id}/complete`
        for (const expected of [true, false]) {
          const { status, body } = await api.call('PATCH', path, { user })
          assert.deepEqual(
            [status, body],
            [200, { ...task, ...flags(contract, expected), updated_at: body.updated_at }],
          )
        }
      })
    }

    if (name !== 'task-api') {
      it('streams a list longer than a batch completely and in order', async () => {
        const user = newUser()
        // The first statement reads 100 tasks, the others 64 KiB.
        await manyTasks(api.server.db, user, 400, { title: 'x'.repeat(190) })
        const numbers = (await list(user)).map(({ title }) => Number(title.split(' ')[1]))
        assert.deepEqual(
          numbers,
          Array.from({ length: 400 }, (_, n) => n + 1),
        )
      })
    }
  })
}

describe('stage-2 alone', () => {
  let api: Served
  before(async () => {
    api = await served({ CONTRACT: 'stage-2' })
  })
  after(() => api.close())

  it('PUT replaces the whole task, and requires title and complete', async () => {
    const user = newUser()
    const { body: task } = await api.call('POST', '/api/tasks', {
      user,
      json: { title: 'a', description: 'b' },
    })
    const path = `/api/${user}/tasks/${task.id}`
    const { status, body } = await api.call('PUT', path, { user, json: { title: 'c', complete: true } })
    const whole = {
      ...{ ...task, title: 'c', description: null, complete: true },
      ...{ status: 'completed', updated_at: body.updated_at },
    }
    assert.deepEqual([status, body], [200, whole])
    for (const json of [{ title: 'd' }, { complete: false }, {}]) {
      assert.equal((await api.call('PUT', path, { user, json })).status, 422)
    }
    assert.deepEqual((await api.call('GET', path, { user })).body, whole)
  })

  it('PATCH changes the fields that were sent, and rejects an empty change with 400', async () => {
    const user = newUser()
    const { body: task } = await api.call('POST', '/api/tasks', {
      user,
      json: { title: 'a', description: 'b' },
    })
    const path = `/api/${user}/tasks/${task.id}`
    const { status, body } = await api.call('PATCH', path, { user, json: { complete: true } })
    assert.deepEqual(
      [status, body],
      [200, { ...task, complete: true, status: 'completed', updated_at: body.updated_at }],
    )
    const nothing = await api.call('PATCH', path, { user, json: {} })
    assert.deepEqual([nothing.status, nothing.body.error_code], [400, 'VALIDATION_ERROR'])
  })

  it('is the contract of the server if CONTRACT names it, besides todos', async () => {
    const token = tokenOf(newUser())
    const todo = await api.call('POST', '/api/v1/todos', { token, json: { title: 'a', is_completed: true } })
    assert.deepEqual([todo.status, todo.body.is_completed], [201, true])
    const { body } = await api.call('GET', '/api/tasks', { token })
    assert.deepEqual([body.count, body.tasks[0].complete], [1, true])
  })
})

describe('todos alone', () => {
  let api: Served
  before(async () => {
    api = await served()
  })
  after(() => api.close())

  it('pages with skip and limit', async () => {
    const user = newUser()
    const ids: number[] = []
    for (let n = 0; n < 5; n += 1) {
      ids.unshift((await api.call('POST', '/api/v1/todos', { user, json: { title: 'a' } })).body.id)
    }
    const page = async (query: string) =>
      (await api.call('GET', `/api/v1/todos${query}`, { user })).body.map((todo: { id: number }) => todo.id)
    assert.deepEqual(await page('?skip=1&limit=2'), ids.slice(1, 3))
    assert.deepEqual(await page('?skip=3'), ids.slice(3))
    assert.deepEqual(await page('?limit=5'), ids)
    assert.deepEqual(await page('?skip=9'), [])
    for (const query of ['?skip=-1', '?limit=0', '?limit=x']) {
      assert.equal((await api.call('GET', `/api/v1/todos${query}`, { user })).status, 400)
    }
  })

  it('rejects a completed flag that is not a boolean', async () => {
    const user = newUser()
    const { status } = await api.call('POST', '/api/v1/todos', {
      user,
      json: { title: 'a', is_completed: 'yes' },
    })
    assert.equal(status, 400)
  })
})
