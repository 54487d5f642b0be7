import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { behindProxy } from './person.ts'
import { newUser, type Served, served, tokenOf, unlimited } from './served.ts'

let api: Served
before(async () => {
  api = await served({ ...unlimited, ...behindProxy, MAX_TASKS: '1000' })
})
after(() => api.close())

type Line = Record<string, unknown>

const ndjson = 'application/x-ndjson'
const asText = (lines: readonly Line[]) => lines.map(line => `${JSON.stringify(line)}\n`).join('')
const linesIn = (text: string): Line[] =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))

async function send(
  user: string,
  body: string | Buffer,
  { query = '', headers = {} }: { query?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; lines: Line[] }> {
  const response = await fetch(`${api.server.url}/api/v1/import${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokenOf(user)}`, 'content-type': ndjson, ...headers },
    body,
  })
  return { status: response.status, lines: linesIn(await response.text()) }
}

const exported = async (user: string) => linesIn((await api.call('GET', '/api/v1/export', { user })).text)
const write = async (user: string, path: string, json: unknown, method = 'POST') =>
  (await api.call(method, `/api/v1/${path}`, { user, json })).body

/** Lines with names in place of ids, which differ between accounts, sorted by name. */
function comparable(lines: readonly Line[]): Line[] {
  const nameOf = (type: string, id: unknown) =>
    lines.find(line => line.id === id && (line.type ?? 'task') === type)?.[
      type === 'list' ? 'name' : 'title'
    ] ?? id
  return lines
    .map(
      ({ id: _id, revision: _revision, ...line }): Line => ({
        ...line,
        ...('list_id' in line
          ? { list_id: nameOf('list', line.list_id), parent_id: nameOf('task', line.parent_id) }
          : {}),
      }),
    )
    .sort((a, b) => (String(a.title ?? a.name) < String(b.title ?? b.name) ? -1 : 1))
}

async function withEverything(): Promise<string> {
  const user = newUser()
  const garden = await write(user, 'lists', { name: 'Gar\u2028den', color: '#3b82f6' })
  const old = await write(user, 'lists', { name: 'Old', is_archived: true })
  await write(user, `lists/${old.id}/move`, { after: null })
  const whole = await write(user, 'tasks', {
    title: 'Ünïcödé\u2028🪴',
    description: 'two\nlines',
    list_id: garden.id,
    priority: 'high',
    tags: ['Spring', 'shop'],
    start: { date: '2026-12-01' },
    due: { date: '2026-12-01', time: '09:30', time_zone: 'Europe/Berlin' },
    deadline: '2026-12-31',
    estimate_minutes: 90,
    metadata: { 'x:y': [1, { z: null }] },
  })
  const part = await write(user, 'tasks', { title: 'Part', parent_id: whole.id, is_completed: true })
  await write(user, 'tasks', { title: 'Deep', parent_id: part.id })
  const later = await write(user, 'tasks', { title: 'Later parent', list_id: old.id })
  const early = await write(user, 'tasks', { title: 'Early', list_id: old.id })
  await write(user, `tasks/${early.id}/move`, { before: later.id })
  // A parent that is newer than its subtask, and one that is older.
  await write(user, `tasks/${later.id}/move`, { parent_id: early.id })
  await write(user, `tasks/${part.id}`, { title: 'Part, renamed' }, 'PATCH')
  const gone = await write(user, 'tasks', { title: 'In the trash' })
  await api.call('DELETE', `/api/v1/tasks/${gone.id}`, { user })
  return user
}

