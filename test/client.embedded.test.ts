import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import {
  type Client,
  createClient,
  DulyConnectionError,
  DulyError,
  hasCode,
  type NoAnswer,
  operation,
} from '../client/index.ts'
import { newUser, type Served, served, tokenOf } from './served.ts'

let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

const clientOf = (user: string, url = api.server.url): Client => createClient({ url, token: tokenOf(user) })
const isProblem = (status: number, code: string) => (error: unknown) =>
  error instanceof DulyError && error.status === status && error.code === code

async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

function isNoAnswer(error: unknown, kind: NoAnswer, message: RegExp): boolean {
  assert.ok(error instanceof DulyConnectionError && error instanceof TypeError)
  assert.deepEqual([error.kind, error.request.method], [kind, 'GET'])
  assert.match(error.request.url, /^http:\/\/127\.0\.0\.1:\d+\/api\/v1\/tasks$/)
  assert.ok(error.message.startsWith(`GET ${error.request.url}: `))
  assert.match(error.message, message)
  assert.ok(error.cause instanceof Error)
  return true
}

/**
 * A proxy between client and server: passes a request on, or does to it what the test specifies.
 */
interface Fault {
  readonly url: string
  /** The outcome of each request, in order. */
  readonly seen: string[]
  close(): Promise<void>
}

type Deed =
  | 'pass'
  | 'answer lost'
  | 'refuse'
  | 'cut'
  | 'hang'
  | { status: number; headers?: Record<string, string>; body?: string }

