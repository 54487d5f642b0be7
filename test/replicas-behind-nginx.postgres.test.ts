import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { unprepared } from '../server/db/database.ts'
import { migrations } from '../server/db/migrations.ts'
import { dulyHere } from './command.ts'
import { type EventSource, openEvents } from './event-source.ts'
import { Ledger } from './faults/ledger.ts'
import { nextVersion } from './faults/servers.ts'
import { type Nginx, startNginx } from './nginx.ts'
import { newPerson, newUserHere } from './person.ts'
import { freePort } from './postgres-server.ts'
import { dulyStart, type RunningServer } from './program.ts'
import { type RedisServer, startRedis } from './redis-server.ts'
import {
  type Answer,
  type Call,
  callAt,
  type Env,
  newUser,
  type OwnDatabase,
  openDatabase,
  ownDatabase,
  testSecret,
} from './served.ts'
import { size } from './size.ts'

// Three replicas on one PostgreSQL and one Redis, behind nginx with deploy/nginx/duly.conf.

const burst = 60
const perSecond = 5

interface Replica {
  running: RunningServer
  readonly port: number
}

let own: OwnDatabase
let redis: RedisServer
let nginx: Nginx
let env: Env
let replicas: readonly [Replica, Replica, Replica]
before(async () => {
  own = await ownDatabase()
  redis = await startRedis()
  const port = await freePort()
  const rate = `${perSecond}/${burst}`
  env = {
    ...own.env,
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    TRUST_PROXY: 'loopback',
    REDIS_URL: redis.url,
    RATE_LIMIT: rate,
    RATE_LIMIT_ADDRESS: rate,
    SHUTDOWN_GRACE: '1',
  }
  replicas = [await newReplica(), await newReplica(), await newReplica()]
  nginx = await startNginx(
    port,
    replicas.map(replica => replica.port),
  )
})
after(async () => {
  await nginx.stop()
  for (const { running } of replicas) running.child.kill('SIGKILL')
  await Promise.all(replicas.map(({ running }) => running.ended))
  await redis.stop()
  await own.drop()
})

async function newReplica(): Promise<Replica> {
  const port = await freePort()
  return { port, running: await start(port) }
}

function start(port: number, program?: string): Promise<RunningServer> {
  return dulyStart({ ...env, PORT: String(port) }, program)
}

const through = { call: (method: string, path: string, call?: Call) => callAt(nginx.url, method, path, call) }

/** The same request to each replica, not through nginx. */
function each(method: string, path: string, call: Call): Promise<Answer[]> {
  return Promise.all(replicas.map(({ running }) => callAt(running.url, method, path, call)))
}

const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status)

/** Waits until every replica rejects the token. */
async function refusedEverywhere(token: string): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; ) {
    const found = statuses(await each('GET', '/api/v1/tasks', { token }))
    if (found.every(status => status === 401)) return
    assert.ok(Date.now() < deadline, `still ${found}`)
    await pause(50)
  }
}

/** Waits until nginx uses every replica: one that has restarted gets no request for two seconds. */
async function allAreAsked(): Promise<void> {
  const deadline = Date.now() + 30_000
  for (const asked = new Set<string>(); asked.size < replicas.length; ) {
    assert.ok(Date.now() < deadline, `${asked.size} of them are used`)
    const { status, headers } = await through.call('GET', '/livez')
    assert.equal(status, 200)
    // Request ids of a replica start with its own prefix.
    asked.add(headers.get('x-request-id')?.split('-')[0] ?? '')
    await pause(20)
  }
}

/**
 * Sends requests through nginx, a few at a time, until some are rejected.
 * @returns the number of accepted requests, and the elapsed seconds
 */
async function flood(ask: () => Promise<Answer>) {
  const startedAt = Date.now()
  let admitted = 0
  let refused = 0
  const worker = async () => {
    while (refused < 20) {
      if ((await ask()).status === 429) refused += 1
      else admitted += 1
    }
  }
  await Promise.all(Array.from({ length: 12 }, worker))
  return { admitted, seconds: (Date.now() - startedAt) / 1000 }
}

