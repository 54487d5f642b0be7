import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { manyTasks } from './many-tasks.ts'
import { type RawConnection, rawConnection } from './raw-connection.ts'
import { callAt, newUser, type Served, served, tokenOf, unlimited } from './served.ts'

// Clients that send requests and do not read the responses, or read them very slowly.

/** A list of 20 MB, more than socket buffers hold. */
const long = { user: newUser('long'), tasks: 4000 }
/** A page of 3.6 MB. */
const wide = { user: newUser('wide'), tasks: 120 }

let api: Served
let metricsUrl: string
before(async () => {
  api = await served({ ...unlimited, CONTRACT: 'stage-2', METRICS_PORT: '0' })
  const said = api.lines.find(({ msg }) => String(msg).startsWith('metrics on '))
  metricsUrl = new URL(/http:\S+/.exec(String(said?.msg))?.[0] ?? '').origin
  await manyTasks(api.server.db, long.user, long.tasks, { description: 'x'.repeat(5000) })
  await manyTasks(api.server.db, wide.user, wide.tasks, { description: '\u0001'.repeat(5000) })
})
after(() => api.close())

async function metric(name: string, labels = ''): Promise<number> {
  const { text } = await callAt(metricsUrl, 'GET', '/metrics')
  const line = text.split('\n').find(found => found.startsWith(name + labels))
  return Number(line?.split(' ').at(-1) ?? 0)
}

const batchesRead = () =>
  metric('db_client_operation_duration_seconds_count', '{db_operation_name="duly_batch"')

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await pause(20)
}

function requestFor(path: string, user: string, method = 'GET'): string {
  return `${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenOf(user)}\r\n\r\n`
}

async function unread(count: number, request: string): Promise<RawConnection[]> {
  const connections = await Promise.all(Array.from({ length: count }, () => rawConnection(api.server.url)))
  for (const { socket } of connections) {
    socket.pause()
    socket.write(request)
  }
  return connections
}

const leave = (connections: readonly RawConnection[]) => {
  for (const { socket } of connections) socket.destroy()
  return until(async () => (await metric('duly_streams')) === 0)
}

const rounds = 3
/** Batches that `everyRequestIsAnswered` reads: two short lists in each round. */
const othersBatches = 2 * rounds

/** Requests of another user at the same time. */
async function everyRequestIsAnswered(): Promise<void> {
  const user = newUser()
  for (let n = 0; n < rounds; n += 1) {
    const { status, body, text } = await api.call('POST', '/api/v1/tasks', {
      user,
      json: { title: `task ${n}` },
    })
    assert.equal(status, 201, text)
    for (const path of [`/api/v1/tasks/${body.id}`, '/api/v1/tasks?limit=5', '/api/v1/todos', '/api/tasks']) {
      const answer = await api.call('GET', path, { user })
      assert.equal(answer.status, 200, `${path}: ${answer.text}`)
    }
  }
}

describe('while sockets of one user do not read their response, every request of others succeeds:', () => {
  const kinds: Readonly<Record<string, [sockets: number, request: string]>> = {
    'a list of todos, on 140 sockets': [140, requestFor('/api/v1/todos', long.user)],
    'a list of tasks': [10, requestFor(`/api/${long.user}/tasks`, long.user)],
    'an export as NDJSON': [10, requestFor('/api/v1/export?format=ndjson', long.user)],
    'an export as CSV': [10, requestFor('/api/v1/export?format=csv', long.user)],
    'pages of long tasks, in total more than the limit of unread bytes': [
      20,
      requestFor('/api/v1/tasks?limit=1000', wide.user),
    ],
    'a list, requested with HEAD': [10, requestFor('/api/v1/todos', long.user, 'HEAD').repeat(2)],
    'lists, in twenty pipelined requests': [5, requestFor('/api/v1/todos', long.user).repeat(20)],
    'the OpenAPI document': [10, requestFor('/openapi.json', long.user).repeat(2)],
    'a script of /docs': [10, requestFor('/docs/swagger-ui-bundle.js', long.user).repeat(5)],
  }
  for (const [what, [sockets, request]] of Object.entries(kinds)) {
    it(what, async t => {
      const connections = await unread(sockets, request)
      t.after(() => leave(connections))
      await everyRequestIsAnswered()
      await until(async () => (await metric('http_server_active_requests')) === 0)
      // Unread responses hold no session. With 140 sockets this takes until their buffers are full.
      if (sockets < 140) await until(() => api.server.db.usage.busy === 0)
      assert.equal(await metric('duly_requests_rejected_total'), 0)
      await until(async () => (await metric('duly_unread_bytes')) <= 64 * 1024 * 1024)
    })
  }
})

describe('a streamed list', () => {
  it('is read from the database only as fast as the client reads it, and then completely', async () => {
    const before = await batchesRead()
    const { socket, received } = await rawConnection(api.server.url)
    socket.pause()
    socket.write(requestFor('/api/v1/todos', long.user).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    await until(async () => (await metric('duly_unread_bytes')) > 0)
    await everyRequestIsAnswered()
    const read = (await batchesRead()) - before
    assert.equal(await metric('duly_streams'), 1)
    // Of 310: the rest of the list does not fit in socket buffers.
    assert.ok(read < 200 + othersBatches, `${read} batches were read`)
    socket.resume()
    await once(socket, 'end')
    assert.equal(received().split('"title":').length - 1, long.tasks)
    socket.destroy()
    await until(async () => (await metric('duly_streams')) === 0)
  })

  it('is not read for HEAD', async () => {
    const before = await batchesRead()
    for (const path of ['/api/v1/todos', '/api/v1/export', `/api/${long.user}/tasks`]) {
      const { status, text } = await api.call('HEAD', path, { user: long.user })
      assert.deepEqual([status, text], [200, ''])
    }
    assert.equal((await batchesRead()) - before, 3)
    assert.equal(await metric('duly_streams'), 0)
  })

  it('is not read further after the client has disconnected', async () => {
    const connections = await unread(20, requestFor('/api/v1/export', long.user))
    await until(async () => (await metric('duly_streams')) === 20)
    await leave(connections)
    const read = await batchesRead()
    await everyRequestIsAnswered()
    // One batch of each stream was in progress.
    assert.ok((await batchesRead()) - read <= 20 + othersBatches)
  })

  it('is counted as a stream, and has no duration if the route only streams', async () => {
    const connections = await unread(1, requestFor('/api/v1/export', long.user))
    await until(async () => (await metric('duly_streams')) === 1)
    await leave(connections)
    const { text } = await callAt(metricsUrl, 'GET', '/metrics')
    assert.doesNotMatch(text, /http_route="\/api\/v1\/export"/)
    assert.match(text, /http_route="\/api\/v1\/todos"/)
  })
})
