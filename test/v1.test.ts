import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { problems } from '../server/openapi/problems.ts'
import { wordsOf } from '../server/tasks/fold.ts'
import { type Answer, type Call, newUser, ownDatabase, type Served, served } from './served.ts'

let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

const path = '/api/v1/tasks'

async function create(user: string, json: object = { title: 'Buy milk' }) {
  const { status, body } = await api.call('POST', path, { user, json })
  assert.equal(status, 201)
  return body
}

const patch = (user: string, id: number, json: unknown, headers: Record<string, string> = {}) =>
  api.call('PATCH', `${path}/${id}`, { user, json, headers })

async function pages(user: string, query: string, after: string | null = null): Promise<number[][]> {
  const found: number[][] = []
  let cursor = after
  do {
    const next = cursor === null ? '' : `&cursor=${cursor}`
    const { status, body }: Answer = await api.call('GET', `${path}?${query}${next}`, { user })
    assert.equal(status, 200)
    found.push(body.tasks.map((task: { id: number }) => task.id))
    cursor = body.next_cursor
  } while (cursor !== null)
  return found
}

function refused({ status, headers, body }: Answer, code: keyof typeof problems, expected: number) {
  assert.deepEqual([status, body.code], [expected, code])
  assert.equal(headers.get('content-type'), 'application/problem+json; charset=utf-8')
  assert.deepEqual(
    [body.type, body.title, body.status],
    [`/problems/${code}`, problems[code].title, expected],
  )
}

describe('a task in v1', () => {
  it('is created with its URL and entity tag, and read back unchanged', async () => {
    const user = newUser()
    const { status, headers, body } = await api.call('POST', path, { user, json: { title: ' Buy milk ' } })
    assert.equal(status, 201)
    const now = body.created_at
    assert.deepEqual(body, {
      id: body.id,
      title: 'Buy milk',
      description: null,
      is_completed: false,
      completed_at: null,
      ...{ priority: null, tags: [], start: null, due: null, deadline: null },
      ...{ estimate_minutes: null, metadata: {}, list_id: null, parent_id: null, position: 'a1' },
      created_at: now,
      updated_at: now,
      revision: 1,
    })
    assert.deepEqual([headers.get('location'), headers.get('etag')], [`${path}/${body.id}`, '"1"'])
    const read = await api.call('GET', `${path}/${body.id}`, { user })
    assert.deepEqual([read.status, read.headers.get('etag'), read.body], [200, '"1"', body])
  })

  it('is not sent again to a client that has it', async () => {
    const user = newUser()
    const { id } = await create(user)
    for (const tag of ['"1"', 'W/"1"', '"7", "1"', '*']) {
      const { status, text, headers } = await api.call('GET', `${path}/${id}`, {
        user,
        headers: { 'if-none-match': tag },
      })
      assert.deepEqual([status, text, headers.get('etag')], [304, '', '"1"'])
    }
    const other = await api.call('GET', `${path}/${id}`, { user, headers: { 'if-none-match': '"2"' } })
    assert.equal(other.status, 200)
    const none = await api.call('GET', `${path}/${id}`, { user, headers: { 'if-none-match': 'unquoted' } })
    refused(none, 'broken_rule', 422)
    assert.equal(none.body.errors[0].header, 'If-None-Match')
  })

  it('is changed by a merge patch: absent keeps, null removes, and repeating changes nothing', async () => {
    const user = newUser()
    const task = await create(user, { title: 'a', description: 'b' })
    const done = await patch(user, task.id, { is_completed: true })
    const { updated_at, completed_at } = done.body
    assert.deepEqual(done.body, { ...task, is_completed: true, completed_at, updated_at, revision: 2 })
    assert.equal(completed_at, updated_at)
    assert.equal(done.headers.get('etag'), '"2"')
    for (const again of [{ is_completed: true }, {}, { title: 'a' }]) {
      assert.deepEqual((await patch(user, task.id, again)).body, done.body)
    }
    const cleared = await patch(
      user,
      task.id,
      { description: null },
      { 'content-type': 'application/merge-patch+json' },
    )
    assert.deepEqual([cleared.status, cleared.body.description, cleared.body.revision], [200, null, 3])
    const reopened = await patch(user, task.id, { is_completed: false })
    assert.deepEqual([reopened.body.is_completed, reopened.body.completed_at], [false, null])
    for (const json of [{ title: null }, { is_completed: null }, [], 'a', null, { user_id: 'mallory' }]) {
      refused(await patch(user, task.id, json), 'broken_rule', 422)
    }
    const two = await patch(user, task.id, { title: '', description: 7 })
    assert.deepEqual(
      two.body.errors.map((error: { pointer: string }) => error.pointer),
      ['#/title', '#/description'],
    )
  })

  it('is changed or deleted only in the version that the client expects', async () => {
    const user = newUser()
    const { id } = await create(user)
    const current = (await patch(user, id, { title: 'b' }, { 'if-match': '"1"' })).body
    assert.equal(current.revision, 2)
    for (const tag of ['"1"', 'W/"1"', '"1-gzip"', '"x"', '"9007199254740993"']) {
      for (const method of ['PATCH', 'DELETE']) {
        const answer = await api.call(method, `${path}/${id}`, {
          user,
          json: { title: 'c' },
          headers: { 'if-match': tag },
        })
        refused(answer, 'precondition_failed', 412)
        assert.deepEqual([answer.body.task, answer.headers.get('etag')], [current, '"2"'])
      }
    }
    refused(await patch(user, id, { title: 'c' }, { 'if-match': '2' }), 'broken_rule', 422)
    assert.equal((await patch(user, id, { title: 'c' }, { 'if-match': '"1", "2"' })).body.revision, 3)
    assert.equal((await patch(user, id, { title: 'd' }, { 'if-match': '*' })).body.revision, 4)
    const gone = await api.call('DELETE', `${path}/${id}`, { user, headers: { 'if-match': '"4"' } })
    assert.deepEqual([gone.status, gone.text], [204, ''])
    refused(await patch(user, id, { title: 'e' }, { 'if-match': '"4"' }), 'task_not_found', 404)
  })

  it('is changed by exactly one of many clients with the same revision', async () => {
    const user = newUser()
    const { id } = await create(user)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => patch(user, id, { title: `by ${n}` }, { 'if-match': '"1"' })),
    )
    const statuses = answers.map(({ status }) => status).sort()
    assert.deepEqual(statuses, [200, ...Array(19).fill(412)])
  })
})