/** Reads, and writes with keys, through nginx and one after the other, none of which may fail. */
function carefulClient() {
  const seen = { calls: 0, failures: [] as string[] }
  let stopping = false
  const ask = async (user: string, method: string, path: string, expected: number, json?: object) => {
    seen.calls += 1
    const headers = { 'idempotency-key': `key-${seen.calls}` }
    const { status, text, body } = await through.call(method, path, { user, headers, ...(json && { json }) })
    if (status !== expected) seen.failures.push(`${method} ${path}: ${status} ${text}`)
    return body
  }
  const round = async () => {
    // A new user each time, because of the rate limit.
    const user = newUser()
    const task = await ask(user, 'POST', '/api/v1/tasks', 201, { title: 'once' })
    const one = `/api/v1/tasks/${task?.id}`
    await ask(user, 'PATCH', one, 200, { is_completed: true })
    const list = await ask(user, 'GET', '/api/v1/tasks', 200)
    if (list?.tasks?.length !== 1) seen.failures.push(JSON.stringify(list))
    await ask(user, 'DELETE', one, 204)
  }
  const working = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (!stopping) {
        await round()
        // Leaves CPU time to the starting servers.
        await pause(50)
      }
    }),
  )
  return Object.assign(seen, {
    async end() {
      stopping = true
      await working
    },
  })
}

