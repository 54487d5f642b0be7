import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type RedisServer, startRedis } from './redis-server.ts'
import { newUser, type OwnDatabase, ownDatabase, type Served, served } from './served.ts'

// Replicas share exact counts in a real Redis, and count separately while it is unavailable.

const rate = '1/40'
const password = 'never-in-the-log'

let redis: RedisServer
let own: OwnDatabase
let replicas: readonly [Served, Served]
before(async () => {
  redis = await startRedis(['--requirepass', password])
  own = await ownDatabase()
  const url = redis.url.replace('//', `//:${password}@`)
  const settings = { RATE_LIMIT: rate, RATE_LIMIT_ADDRESS: rate, REDIS_URL: url }
  replicas = [await served(settings, own), await served(settings, own)]
})
after(async () => {
  for (const replica of replicas) await replica.close()
  await own.drop()
  await redis.stop()
})

/** Concurrent requests to both in turn. @returns how many were accepted, and the elapsed seconds */
async function flood(user: string, calls = 200): Promise<{ admitted: number; seconds: number }> {
  const start = Date.now()
  const answers = await Promise.all(
    Array.from({ length: calls }, (_, n) =>
      (replicas[n % 2] as Served).call('GET', '/api/v1/tasks', { user }),
    ),
  )
  const statuses = answers.map(({ status }) => status)
  assert.deepEqual([...new Set(statuses)].sort(), [200, 429])
  return {
    admitted: statuses.filter(status => status === 200).length,
    seconds: (Date.now() - start) / 1000,
  }
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition did not become true')
    await pause(50)
  }
}

const messages = (replica: Served) => replica.lines.map(({ msg }) => String(msg))
const missed = (line: string) => line.startsWith('Redis is unavailable')
const back = (line: string) => line.startsWith('Redis is available again')
const told = (pattern: (line: string) => boolean) =>
  replicas.map(replica => messages(replica).filter(pattern).length)

/** Both replicas notice a change of Redis, by a request each. */
const notice = (pattern: (line: string) => boolean, before: readonly number[]) =>
  until(async () => {
    for (const replica of replicas) await replica.call('GET', '/api/v1/tasks', { user: newUser() })
    return told(pattern).every((count, n) => count > (before[n] ?? 0))
  })

/**
 * A round in which both could reach Redis: a machine that pauses for half a second may prevent it.
 */
async function together<T>(round: () => Promise<T>): Promise<T> {
  for (;;) {
    await until(() => String(told(missed)) === String(told(back)))
    const before = String(told(missed))
    const result = await round()
    if (String(told(missed)) === before) return result
  }
}

describe('two replicas with one Redis', () => {
  it('count the requests of a user together, exactly', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { admitted, seconds } = await together(() => flood(newUser()))
      assert.ok(admitted >= 40 && admitted <= 40 + seconds, `${admitted} in ${seconds} s`)
    }
  })

  it('report the same number of remaining requests', async () => {
    const left = await together(async () => {
      const user = newUser()
      const first = await replicas[0].call('GET', '/api/v1/tasks', { user })
      const second = await replicas[1].call('GET', '/api/v1/tasks', { user })
      return [first, second].map(({ headers }) => headers.get('ratelimit'))
    })
    assert.equal(left[0], '"user";r=39;t=1')
    assert.match(String(left[1]), /^"user";r=3[89];/)
  })

  it('count requests without a token together', async () => {
    const call = (n: number) => (replicas[n % 2] as Served).call('GET', '/api/v1/tasks')
    const answers = await together(() => Promise.all(Array.from({ length: 120 }, (_, n) => call(n))))
    const admitted = answers.filter(({ status }) => status === 401).length
    assert.ok(admitted < 80, `${admitted}`)
  })

  it('count separately while it is unavailable, without errors, and together afterwards', async () => {
    for (let round = 1; round <= 2; round += 1) {
      const before = told(missed)
      await redis.stop()
      await notice(missed, before)
      const apart = await flood(newUser())
      assert.ok(apart.admitted >= 80 && apart.admitted <= 80 + 2 * apart.seconds, `${apart.admitted}`)
      redis = await startRedis(['--requirepass', password], redis.port)
      const { admitted, seconds } = await together(() => flood(newUser()))
      assert.ok(admitted <= 40 + seconds, `${admitted}`)
    }
  })

  it('wait for an unresponsive Redis once, briefly, not for each request', async () => {
    const before = told(missed)
    process.kill(redis.pid, 'SIGSTOP')
    try {
      await notice(missed, before)
      assert.ok((await flood(newUser())).admitted >= 80)
    } finally {
      process.kill(redis.pid, 'SIGCONT')
    }
    await together(() => flood(newUser()))
  })

  it('log no password', () => {
    for (const replica of replicas) assert.ok(!JSON.stringify(replica.lines).includes(password))
  })
})

describe('a replica whose Redis', () => {
  it('is not available yet starts, and counts together once it is', async () => {
    const gone = await startRedis()
    await gone.stop()
    const api = await served({ RATE_LIMIT: rate, REDIS_URL: gone.url })
    const user = newUser()
    assert.equal((await api.call('GET', '/api/v1/tasks', { user })).status, 200)
    assert.ok(messages(api).some(missed))
    const late = await startRedis([], gone.port)
    await until(() => messages(api).some(back))
    assert.equal((await api.call('GET', '/api/v1/tasks', { user })).status, 200)
    await api.close()
    await late.stop()
  })

  it('rejects the password, or is full, counts separately and reports that once', async () => {
    for (const settings of [
      ['--requirepass', password],
      ['--maxmemory', '1', '--maxmemory-policy', 'noeviction'],
    ]) {
      const server = await startRedis(settings)
      const url = settings.includes(password) ? server.url.replace('//', '//:wrong-word@') : server.url
      const api = await served({ RATE_LIMIT: rate, REDIS_URL: url })
      const user = newUser()
      const calls = Array.from({ length: 100 }, () => api.call('GET', '/api/v1/tasks', { user }))
      const admitted = (await Promise.all(calls)).filter(({ status }) => status === 200).length
      assert.ok(admitted >= 40 && admitted < 100)
      assert.equal(messages(api).filter(missed).length, 1)
      assert.ok(!JSON.stringify(api.lines).includes('wrong-word'))
      await api.close()
      await server.stop()
    }
  })
})