describe('the list of v1', () => {
  it('is paginated in every order, with and without a filter', async () => {
    const user = newUser()
    const titles = ['b', 'A', 'c', 'a', 'B', 'ä', 'C']
    const tasks: { id: number; title: string }[] = []
    for (const title of titles) tasks.push(await create(user, { title }))
    const ids = tasks.map(({ id }) => id)
    await patch(user, ids[2] as number, { is_completed: true })
    const folded = (n: number) => `${titles[n]?.toLowerCase().replace('ä', 'a')}`
    const byTitle = [...ids.keys()].sort((x, y) =>
      folded(x) < folded(y) ? -1 : folded(x) > folded(y) ? 1 : x - y,
    )
    const orders: Record<string, number[]> = {
      created_at: ids,
      updated_at: [...ids.filter((_, n) => n !== 2), ids[2] as number],
      title: byTitle.map(n => ids[n] as number),
    }
    for (const [order, expected] of Object.entries(orders)) {
      assert.deepEqual((await pages(user, `sort=${order}&limit=3`)).flat(), expected)
      assert.deepEqual((await pages(user, `sort=-${order}&limit=3`)).flat(), [...expected].reverse())
      const open = expected.filter(id => id !== ids[2])
      assert.deepEqual(await pages(user, `sort=${order}&limit=6&is_completed=false`), [open])
      assert.deepEqual(await pages(user, `sort=${order}&is_completed=true`), [[ids[2]]])
    }
    assert.deepEqual((await pages(user, '')).flat(), [...ids].reverse())
  })

  it('has stable pages while others add and delete tasks', async () => {
    const user = newUser()
    const ids: number[] = []
    for (let n = 0; n < 9; n += 1) ids.unshift((await create(user, { title: `${n}` })).id)
    const first = (await api.call('GET', `${path}?limit=3`, { user })).body
    await create(user, { title: 'new' })
    await api.call('DELETE', `${path}/${ids[0]}`, { user })
    await api.call('DELETE', `${path}/${ids[2]}`, { user })
    await api.call('DELETE', `${path}/${ids[8]}`, { user })
    const rest = await pages(user, 'limit=3', first.next_cursor)
    assert.deepEqual(rest.flat(), ids.slice(3, 8))
  })

  it('links to the next page, which keeps the query', async () => {
    const user = newUser()
    for (const title of ['x 1', 'x 2', 'x 3']) await create(user, { title })
    const { headers, body } = await api.call('GET', `${path}?limit=2&q=x&sort=title&is_completed=false`, {
      user,
    })
    const [, link = ''] = /^<([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '') ?? []
    const next = await api.call('GET', link, { user })
    assert.deepEqual(
      next.body.tasks.map((task: { title: string }) => task.title),
      ['x 3'],
    )
    assert.deepEqual([next.body.next_cursor, next.headers.get('link')], [null, null])
    assert.equal(new URL(link, 'http://x').searchParams.get('cursor'), body.next_cursor)
  })

  it('finds a text in titles and descriptions, in any case and language', async () => {
    const user = newUser()
    const texts: [string, string | null][] = [
      ['Buy MILK', null],
      ['Call', 'about the milkman'],
      ['ÜBUNG Straße', '会议记录'],
      ['100% sure_thing', 'O\'Brien \\ "quoted"'],
      ['שלום עולם', '🐑🐑'],
    ]
    const ids: number[] = []
    for (const [title, description] of texts) ids.push((await create(user, { title, description })).id)
    const found = async (q: string) =>
      (await pages(user, `sort=created_at&q=${encodeURIComponent(q)}`)).flat().map(id => ids.indexOf(id))
    const cases: [string, number[]][] = [
      ['milk', [0, 1]],
      ['MILKM', [1]],
      ['übung', [2]],
      ['strasse', [2]],
      ['会议', [2]],
      ['议', [2]],
      ['0%', [3]],
      ['e_t', [3]],
      ["o'b", [3]],
      ['\\', [3]],
      ['שלום', [4]],
      ['🐑', [4]],
      ['a', [1, 2]],
      ['nowhere', []],
      ['', [0, 1, 2, 3, 4]],
    ]
    for (const [q, expected] of cases) assert.deepEqual(await found(q), expected, q)
    assert.deepEqual((await api.call('GET', `${path}?q=milk`, { user: newUser() })).body.tasks, [])
  })

  it('is not sent again to a client that has it, for any page', async () => {
    const user = newUser()
    const { id } = await create(user)
    for (const query of ['', '?sort=title&limit=1', '?q=milk', '?is_completed=true']) {
      const tagOf = async () => (await api.call('GET', path + query, { user })).headers.get('etag') as string
      const known = async (tag: string) =>
        (await api.call('GET', path + query, { user, headers: { 'if-none-match': tag } })).status
      const tag = await tagOf()
      assert.equal(await known(tag), 304)
      await patch(user, id, { title: `Buy milk, ${query}` })
      assert.equal(await known(tag), 200)
      assert.notEqual(await tagOf(), tag)
    }
    const tags = await Promise.all(
      [user, newUser(), newUser()].map(async name =>
        (await api.call('GET', path, { user: name })).headers.get('etag'),
      ),
    )
    assert.equal(new Set(tags).size, 3)
  })

  it('rejects invalid parameters by name', async () => {
    const user = newUser()
    await create(user)
    await create(user)
    const { next_cursor } = (await api.call('GET', `${path}?limit=1`, { user })).body
    const forged = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const filter = ['-created_at', null, null]
    const mistakes: Record<string, string[]> = {
      limit: ['limit=0', 'limit=1001', 'limit=x', 'limit=1&limit=2', 'limit=1.5', 'limit=-1'],
      sort: ['sort=id', 'sort=TITLE', 'sort=title&sort=title'],
      is_completed: ['is_completed=yes', 'is_completed=1'],
      q: [`q=${'x'.repeat(201)}`, 'q=%00', 'q=a&q=b'],
      cursor: [
        'cursor=x',
        `cursor=${next_cursor}&sort=title`,
        `cursor=${next_cursor}&q=milk`,
        `cursor=${forged([filter, '2026-02-31T00:00:00.000000Z', 1])}`,
        `cursor=${forged([filter, '0000-01-01T00:00:00.000000Z', 1])}`,
        `cursor=${forged([filter, '2026-01-31T00:00:00.000000Z', 2 ** 53])}`,
        `cursor=${forged([filter, 7, 1])}`,
        `cursor=${forged(null)}`,
        `cursor=${forged([['title', null, null], 'a\0', 1])}&sort=title`,
      ],
    }
    for (const [parameter, queries] of Object.entries(mistakes)) {
      for (const query of queries) {
        const answer = await api.call('GET', `${path}?${query}`, { user })
        refused(answer, 'broken_rule', 422)
        assert.equal(answer.body.errors[0].query, parameter, query)
      }
    }
  })
})

describe('an error of v1', () => {
  it('names what was sent and what is accepted', async () => {
    const user = newUser()
    await create(user)
    await create(user)
    const { next_cursor } = (await api.call('GET', `${path}?limit=1`, { user })).body
    const inQuery: Record<string, RegExp> = {
      'limt=5': /^There is no query parameter "limt" here\. Did you mean "limit"\? Known parameters: limit, /,
      'limit=x': /^"limit" must be a whole number from 1 to 1000, not "x"\.$/,
      'sort=titel': /^"sort" must be one of created_at, .*, not "titel"\. Did you mean "title"\?$/,
      'priority=low,urgent':
        /^"priority" must be .* low, medium, high, none, separated by commas, not "urgent"\.$/,
      'is_completed=yes': /^"is_completed" must be one of true, false, not "yes"\.$/,
      'fields=id,titel': /^"fields" must be .* id, title, .*, not "titel"\. Did you mean "title"\?$/,
      'due=tomorrow': /^"due" must be one of overdue, today, .*, not "tomorrow"\.$/,
      'due_from=1.12.2026': /^"due_from" must be a date such as 2026-12-01, .*, not "1\.12\.2026"\.$/,
      'completed_from=2026':
        /^"completed_from" must be a time such as 2026-12-01T08:30:00Z, not "2026"\. Write/,
      'list_id=Garden': /^"list_id" must be an id or inbox, not "Garden"\.$/,
      'time_zone=Berlin': /^"time_zone" must be an IANA name such as Europe\/Berlin, not "Berlin"\.$/,
      'cursor=x': /^"cursor" must be the `next_cursor` of a page of the same query, not "x"\.$/,
      [`cursor=${next_cursor}&sort=title`]:
        /^The "cursor" ".*" is of a page with another order or other filters\. /,
      [`sort=${'x'.repeat(500)}`]: /, not "x{60}…"\.$/,
    }
    for (const [query, message] of Object.entries(inQuery)) {
      const answer = await api.call('GET', `${path}?${query}`, { user })
      refused(answer, 'broken_rule', 422)
      assert.match(answer.body.detail, message)
    }
    const inBody: readonly (readonly [json: object, message: RegExp])[] = [
      [{ title: 7 }, /^Title must be a string, not 7\.$/],
      [{ colour: 'red' }, /^There is no field "colour"\. Known fields: title, description, /],
      [{ priority: 'urgent' }, /^Priority must be "low", "medium", "high" or null, not "urgent"\.$/],
      [
        { due: 'tomorrow' },
        /^Due must be an object such as {"date":"2026-12-01"}, or null, not "tomorrow"\.$/,
      ],
      [{ due: { date: '1.12.' } }, /^Due must have a "date" such as 2026-12-01, .*, not "1\.12\."\.$/],
      [{ deadline: 'soon' }, /^Deadline must be a date such as 2026-12-01, .*, not "soon"\.$/],
      [
        { estimate_minutes: 0 },
        /^"estimate_minutes" must be a whole number from 1 to 525600 or null, not 0\.$/,
      ],
      [{ list_id: '7' }, /^"list_id" must be a whole number or null, not "7"\.$/],
      [{ tags: ['a', 'A'] }, /^Tags must not repeat a tag: "A"\.$/],
      [{ metadata: [] }, /^Metadata must be an object, not an array\.$/],
    ]
    for (const [json, message] of inBody) {
      const answer = await api.call('POST', path, { user, json: { title: 'a', ...json } })
      refused(answer, 'broken_rule', 422)
      assert.match(answer.body.detail, message)
    }
    const { body } = await api.call('GET', `${path}/first`, { user })
    assert.equal(body.detail, 'The task id must be a whole number from 1, not "first".')
  })
})

describe('a search of v1', () => {
  it('has at most 20 words, with any separators', async () => {
    const user = newUser()
    const search = (text: string) => api.call('GET', `${path}?q=${encodeURIComponent(text)}`, { user })
    for (const text of ['a '.repeat(20), 'a\u3000\n '.repeat(20)])
      assert.equal((await search(text)).status, 200, text)
    // U+FDFA is one character that folds to four words.
    for (const text of ['a '.repeat(21), 'a\u00a0'.repeat(21), 'ﷺ '.repeat(6)]) {
      const answer = await search(text)
      refused(answer, 'broken_rule', 422)
      assert.equal(
        answer.body.errors[0].detail,
        `"q" must have at most 20 words, not ${wordsOf(text).length}.`,
      )
    }
  })
})

describe('a write of v1 with an Idempotency-Key', () => {
  const keyed = (key: string, call: Call): Call => ({
    ...call,
    headers: { ...call.headers, 'idempotency-key': key },
  })

  it('is executed once, and retries get the first response', async () => {
    const user = newUser()
    const call = keyed('create-1', { user, json: { title: 'once' } })
    const first = await api.call('POST', path, call)
    const again = await api.call('POST', path, call)
    assert.deepEqual(
      [first.headers.get('idempotent-replayed'), again.headers.get('idempotent-replayed')],
      [null, 'true'],
    )
    for (const name of ['etag', 'location', 'content-type'])
      assert.equal(again.headers.get(name), first.headers.get(name))
    assert.deepEqual([again.status, again.text], [first.status, first.text])
    const { id } = first.body
    await patch(user, id, { title: 'changed since' })
    assert.equal((await api.call('POST', path, call)).text, first.text)
    const flip = keyed('flip', { user, json: { title: 'two' }, headers: { 'if-match': '"2"' } })
    const changed = await api.call('PATCH', `${path}/${id}`, flip)
    assert.equal(changed.status, 200)
    assert.equal((await api.call('PATCH', `${path}/${id}`, flip)).text, changed.text)
    const deletion = keyed('delete', { user })
    for (const replayed of [null, 'true']) {
      const { status, text, headers } = await api.call('DELETE', `${path}/${id}`, deletion)
      assert.deepEqual([status, text, headers.get('idempotent-replayed')], [204, '', replayed])
    }
    assert.deepEqual((await api.call('GET', path, { user })).body.tasks, [])
  })

  it('does not use the key if it is rejected, so that a corrected request can use it', async () => {
    const user = newUser()
    const { id } = await create(user)
    const stale = keyed('stale', { user, json: { title: 'b' }, headers: { 'if-match': '"9"' } })
    const first = await api.call('PATCH', `${path}/${id}`, stale)
    refused(first, 'precondition_failed', 412)
    refused(await api.call('PATCH', `${path}/${id}`, stale), 'precondition_failed', 412)
    const fresh = keyed('stale', { user, json: { title: 'b' }, headers: { 'if-match': '"1"' } })
    assert.equal((await api.call('PATCH', `${path}/${id}`, fresh)).status, 200)
    const again = await api.call('PATCH', `${path}/${id}`, fresh)
    assert.deepEqual([again.status, again.headers.get('idempotent-replayed')], [200, 'true'])
    const missing = keyed('missing', { user, json: { title: 'b' } })
    for (let n = 0; n < 2; n += 1)
      refused(await api.call('PATCH', `${path}/9007199254740991`, missing), 'task_not_found', 404)
    refused(
      await api.call('POST', path, keyed('corrected', { user, json: { title: '' } })),
      'broken_rule',
      422,
    )
    assert.equal(
      (await api.call('POST', path, keyed('corrected', { user, json: { title: 'a' } }))).status,
      201,
    )
  })

  it('is rejected with the key of another request; other users can use the same key', async () => {
    const user = newUser()
    const key = 'shared'
    const { body } = await api.call('POST', path, keyed(key, { user, json: { title: 'a' } }))
    const others: [string, string, Call][] = [
      ['POST', path, { user, json: { title: 'b' } }],
      ['PATCH', `${path}/${body.id}`, { user, json: { title: 'a' } }],
      ['DELETE', `${path}/${body.id}`, { user }],
    ]
    for (const [method, address, call] of others) {
      refused(await api.call(method, address, keyed(key, call)), 'idempotency_key_reused', 422)
    }
    const stranger = await api.call('POST', path, keyed(key, { user: newUser(), json: { title: 'a' } }))
    assert.deepEqual([stranger.status, stranger.headers.get('idempotent-replayed')], [201, null])
    for (const broken of ['', 'x'.repeat(256), 'a b', 'ä']) {
      const answer = await api.call('POST', path, keyed(broken, { user, json: { title: 'a' } }))
      refused(answer, 'broken_rule', 422)
      assert.equal(answer.body.errors[0].header, 'Idempotency-Key')
    }
  })

  it('is executed once for any number of concurrent requests', async () => {
    const user = newUser()
    const call = keyed('race', { user, json: { title: 'once' } })
    const answers = await Promise.all(Array.from({ length: 30 }, () => api.call('POST', path, call)))
    assert.deepEqual(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size, 1)
    assert.equal(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null).length, 1)
    assert.equal((await api.call('GET', path, { user })).body.tasks.length, 1)
  })

  it('is remembered across a restart', async () => {
    const database = await ownDatabase()
    const call = keyed('restart', { user: 'alice', json: { title: 'once' } })
    const answers: Answer[] = []
    for (let n = 0; n < 2; n += 1) {
      const server = await served({}, database)
      answers.push(await server.call('POST', path, call))
      await server.close()
    }
    await database.drop()
    assert.equal(answers[1]?.text, answers[0]?.text)
    assert.equal(answers[1]?.headers.get('idempotent-replayed'), 'true')
  })
})