/** A proxy that applies the faults to the requests in their order, and passes on the later ones. */
async function faulty(deeds: Deed[]): Promise<Fault> {
  const seen: string[] = []
  const proxy = createServer(async (request, response) => {
    const deed = deeds.shift() ?? 'pass'
    seen.push(typeof deed === 'string' ? deed : String(deed.status))
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    if (deed === 'hang') return
    if (deed === 'refuse') return void request.socket.destroy()
    if (typeof deed === 'object') return void response.writeHead(deed.status, deed.headers).end(deed.body)
    const body = Buffer.concat(chunks)
    const { host: _host, connection: _connection, ...headers } = request.headers as Record<string, string>
    const answer = await fetch(api.server.url + request.url, {
      method: request.method ?? 'GET',
      headers,
      ...(body.length > 0 ? { body } : {}),
    })
    const text = await answer.text()
    if (deed === 'answer lost') return void request.socket.destroy()
    const { 'transfer-encoding': _encoding, ...kept } = Object.fromEntries(answer.headers)
    response.writeHead(answer.status, kept)
    if (deed !== 'cut') return void response.end(text)
    response.write(text.slice(0, 5), () => request.socket.destroy())
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    seen,
    close: () => new Promise(resolve => proxy.close(() => resolve()).closeAllConnections()),
  }
}

describe('the client', () => {
  it('creates, reads, updates, lists and deletes', async () => {
    const { tasks } = clientOf(newUser())
    const task = await tasks.create({ title: 'Water the plants' })
    assert.deepEqual(await tasks.get(task.id), task)
    const done = await tasks.update(task.id, { is_completed: true })
    assert.deepEqual([done.is_completed, done.revision], [true, 2])
    assert.deepEqual(await tasks.list({ is_completed: true }), { tasks: [done], next_cursor: null })
    assert.equal(await tasks.remove(task.id), undefined)
    await assert.rejects(tasks.get(task.id), isProblem(404, 'task_not_found'))
  })

  it('iterates over all pages', async () => {
    const { tasks } = clientOf(newUser())
    const titles = ['a', 'b', 'c', 'd', 'e']
    for (const title of titles) await tasks.create({ title })
    const found: string[] = []
    for await (const task of tasks.all({ sort: 'title', limit: 2 })) found.push(task.title)
    assert.deepEqual(found, titles)
    for await (const task of tasks.all({ sort: 'title', limit: 2, q: 'zz' })) assert.fail(task.title)
  })

  it('supports lists, subtasks, tags and the order of tasks', async () => {
    const { tasks, lists, tags, counts, usage } = clientOf(newUser())
    const garden = await lists.create({ name: 'Garden' })
    const home = await lists.create({ name: 'Home', color: '#3b82f6' })
    await lists.move(home.id, { before: garden.id })
    const beds = await tasks.create({ title: 'Beds', list_id: garden.id, tags: ['spring'] })
    const seeds = await tasks.create({ title: 'Seeds', parent_id: beds.id, tags: ['spring', 'shop'] })
    const [first, second] = await collected(lists.all())
    assert.deepEqual(
      [first?.name, second?.name, second?.open_task_count, seeds.list_id],
      ['Home', 'Garden', 2, garden.id],
    )
    assert.equal((await collected(tasks.all({ tag: ['spring', 'shop'], list_id: garden.id }))).length, 1)
    assert.deepEqual((await counts({ time_zone: 'Asia/Tokyo' })).lists, [
      { id: home.id, open_task_count: 0 },
      { id: garden.id, open_task_count: 2 },
    ])
    assert.equal((await usage()).task_count, 2)
    assert.equal((await tasks.move(beds.id, { list_id: home.id })).list_id, home.id)
    assert.equal((await tasks.get(seeds.id)).list_id, home.id)
    assert.deepEqual(await tags.rename('shop', 'buy'), { tasks: 1 })
    assert.deepEqual(await tags.remove('spring'), { tasks: 2 })
    assert.deepEqual(await collected(tags.all()), [{ name: 'buy', open_task_count: 1 }])
    const grown = await lists.update(garden.id, { name: 'Big garden' }, { ifMatch: garden })
    await assert.rejects(
      lists.update(garden.id, { name: 'Park' }, { ifMatch: garden }),
      isProblem(412, 'precondition_failed'),
    )
    assert.equal((await lists.get(garden.id)).name, grown.name)
    await lists.remove(home.id, { moveTasksTo: 'inbox' })
    assert.equal((await tasks.get(beds.id)).list_id, null)
    assert.equal((await lists.restore(home.id)).color, '#3b82f6')
  })

  it('deletes, restores and permanently removes', async () => {
    const { tasks, lists, trash } = clientOf(newUser())
    const list = await lists.create({ name: 'Old' })
    const ids: number[] = []
    for (const title of ['a', 'b', 'c']) ids.push((await tasks.create({ title })).id)
    for (const id of ids) await tasks.remove(id)
    await lists.remove(list.id)
    const found = await collected(trash.all({ limit: 1 }))
    assert.deepEqual(
      found.map(item => (item.type === 'task' ? item.task.title : item.list.name)),
      ['Old', 'c', 'b', 'a'],
    )
    assert.equal((await tasks.restore(ids[0] as number)).title, 'a')
    await trash.remove('task', ids[1] as number)
    assert.equal((await trash.list({ type: 'task' })).items.length, 1)
    await trash.empty()
    assert.deepEqual(await trash.list(), { items: [], next_cursor: null })
  })

  it('returns the id of each change, undoes it, and reports conflicts', async () => {
    const seen: string[] = []
    const url = api.server.url
    const client = createClient({ url, token: tokenOf(newUser()), onChange: change => seen.push(change) })
    const { tasks, undo, settings } = client
    const task = await tasks.create({ title: 'a' })
    let renamed = ''
    const note = (change: string) => {
      renamed = change
    }
    await tasks.update(task.id, { title: 'b' }, { onChange: note })
    const same = await tasks.update(task.id, { title: 'b' }, { onChange: () => assert.fail('no change') })
    assert.deepEqual([seen.length, seen[1] === renamed, same.title], [2, true, 'b'])
    const undone = await undo(renamed)
    assert.deepEqual([undone.results.length, undone.change], [1, seen[2]])
    await tasks.update(task.id, { title: 'c' })
    await assert.rejects(undo(undone.change ?? ''), (error: unknown) => {
      assert.ok(hasCode(error, 'undo_conflict'))
      const [conflict] = error.problem.conflicts
      assert.deepEqual([conflict?.id, conflict?.fields, conflict?.task?.title], [task.id, ['title'], 'c'])
      return true
    })
    const entries = await collected(tasks.allHistory(task.id, { limit: 2 }))
    assert.deepEqual(
      entries.map(({ action }) => action),
      ['updated', 'updated', 'updated', 'created'],
    )
    assert.equal((await settings.update({ time_zone: 'Asia/Tokyo' })).time_zone, 'Asia/Tokyo')
    assert.equal((await settings.get()).time_zone, 'Asia/Tokyo')
  })

  it('runs a batch once, with refs and the result of each operation', async () => {
    const proxy = await faulty(['answer lost'])
    const user = newUser()
    const { batch, tasks } = clientOf(user, proxy.url)
    const trip = operation.createList({ name: 'Trip' })
    const pack = operation.create({ title: 'Pack', list_id: trip, metadata: { id: { creates: 'task' } } })
    const both = [trip, pack, operation.create({ title: 'Passport', parent_id: pack })] as const
    const done = await batch(both)
    const [{ list }, { task }, { task: part }] = done.results
    assert.deepEqual(
      [list.name, task.list_id, task.metadata, part.parent_id, typeof done.change],
      ['Trip', list.id, { id: { creates: 'task' } }, task.id, 'string'],
    )
    assert.deepEqual(proxy.seen, ['answer lost', 'pass'])
    const rest = [
      operation.update(part.id, { is_completed: true }, { ifMatch: part }),
      operation.move(part.id, { parent_id: null }),
      operation.updateList(list.id, { name: 'Journey' }),
      operation.remove(task.id),
    ] as const
    const tried = await batch(rest, { dryRun: true })
    assert.deepEqual([tried.change, tried.results[3]], [null, { type: 'task', id: task.id, deleted: true }])
    assert.deepEqual(await tasks.get(task.id), task)
    const [updated, moved, renamed] = (await batch(rest)).results
    assert.deepEqual(
      [updated.task.is_completed, moved.task.parent_id, renamed.list.name],
      [true, null, 'Journey'],
    )
    const [restored] = (await batch([operation.restore(task.id), operation.removeList(list.id)])).results
    assert.equal('deleted' in restored, true)
    const wrong = batch([operation.create({ title: 'a' }), operation.create({ title: '' })])
    await assert.rejects(wrong, (error: unknown) => {
      assert.ok(hasCode(error, 'broken_rule'))
      const [rule] = error.problem.errors
      assert.ok(rule && 'pointer' in rule)
      assert.equal(rule.pointer, '#/operations/1/task/title')
      return true
    })
    await assert.rejects(batch([pack]), /the operation in "list_id" must come before/)
    await proxy.close()
  })

  it('throws an error with the code, the invalid fields and the current task', async () => {
    const { tasks } = clientOf(newUser())
    await assert.rejects(tasks.create({ title: '' }), (error: unknown) => {
      assert.ok(error instanceof DulyError)
      assert.deepEqual(
        [error.status, error.code, error.message],
        [422, 'broken_rule', 'Title must not be empty.'],
      )
      assert.deepEqual(error.problem?.errors, [{ pointer: '#/title', detail: 'Title must not be empty.' }])
      return true
    })
    const task = await tasks.create({ title: 'a' })
    const current = await tasks.update(task.id, { title: 'b' }, { ifMatch: task })
    await assert.rejects(tasks.update(task.id, { title: 'c' }, { ifMatch: task }), (error: unknown) => {
      assert.ok(error instanceof DulyError)
      assert.deepEqual([error.code, error.problem?.task], ['precondition_failed', current])
      return true
    })
    await assert.rejects(tasks.remove(task.id, { ifMatch: task }), isProblem(412, 'precondition_failed'))
    await tasks.remove(task.id, { ifMatch: current })
  })

  it('executes a write once if responses are lost', async () => {
    const proxy = await faulty([
      'answer lost',
      'refuse',
      'cut',
      { status: 503, headers: { 'retry-after': '0' } },
    ])
    const user = newUser()
    const task = await clientOf(user, proxy.url).tasks.create({ title: 'once' })
    assert.deepEqual(proxy.seen, ['answer lost', 'refuse', 'cut', '503', 'pass'])
    assert.deepEqual((await clientOf(user).tasks.list()).tasks, [task])
    await proxy.close()
  })

  it('fails with the last error after its attempts', async () => {
    const away = { status: 503, headers: { 'retry-after': '0' } }
    const proxy = await faulty([away, away, away])
    const client = createClient({ url: `${proxy.url}/`, token: tokenOf(newUser()), attempts: 2 })
    await assert.rejects(
      client.tasks.list(),
      (error: unknown) => error instanceof DulyError && error.status === 503,
    )
    assert.equal(proxy.seen.length, 2)
    await proxy.close()
    await assert.rejects(client.tasks.list(), error => isNoAnswer(error, 'network', /ECONNREFUSED/))
  })

  it('does not retry requests that would be rejected again', async () => {
    const proxy = await faulty([])
    await assert.rejects(clientOf(newUser(), proxy.url).tasks.get(1), isProblem(404, 'task_not_found'))
    assert.equal(proxy.seen.length, 1)
    await proxy.close()
  })

  it('requests a new token once if the old one is rejected', async () => {
    const user = newUser()
    const tokens = [tokenOf(user, { exp: 1 }), tokenOf(user)]
    const client = createClient({ url: api.server.url, token: async () => tokens.shift() ?? 'none left' })
    assert.deepEqual((await client.tasks.list()).tasks, [])
    await assert.rejects(client.tasks.list(), isProblem(401, 'token_invalid'))
  })

  it('is stopped by its signal, also between attempts', async () => {
    const proxy = await faulty([{ status: 503, headers: { 'retry-after': '3600' } }])
    const controller = new AbortController()
    const options = { url: proxy.url, token: tokenOf(newUser()) }
    const answered: typeof fetch = async (...call) => {
      const response = await fetch(...call)
      setImmediate(() => controller.abort(new Error('enough')))
      return response
    }
    const client = createClient({ ...options, fetch: answered })
    await assert.rejects(client.tasks.list({}, { signal: controller.signal }), /enough/)
    assert.equal(proxy.seen.length, 1)
    await proxy.close()
  })

  for (const [options, message] of [
    [undefined, /"url" is missing/],
    [{}, /"url" is missing/],
    [{ url: '', token: 'x' }, /"url" is missing/],
    [{ url: 'tasks.example.com', token: 'x' }, /"url" must be an http or https address/],
    [{ url: 'postgres://a/b', token: 'x' }, /"url" must be an http or https address/],
    [{ url: 'https://user:hidden@example.com', token: 'x' }, /"url" must not contain a user or a password/],
    [{ url: 'https://example.com' }, /"token" is missing/],
    [{ url: 'https://example.com', token: '' }, /"token" is missing/],
    [{ url: 'https://example.com', token: 5 }, /"token" must be a string, or a function/],
    [{ url: 'https://example.com', token: 'x', attempts: 0 }, /"attempts" must be/],
    [{ url: 'https://example.com', token: 'x', timeout: Number.NaN }, /"timeout" must be/],
    [{ url: 'https://example.com', token: 'x', fetch: 'fetch' }, /"fetch" must be a function/],
  ] as const) {
    it(`is not created with ${JSON.stringify(options)}`, () => {
      // As a caller in JavaScript can do.
      const wrong = options as unknown as Parameters<typeof createClient>[0]
      const isTypeError = (error: unknown) => error instanceof TypeError && message.test(error.message)
      assert.throws(() => createClient(wrong), isTypeError)
    })
  }

  it('fails with an explanation if its function returns no token', async () => {
    // As after the end of a session.
    const token = (() => undefined) as unknown as () => string
    await assert.rejects(
      createClient({ url: api.server.url, token }).tasks.list(),
      /"token" must return a token/,
    )
  })

  it('reports requests without a response by kind and URL, without the query', async () => {
    const html = { headers: { 'content-type': 'text/html' }, body: '<h1>Wi-Fi</h1>' }
    const proxy = await faulty(['refuse', 'cut', 'hang', { status: 200, ...html }, { status: 502, ...html }])
    const { url } = proxy
    const client = createClient({ url, token: tokenOf(newUser()), attempts: 1 })
    const list = () => client.tasks.list({ q: 'private' })
    const isPrivate = (error: unknown) => JSON.stringify([error, String(error)]).includes('private')
    for (const _ of ['refuse', 'cut'])
      await assert.rejects(
        list(),
        error => isNoAnswer(error, 'network', /no response: /) && !isPrivate(error),
      )
    const hasty = createClient({ url, token: tokenOf(newUser()), attempts: 1, timeout: 50 })
    await assert.rejects(hasty.tasks.list(), error =>
      isNoAnswer(error, 'timeout', /no response within 0\.05 s/),
    )
    await assert.rejects(list(), error => isNoAnswer(error, 'not_json', /\(200, text\/html\) is not JSON/))
    await assert.rejects(list(), (error: unknown) => {
      assert.ok(error instanceof DulyError)
      assert.deepEqual([error.status, error.problem], [502, undefined])
      assert.equal(error.message, `GET ${url}/api/v1/tasks: the server answered 502.`)
      return true
    })
    await proxy.close()
  })

  it('reports requests that its signal has aborted, with the reason', async () => {
    const proxy = await faulty(['hang'])
    const client = createClient({ url: proxy.url, token: tokenOf(newUser()) })
    const signal = AbortSignal.timeout(50)
    await assert.rejects(client.tasks.list({}, { signal }), error =>
      isNoAnswer(error, 'timeout', /aborted by its/),
    )
    const gone = AbortSignal.abort()
    await assert.rejects(client.tasks.list({}, { signal: gone }), error =>
      isNoAnswer(error, 'aborted', /aborted by its signal/),
    )
    await proxy.close()
  })
})