describe('three replicas behind nginx', () => {
  it('share users who signed up at one: session, tokens and tasks', async () => {
    const person = await newUserHere(through)
    const token = await person.token()
    const made = await through.call('POST', '/api/v1/tasks', { token, json: { title: 'Seen by all' } })
    assert.equal(made.status, 201)
    for (const answer of await each('GET', `/api/v1/tasks/${made.body.id}`, { token }))
      assert.deepEqual(answer.body, made.body)
    for (const { running } of replicas) {
      const here = newPerson({ call: (...call) => callAt(running.url, ...call) })
      for (const [name, value] of person.cookies) here.cookies.set(name, value)
      const own = await here.token()
      assert.equal((await through.call('GET', '/api/v1/tasks', { token: own })).body.tasks.length, 1)
    }
  })

  it('all reject a revoked token, an ended session and a disabled user', async () => {
    const person = await newUserHere(through)
    const session = await person.token()
    const json = { name: 'script', scopes: ['tasks:read'], expires_in_days: 1 }
    const { body: script } = await through.call('POST', '/api/v1/tokens', { token: session, json })
    assert.deepEqual(statuses(await each('GET', '/api/v1/tasks', { token: script.token })), [200, 200, 200])
    await through.call('DELETE', `/api/v1/tokens/${script.id}`, { token: session })
    await refusedEverywhere(script.token)

    assert.deepEqual(statuses(await each('GET', '/api/v1/tasks', { token: session })), [200, 200, 200])
    assert.equal((await person.auth('POST', '/sign-out', {})).status, 200)
    await refusedEverywhere(session)

    const { email, password } = person
    assert.equal((await person.auth('POST', '/sign-in/email', { email, password })).status, 200)
    const again = await person.token()
    assert.deepEqual(statuses(await each('GET', '/api/v1/tasks', { token: again })), [200, 200, 200])
    const settings = { ...env, BETTER_AUTH_SECRET: testSecret }
    assert.equal((await dulyHere(['user', 'disable', email], settings)).code, 0)
    await refusedEverywhere(again)
  })

  it('count the requests of a user together, and requests without a token by client address', async () => {
    const user = newUser()
    const asUser = await flood(() => through.call('GET', '/api/v1/tasks', { user }))
    const most = burst + perSecond * (asUser.seconds + 1)
    assert.ok(asUser.admitted >= burst && asUser.admitted <= most, JSON.stringify(asUser))

    let n = 0
    await flood(() => {
      n += 1
      const headers = { 'x-forwarded-for': `203.0.113.${n}`, forwarded: `for=198.51.100.${n}` }
      return through.call('GET', '/api/v1/tasks', { headers })
    })
  })

  it('stream an export, hide /metrics, and reject large bodies in the format of Duly', async () => {
    const user = newUser()
    for (const title of ['a', 'b']) await through.call('POST', '/api/v1/tasks', { user, json: { title } })
    const { text } = await through.call('GET', '/api/v1/export?format=ndjson', { user })
    assert.equal(text.trim().split('\n').length, 2)
    assert.equal((await through.call('GET', '/metrics')).status, 404)
    const tooLong = { user, json: { title: 'c', description: 'd'.repeat(400_000) } }
    const refused = await through.call('POST', '/api/v1/tasks', tooLong)
    assert.deepEqual([refused.status, refused.body.code], [413, 'body_too_large'])
  })

  it('accept an import that is larger than other bodies', async () => {
    const task = { title: 'long', description: 'd'.repeat(20_000) }
    const lines = Array.from({ length: 300 }, (_, n) => `${JSON.stringify({ id: n + 1, ...task })}\n`)
    const { status, text } = await through.call('POST', '/api/v1/import?dry_run=true', {
      user: newUser(),
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines.join(''),
    })
    assert.equal(status, 200, text)
    assert.deepEqual(JSON.parse(text.trim().split('\n').at(-1) ?? ''), {
      ...{ lines: 300, lists: 0, tasks: 300, skipped: 0, done: true },
    })
  })

  it('stream events unbuffered, and lose and repeat none if the replica of a stream is killed', async () => {
    const user = newUser()
    const create = async (title: string) => {
      const headers = { 'idempotency-key': title.replaceAll(' ', '-') }
      const { status } = await through.call('POST', '/api/v1/tasks', { user, headers, json: { title } })
      assert.equal(status, 201)
    }
    const titles = ({ events }: EventSource) => events.map(({ data }) => data.task.title)
    const stream = await openEvents(nginx.url, { user })
    await create('before')
    await stream.until(() => stream.events.length === 1)
    const nameOf = (headers: { get(name: string): unknown }) =>
      String(headers.get('x-request-id')).split('-')[0]
    const name = nameOf(new Map(Object.entries(stream.response.headers)))
    const names = await each('GET', '/livez', {})
    const replica = replicas[names.findIndex(({ headers }) => nameOf(headers) === name)]
    assert.ok(replica)
    replica.running.child.kill('SIGKILL')
    await stream.ended
    await create('while away')
    const resumed = await openEvents(nginx.url, { user, headers: { 'last-event-id': stream.lastId() } })
    await create('after')
    await resumed.until(() => resumed.events.length === 2)
    assert.deepEqual([...titles(stream), ...titles(resumed)], ['before', 'while away', 'after'])
    resumed.close()
    await replica.running.ended
    replica.running = await start(replica.port)
  })

  it('fail no request with a key, and lose and duplicate nothing, during a kill and a migration', async test => {
    const [first, , third] = replicas
    const ledger = new Ledger(() => [nginx.url], true)
    const careful = carefulClient()
    try {
      await ledger.another(size(100, 2000))
      first.running.child.kill('SIGKILL')
      await first.running.ended
      await ledger.another(size(100, 2000))
      first.running = await start(first.port)

      third.running.child.kill('SIGTERM')
      assert.equal((await third.running.ended).code, 0)
      third.running = await start(third.port, nextVersion)
      await ledger.another(size(100, 2000))
      const json = { title: 'With the tables of the next version' }
      const written = await each('POST', '/api/v1/tasks', { user: newUser(), json })
      assert.deepEqual(statuses(written), [201, 201, 201])
    } finally {
      await careful.end()
      await ledger.settle()
    }
    assert.deepEqual(careful.failures, [])
    assert.ok(careful.calls > 0)
    test.diagnostic(await ledger.audit(own.env))
    const { db } = await openDatabase(own.env)
    const [row] = await db.query(unprepared('select count(*) from duly.migrations'))
    await db.close()
    assert.equal(Number(row?.[0]), migrations.length + 1)
  })

  it('count separately while Redis is unavailable', async () => {
    await redis.stop()
    await allAreAsked()
    const user = newUser()
    const { admitted, seconds } = await flood(() => through.call('GET', '/api/v1/tasks', { user }))
    assert.ok(admitted > 2 * burst && admitted <= 3 * (burst + perSecond * (seconds + 1)), `${admitted}`)
  })
})
