import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { type Answer, newUser, type Served, served } from './served.ts'

let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

// Everything a client can do to one task, and to the list.
const attempts: [method: string, suffix: string, json?: object][] = [
  ['GET', ''],
  ['PUT', '', { title: 'taken over' }],
  ['PUT', '', {}],
  ['PATCH', '/complete'],
  ['DELETE', ''],
]

/** All of an answer that a client sees, but for the moment at which it was given. */
function seen({ status, headers, text }: Answer): unknown {
  const kept = [...headers].filter(([name]) => name !== 'date')
  return { status, kept, text }
}

it('two users who try everything on each other get what a missing task gets, and change nothing', async () => {
  const users = [newUser('alice'), newUser('bob')] as const
  const tasks = new Map<string, { id: number }>()
  for (const user of users) {
    const { body } = await api.call('POST', '/api/tasks', { user, json: { title: `of ${user}` } })
    tasks.set(user, body)
  }
  const missing = 9007199254740991
  for (const [user, other] of [users, [users[1], users[0]]]) {
    const theirs = tasks.get(other)?.id
    for (const [method, suffix, json] of attempts) {
      for (const collection of ['/api/tasks', `/api/${user}/tasks`]) {
        const onTheirs = await api.call(method, `${collection}/${theirs}${suffix}`, { user, json })
        const onNone = await api.call(method, `${collection}/${missing}${suffix}`, { user, json })
        assert.equal(onTheirs.status, 404)
        assert.deepEqual(seen(onTheirs), seen(onNone))
      }
      const inTheirPath = await api.call(method, `/api/${other}/tasks/${theirs}${suffix}`, { user, json })
      const inNobodysPath = await api.call(method, `/api/nobody/tasks/${missing}${suffix}`, { user, json })
      assert.equal(inTheirPath.status, 403)
      assert.deepEqual(seen(inTheirPath), seen(inNobodysPath))
    }
    for (const [method, json] of [['GET'], ['POST', { title: 'planted' }]] as [string, object?][]) {
      const { status } = await api.call(method, `/api/${other}/tasks`, { user, json })
      assert.equal(status, 403)
    }
    const planted = { title: 'planted', user_id: other }
    assert.equal((await api.call('POST', '/api/tasks', { user, json: planted })).status, 422)
  }
  for (const user of users) {
    const { body } = await api.call('GET', '/api/tasks', { user })
    assert.deepEqual(body.tasks, [tasks.get(user)])
  }
})