describe('the error codes of v1', () => {
  it('are returned as problem details, each with a page about the code', async () => {
    const user = newUser()
    const { id } = await create(user)
    const json = { 'content-type': 'application/json' }
    const refusals: [keyof typeof problems, number, string, string, Call][] = [
      ['token_missing', 401, 'GET', path, {}],
      ['token_invalid', 401, 'GET', path, { token: 'x' }],
      ['task_not_found', 404, 'GET', `${path}/9007199254740991`, { user }],
      ['broken_rule', 422, 'GET', `${path}/0`, { user }],
      ['not_json', 400, 'POST', path, { user, body: '{', headers: json }],
      ['not_json', 400, 'PATCH', `${path}/${id}`, { user, body: '', headers: json }],
      ['unsupported_media_type', 415, 'POST', path, { user, body: '{"title":"a"}' }],
      [
        'unsupported_media_type',
        415,
        'PATCH',
        `${path}/${id}`,
        { user, body: '{}', headers: { 'content-type': 'application/json-patch+json' } },
      ],
      ['body_too_large', 413, 'POST', path, { user, body: 'x'.repeat(400_000), headers: json }],
      ['method_not_allowed', 405, 'PUT', `${path}/${id}`, { user, json: {} }],
      ['route_not_found', 404, 'GET', `${path}/1/2`, { user }],
    ]
    for (const [code, status, method, address, call] of refusals) {
      const answer = await api.call(method, address, call)
      refused(answer, code, status)
      assert.equal(answer.body.instance, address)
      const page = await api.call('GET', answer.body.type)
      assert.deepEqual([page.status, page.headers.get('content-type')], [200, 'text/html; charset=utf-8'])
      assert.ok(page.text.includes(`<h1>${problems[code].title.replaceAll("'", '’')}</h1>`))
    }
    const patched = await api.call('PATCH', `${path}/${id}`, { user, body: 'x' })
    assert.equal(patched.headers.get('accept-patch'), 'application/merge-patch+json, application/json')
  })

  it('all have a page, and there are no other pages', async () => {
    const index = await api.call('GET', '/problems')
    for (const code of Object.keys(problems)) {
      assert.ok(index.text.includes(`href="/problems/${code}"`))
      const page = await api.call('GET', `/problems/${code}`)
      assert.equal(page.status, 200)
      assert.match(
        page.headers.get('content-security-policy') ?? '',
        /^default-src 'none'; style-src 'sha256-/,
      )
    }
    assert.equal((await api.call('GET', '/problems/%3Cscript%3E')).status, 404)
  })
})
