import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { contracts } from '../server/config/contract.ts'
import { newUser, type Served, served } from './served.ts'

// MAX_TASKS holds for concurrent creates, since each locks the owner's row, which has the count.

const most = 12

for (const contract of contracts) {
  describe(`the maximum number of tasks, in ${contract} and beside it`, () => {
    let api: Served
    before(async () => {
      api = await served({ CONTRACT: contract, MAX_TASKS: String(most) })
    })
    after(() => api.close())

    const create = (user: string, path: string, headers: Record<string, string> = {}) =>
      api.call('POST', path, { user, json: { title: 'one more' }, headers })
    const count = async (user: string) => (await api.call('GET', '/api/v1/todos', { user })).body.length

    for (const path of ['/api/tasks', '/api/{user_id}/tasks', '/api/v1/todos', '/api/v1/tasks']) {
      it(`POST ${path} returns 409 in its own format beyond it, and 201 once there is room`, async () => {
        const user = newUser()
        const address = path.replace('{user_id}', user)
        const made = []
        for (let n = 0; n < most; n += 1) made.push(await create(user, address))
        assert.deepEqual([...new Set(made.map(({ status }) => status))], [201])
        const { status, body } = await create(user, address)
        assert.equal(status, 409)
        assert.match(body.detail ?? body.error, /^You have 12 tasks, the maximum\. Delete some first\.$/)
        if (path === '/api/v1/tasks') assert.equal(body.code, 'too_many_tasks')
        assert.equal(await count(user), most)
        await api.call('DELETE', `${address}/${made[0]?.body.id}`, { user })
        assert.equal((await create(user, address)).status, 201)
        assert.equal((await create(newUser(), '/api/tasks')).status, 201, 'another user is not concerned')
      })
    }

    it('is not exceeded by fifty concurrent creates: exactly as many succeed as there is room for', async () => {
      const user = newUser()
      await create(user, '/api/tasks')
      await create(user, '/api/tasks')
      const paths = ['/api/tasks', '/api/v1/tasks', '/api/v1/todos']
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) => create(user, paths[n % paths.length] as string)),
      )
      const tally = (wanted: number) => answers.filter(({ status }) => status === wanted).length
      assert.deepEqual([tally(201), tally(409)], [most - 2, 50 - (most - 2)])
      assert.equal(await count(user), most)
    })

    it('a rejected create does not use its idempotency key, so a retry may succeed', async () => {
      const user = newUser()
      const first = await create(user, '/api/v1/tasks')
      for (let n = 1; n < most; n += 1) await create(user, '/api/v1/tasks')
      const key = { 'idempotency-key': 'once-there-is-room' }
      assert.equal((await create(user, '/api/v1/tasks', key)).status, 409)
      await api.call('DELETE', `/api/v1/tasks/${first.body.id}`, { user })
      assert.equal((await create(user, '/api/v1/tasks', key)).status, 201)
    })

    it('a rejected create uses no revision', async () => {
      const user = newUser()
      for (let n = 0; n < most; n += 1) await create(user, '/api/v1/tasks')
      const before = await api.call('GET', '/api/v1/tasks', { user })
      await create(user, '/api/v1/tasks')
      const after = await api.call('GET', '/api/v1/tasks', { user })
      assert.equal(after.headers.get('etag'), before.headers.get('etag'))
    })
  })
}
