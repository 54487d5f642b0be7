import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { contracts } from '../server/config/contract.ts'
import { behindProxy, newAddress } from './person.ts'
import { type Answer, type Call, newUser, type Served, served, tokenOf, unlimited } from './served.ts'

// The rate limit: by user with a valid token, otherwise by address. The rate is so slow that a test
// gets no further requests.

const limits = { RATE_LIMIT: '1/20', RATE_LIMIT_ADDRESS: '1/10', ...behindProxy }
const collections = ['/api/tasks', '/api/{user_id}/tasks', '/api/v1/todos', '/api/v1/tasks']

for (const contract of contracts) {
  describe(`the rate limit in ${contract} and beside it`, () => {
    let api: Served
    before(async () => {
      api = await served({ CONTRACT: contract, ...limits })
    })
    after(() => api.close())

    /** Concurrent requests. @returns the rejected ones */
    async function flood(path: string, calls: number, call: Call, admitted: number): Promise<Answer[]> {
      const answers = await Promise.all(Array.from({ length: calls }, () => api.call('GET', path, call)))
      const refused = answers.filter(({ status }) => status === 429)
      // One request per second is added, and a slow machine needs seconds.
      assert.ok(calls - refused.length >= admitted, `${calls - refused.length}`)
      assert.ok(refused.length > 0)
      return refused
    }

    for (const path of collections) {
      it(`GET ${path} beyond the limit is rejected in the format of its contract, with Retry-After`, async () => {
        const user = newUser()
        const [refused] = await flood(path.replace('{user_id}', user), 60, { user }, 20)
        assert.match(refused?.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
        assert.match(refused?.headers.get('ratelimit') ?? '', /^"user";r=0;t=\d+$/)
        assert.equal(refused?.headers.get('ratelimit-policy'), '"user";q=20;w=20')
        const { body } = refused as Answer
        assert.match(body.detail ?? body.error, /^Too many requests\. Try again in \d+ s\.$/)
        if (path === '/api/v1/tasks') assert.equal(body.code, 'too_many_requests')
      })
    }

    // Independent of the contract.
    if (contract !== contracts[0]) return

    it('each response reports the remaining requests', async () => {
      const user = newUser()
      const left: number[] = []
      for (const [method, call] of [
        ['GET', {}],
        ['POST', { json: { title: 'a' } }],
        ['POST', { json: { title: '' } }],
      ] as const) {
        const { headers } = await api.call(method, '/api/v1/tasks', { user, ...call })
        const [, rest, time] = /^"user";r=(\d+);t=(\d+)$/.exec(headers.get('ratelimit') ?? '') ?? []
        assert.equal(Number(time), 20 - Number(rest))
        assert.equal(headers.get('ratelimit-policy'), '"user";q=20;w=20')
        left.push(Number(rest))
      }
      assert.ok((left[0] ?? 0) >= 19 && (left[2] ?? 20) < 20, `${left}`)
    })

    it('the requests of one user are counted together, with any token, from any address', async () => {
      const user = newUser()
      await flood('/api/tasks', 60, { user }, 20)
      const token = tokenOf(user, { n: 1 })
      const elsewhere = { token, headers: { 'x-forwarded-for': newAddress() } }
      assert.ok((await flood('/api/v1/todos', 30, elsewhere, 0)).length >= 15)
    })

    it('a server may send requests for any number of users from one address, also among invalid tokens', async () => {
      const headers = { 'x-forwarded-for': newAddress() }
      await flood('/api/tasks', 40, { token: 'bad', headers }, 10)
      const users = Array.from({ length: 50 }, () => newUser())
      for (const user of users)
        assert.equal((await api.call('GET', '/api/v1/tasks', { user, headers })).status, 200)
    })

    it('a rejected request writes nothing', async () => {
      const user = newUser()
      const create = () => api.call('POST', '/api/v1/tasks', { user, json: { title: 'a' } })
      const answers = await Promise.all(Array.from({ length: 40 }, create))
      const made = answers.filter(({ status }) => status === 201).length
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201, 429]))
      const rows = await api.server.db.query(
        { name: '', text: 'select count(*) from duly.tasks where user_id = $1' },
        [user],
      )
      assert.equal(Number(rows[0]?.[0]), made)
    })

    for (const [name, path, call] of [
      ['calls without a token', '/api/v1/tasks', {}],
      ['calls with a bad token', '/api/tasks', { token: 'bad' }],
      ['calls of what needs no token', '/problems', {}],
      ['calls of accounts', '/api/auth/get-session', {}],
      ['calls to unknown routes', '/nowhere', {}],
    ] as const) {
      it(`${name} are counted by address`, async () => {
        const headers = { 'x-forwarded-for': newAddress() }
        const [refused] = await flood(path, 40, { ...call, headers }, 10)
        assert.match(refused?.headers.get('ratelimit') ?? '', /^"address";r=0;t=\d+$/)
        const others = { 'x-forwarded-for': newAddress() }
        assert.notEqual((await api.call('GET', path, { ...call, headers: others })).status, 429)
      })
    }

    it('addresses of one IPv6 network are counted together', async () => {
      let n = 0
      const next = () => {
        n += 1
        return api.call('GET', '/problems', { headers: { 'x-forwarded-for': `2001:db8:7:7::${n}` } })
      }
      const answers = await Promise.all(Array.from({ length: 40 }, next))
      assert.ok(answers.some(({ status }) => status === 429))
    })

    it('health checks are not limited', async () => {
      const headers = { 'x-forwarded-for': newAddress() }
      for (const path of ['/livez', '/readyz', '/health']) {
        const probes = Array.from({ length: 40 }, () => api.call('GET', path, { headers }))
        for (const { status, headers: got } of await Promise.all(probes)) {
          assert.deepEqual([status, got.has('ratelimit')], [200, false])
        }
      }
    })
  })
}

describe('a server without a rate limit', () => {
  it('rejects no request, and sends no rate limit headers', async () => {
    const api = await served(unlimited)
    const user = newUser()
    const calls = [{ user }, {}].flatMap(call =>
      Array.from({ length: 250 }, () => api.call('GET', '/api/tasks/1', call)),
    )
    for (const { status, headers } of await Promise.all(calls)) {
      assert.notEqual(status, 429)
      assert.equal(headers.get('ratelimit'), null)
    }
    await api.close()
  })
})

describe('the default rate limit', () => {
  it('allows a user two hundred requests at once', async () => {
    const api = await served()
    const user = newUser()
    const { headers } = await api.call('GET', '/api/v1/tasks', { user })
    assert.equal(headers.get('ratelimit'), '"user";r=199;t=1')
    assert.equal(headers.get('ratelimit-policy'), '"user";q=200;w=2')
    // In two halves, since more than 128 concurrent requests may get 503.
    for (const length of [100, 99]) {
      const calls = Array.from({ length }, () => api.call('GET', '/api/v1/tasks', { user }))
      for (const { status } of await Promise.all(calls)) assert.equal(status, 200)
    }
    await api.close()
  })
})