describe('import', () => {
  it('preserves everything in an export except ids and revisions', async () => {
    const from = await exported(await withEverything())
    assert.deepEqual(
      from.slice(0, 2).map(({ type, name, color }) => [type, name, color]),
      [
        ['list', 'Old', null],
        ['list', 'Gar\u2028den', '#3b82f6'],
      ],
    )
    const user = newUser()
    const dry = await send(user, asText(from), { query: '?dry_run=true' })
    assert.deepEqual(dry, {
      status: 200,
      lines: [{ lines: 7, lists: 2, tasks: 5, skipped: 0, done: true }],
    })
    assert.deepEqual(await exported(user), [])
    assert.deepEqual(await send(user, asText(from)), dry)
    assert.deepEqual(comparable(await exported(user)), comparable(from))

    // Tasks that are added later come last, also after the positions of a busy account.
    const high = asText([{ id: 1, title: 'High', position: 'e1230Z' }])
    assert.equal((await send(user, high)).status, 200)
    const next = await write(user, 'tasks', { title: 'Next' })
    assert.ok(next.position > 'e1230Z')
    // So large that no longer position follows, and still importable.
    for (const position of [`n${'z'.repeat(14)}`, 'o899999999999999'])
      assert.equal((await send(user, asText([{ id: 1, title: 'Highest', position }]))).status, 200)
    await write(user, 'tasks', { title: 'Last' })
    assert.equal((await send(newUser(), asText(await exported(user)))).status, 200)
  })

  it('resumes with the same id after any interruption, and duplicates nothing', async () => {
    const user = newUser()
    // Each chain of three comes in reverse order, and spans the chunks.
    const at = (n: number) => `2026-01-01T00:00:00.${String(999999 - n)}Z`
    const lines = [
      { type: 'list', id: 9, name: 'Many' },
      ...Array.from({ length: 600 }, (_, n) => ({
        id: n + 1,
        title: `Task ${n}`,
        list_id: 9,
        parent_id: n < 400 ? n + 201 : null,
        created_at: at(n),
        updated_at: at(n),
      })),
    ]
    const text = asText(lines)
    const query = '?import=moving'
    const cut = httpRequest(`${api.server.url}/api/v1/import${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokenOf(user)}`, 'content-type': ndjson },
    })
    cut.on('error', () => {})
    await new Promise<void>(resolve => {
      cut.once('response', response => response.once('data', () => resolve(void cut.destroy())))
      cut.write(text.slice(0, text.indexOf('"Task 300"')))
    })
    // The server may not have noticed yet that the first connection is closed.
    let again = await send(user, text, { query })
    while (again.status === 503) again = await send(user, text, { query })
    const [end] = again.lines.slice(-1)
    assert.deepEqual([again.status, end?.lines, end?.done], [200, 601, true])
    assert.ok(Number(end?.skipped) >= 250, JSON.stringify(end))
    assert.deepEqual((await send(user, text, { query })).lines.slice(-1), [
      { lines: 601, lists: 0, tasks: 0, skipped: 601, done: true },
    ])
    const plain = (all: readonly Line[]) =>
      comparable(all).flatMap(({ title, list_id, parent_id, created_at, updated_at }) =>
        title === undefined ? [] : [{ title, list_id, parent_id, created_at, updated_at }],
      )
    assert.deepEqual(plain(await exported(user)), plain(lines))

    const more = Array.from({ length: 401 }, (_, n) => ({ id: n + 1, title: 'Too many' }))
    for (const dry of ['?dry_run=true', '']) {
      const { lines: answers } = await send(user, asText(more), { query: dry })
      const error = answers.at(-1)?.error as Line | undefined
      assert.deepEqual([answers.length, error?.code], [2, 'too_many_tasks'], dry)
    }
  })

  it('reports the line and field of an error, and stores nothing of its chunk', async () => {
    const user = newUser()
    const task = { id: 1, title: 'a' }
    const chain = Array.from({ length: 9 }, (_, n) => ({ id: n + 1, title: 'a', parent_id: n || null }))
    const wrong: [string | Buffer, string][] = [
      [asText([task, { id: 2, title: '' }]), '2/title'],
      [asText([task, { id: 2, title: 'a', colour: 'red' }]), '2/colour'],
      [asText([task, { id: 2, title: 'a', due: { date: '2026-02-30' } }]), '2/due'],
      [asText([task, { id: 0, title: 'a' }]), '2/id'],
      [asText([task, { id: 2, title: 'a', type: 'tag' }]), '2/type'],
      [asText([task, { id: 2, title: 'a', position: 'zz' }]), '2/position'],
      [asText([task, { id: 2, title: 'a', position: `o${'z'.repeat(15)}` }]), '2/position'],
      [asText([task, { id: 2, title: 'a', created_at: '2026-02-30T00:00:00.000000Z' }]), '2/created_at'],
      [asText([task, { id: 2, title: 'a', completed_at: '2026-02-03T00:00:00.000000Z' }]), '2/completed_at'],
      [
        asText([
          task,
          { id: 2, title: 'a', is_completed: true, completed_at: '3000-01-01T00:00:00.000000Z' },
        ]),
        '2/completed_at',
      ],
      [asText([task, { id: 2, title: 'a', list_id: 5 }]), '2/list_id'],
      [asText([task, { id: 2, title: 'a', parent_id: 5 }]), '2/parent_id'],
      [asText([task, { id: 2, title: 'a', parent_id: 2 }]), '2/parent_id'],
      [
        asText([
          { ...task, parent_id: 2 },
          { id: 2, title: 'a', parent_id: 1 },
        ]),
        '2/parent_id',
      ],
      [asText(chain), '9/parent_id'],
      [asText(chain.toReversed()), '8/parent_id'],
      [`${asText([task])}\n[]`, '3'],
      [`${asText([task])}{"id":2,"title":"a"`, '2'],
      [Buffer.from([...Buffer.from(asText([task])), 0x22, 0xff, 0x22]), '2'],
      [`${asText([task])}"${'a'.repeat(1_000_000)}"`, '2'],
    ]
    for (const [body, place] of wrong) {
      const { status, lines } = await send(user, body)
      const [problem] = lines
      const [first] = (problem?.errors ?? []) as Line[]
      assert.deepEqual([status, problem?.code, first?.pointer], [422, 'broken_rule', `#/${place}`])
    }
    const zipped = { headers: { 'content-encoding': 'gzip' } }
    assert.equal((await send(user, gzipSync(asText([task])), zipped)).status, 415)
    const typed = { headers: { 'content-type': 'application/json' } }
    assert.equal((await send(user, asText([task]), typed)).status, 415)
    for (const query of ['?dry_run=1', '?dry_run=', '?import=a/b', '?import='])
      assert.equal((await send(user, asText([task]), { query })).status, 422, query)
    assert.deepEqual(await exported(user), [])
    assert.deepEqual((await send(user, '\n')).lines, [
      { lines: 1, lists: 0, tasks: 0, skipped: 0, done: true },
    ])
  })

  it('runs once per user at a time, while other users write', async () => {
    const user = newUser()
    const slow = httpRequest(`${api.server.url}/api/v1/import`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokenOf(user)}`, 'content-type': ndjson },
    })
    const many = asText(Array.from({ length: 251 }, (_, n) => ({ id: n + 1, title: `Task ${n}` })))
    const ended = new Promise<Line[]>((resolve, reject) => {
      slow.once('error', reject)
      slow.once('response', async response => {
        const chunks: Buffer[] = []
        const refused = await send(user, many)
        assert.deepEqual([refused.status, refused.lines[0]?.code], [503, 'busy'])
        assert.equal(
          (await api.call('POST', '/api/v1/tasks', { user: newUser(), json: { title: 'a' } })).status,
          201,
        )
        slow.end()
        for await (const chunk of response) chunks.push(chunk as Buffer)
        resolve(linesIn(Buffer.concat(chunks).toString()))
      })
    })
    slow.write(many)
    assert.deepEqual((await ended).at(-1), { lines: 251, lists: 0, tasks: 251, skipped: 0, done: true })
  })

  it('is possible while many users at another address have imports that never end', async () => {
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
    const endless = Array.from({ length: 9 }, () =>
      httpRequest(`${api.server.url}/api/v1/import`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${tokenOf(newUser())}`,
          'content-type': ndjson,
          ...from('192.0.2.1').headers,
        },
      }),
    )
    // Eight are accepted.
    const refused = await Promise.race(
      endless.map(request => {
        request.on('error', () => {})
        request.write(asText([{ id: 1, title: 'Task' }]))
        return new Promise<number | undefined>(resolve =>
          request.once('response', ({ statusCode }) => resolve(statusCode)),
        )
      }),
    )
    assert.equal(refused, 503)
    const accepted = await send(newUser(), asText([{ id: 1, title: 'Task' }]), from('192.0.2.2'))
    assert.equal(accepted.status, 200)
    for (const request of endless) request.destroy()
  })

  it('ends when its token is revoked, and keeps what was already imported', async () => {
    const user = newUser()
    const { token, id } = await write(user, 'tokens', {
      name: 'import',
      scopes: ['tasks:read', 'tasks:write'],
    })
    const headers = { authorization: `Bearer ${token}`, 'content-type': ndjson }
    const request = httpRequest(`${api.server.url}/api/v1/import`, { method: 'POST', headers })
    const linesFrom = (first: number) =>
      asText(Array.from({ length: 251 }, (_, n) => ({ id: first + n, title: `Task ${n}` })))
    const ended = new Promise<Line[]>((resolve, reject) => {
      request.once('error', reject)
      request.once('response', async response => {
        await api.call('DELETE', `/api/v1/tokens/${id}`, { user })
        const state = () => fetch(`${api.server.url}/api/v1/tasks`, { headers }).then(({ status }) => status)
        while ((await state()) === 200);
        request.end(linesFrom(252))
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk as Buffer)
        resolve(linesIn(Buffer.concat(chunks).toString()))
      })
    })
    request.write(linesFrom(1))
    const lines = await ended
    assert.deepEqual(
      lines.map(({ lines, error }) => lines ?? (error as Line).code),
      [250, 'token_invalid'],
    )
    assert.equal((await exported(user)).length, 250)
  })
})
