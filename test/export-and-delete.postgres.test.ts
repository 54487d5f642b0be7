import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { finishRemovals } from '../server/accounts/users.ts'
import { unprepared } from '../server/db/database.ts'
import { manyTasks } from './many-tasks.ts'
import { behindProxy, newUserHere } from './person.ts'
import { newUser, type Served, served, tokenOf, unlimited } from './served.ts'

let api: Served
before(async () => {
  api = await served({ ...behindProxy, ...unlimited })
})
after(() => api.close())

const texts = ['plain', 'with "quotes", commas', 'two\nlines', '=1+1', 'ünïcödé 🪴', "'; DROP TABLE"]

async function withTasks(user: string) {
  for (const title of texts) {
    await api.call('POST', '/api/v1/tasks', {
      user,
      json: { title, description: title === 'plain' ? null : title },
    })
  }
  const { body } = await api.call('GET', '/api/v1/tasks', { user })
  return body.tasks as Record<string, unknown>[]
}

describe('an export', () => {
  it('returns every task as a line of JSON', async () => {
    const user = newUser()
    const tasks = await withTasks(user)
    await withTasks(newUser())
    const { status, text, headers } = await api.call('GET', '/api/v1/export', { user })
    assert.equal(status, 200)
    assert.equal(headers.get('content-type'), 'application/x-ndjson; charset=utf-8')
    assert.equal(headers.get('content-disposition'), 'attachment; filename="tasks.ndjson"')
    assert.ok(text.endsWith('\n'))
    assert.deepEqual(
      text
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line)),
      tasks,
    )
  })

  it('returns every task as a row of CSV, by parameter or by Accept', async () => {
    const user = newUser()
    const tasks = await withTasks(user)
    const named = await api.call('GET', '/api/v1/export?format=csv', { user })
    const accepted = await api.call('GET', '/api/v1/export', { user, headers: { accept: 'text/csv' } })
    assert.equal(named.text, accepted.text)
    assert.equal(named.headers.get('content-type'), 'text/csv; charset=utf-8')
    const [head, ...rows] = parseCsv(named.text)
    assert.deepEqual(head, [
      'id',
      'title',
      'description',
      'is_completed',
      'completed_at',
      ...['list_id', 'parent_id', 'position'],
      ...['priority', 'tags', 'start', 'due', 'deadline', 'estimate_minutes', 'metadata'],
      'created_at',
      'updated_at',
      'revision',
    ])
    assert.deepEqual(
      rows.map(row => row[1]),
      tasks.map(task => task.title),
    )
    assert.deepEqual(
      rows.map(row => row[2]),
      tasks.map(task => task.description ?? ''),
    )
  })

  it('begins a CSV with a byte order mark if requested', async () => {
    const user = newUser()
    await withTasks(user)
    const mark = '\ufeff'
    // `fetch` removes the byte order mark from a text.
    const bytes = async (query: string) => {
      const response = await fetch(`${api.server.url}/api/v1/export?${query}`, {
        headers: { authorization: `Bearer ${tokenOf(user)}` },
      })
      return Buffer.from(await response.arrayBuffer()).toString()
    }
    const plain = await bytes('format=csv')
    assert.ok(plain.startsWith('id,title,'))
    assert.equal(await bytes('format=csv&bom=true'), mark + plain)
    assert.equal(await bytes('format=csv&bom=false'), plain)
    assert.ok((await bytes('format=ndjson&bom=true')).startsWith('{'))
    for (const bom of ['', '1', 'TRUE', 'true&bom=true'])
      assert.equal((await api.call('GET', `/api/v1/export?format=csv&bom=${bom}`, { user })).status, 422, bom)
  })

  it('returns the format that Accept prefers', async () => {
    const user = newUser()
    const typeFor = async (accept: string) => {
      const { headers } = await api.call('GET', '/api/v1/export', { user, headers: { accept } })
      return headers.get('content-type')?.replace(/;.*/, '')
    }
    for (const accept of [
      'text/csv',
      'TEXT/CSV; header=present',
      'application/json;q=0.5, text/csv',
      'text/csv, */*',
    ])
      assert.equal(await typeFor(accept), 'text/csv', accept)
    for (const accept of ['*/*', 'text/html', 'application/x-ndjson, text/csv;q=0.9', 'text/csv;q=0', 'x/y'])
      assert.equal(await typeFor(accept), 'application/x-ndjson', accept)
  })

  it('escapes line separators in NDJSON, so that no reader splits a task', async () => {
    const user = newUser()
    for (const character of ['\u0085', '\u2028', '\u2029']) {
      const title = `${character}a${character}${character}"b\\é${character}€\u00c2${character}`.replace(
        /^./,
        'x$&',
      )
      await api.call('POST', '/api/v1/tasks', { user, json: { title, description: `1${character}2` } })
    }
    const { text } = await api.call('GET', '/api/v1/export', { user })
    assert.doesNotMatch(text, /[\u0085\u2028\u2029]/)
    const { body } = await api.call('GET', '/api/v1/tasks', { user })
    assert.deepEqual(
      text
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line)),
      body.tasks,
    )
  })

  it('is empty for a user without tasks, and rejects other formats', async () => {
    const user = newUser()
    assert.equal((await api.call('GET', '/api/v1/export', { user })).text, '')
    assert.equal(parseCsv((await api.call('GET', '/api/v1/export?format=csv', { user })).text).length, 1)
    for (const format of ['xml', '', 'CSV', 'csv&format=csv']) {
      assert.equal((await api.call('GET', `/api/v1/export?format=${format}`, { user })).status, 422, format)
    }
  })

  it('returns lists that are longer than a batch', async () => {
    const user = newUser()
    // The first statement reads 100 tasks, the others at most 400.
    await manyTasks(api.server.db, user, 800)
    const { text } = await api.call('GET', '/api/v1/export', { user })
    const titles = new Set(
      text
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line).title),
    )
    assert.equal(titles.size, 800)
  })
})

describe('the deletion of an account', () => {
  it('removes its data from all tables', async () => {
    const person = await newUserHere(api)
    const token = await person.token()
    const secret = `secret of ${person.id}`
    const headers = { 'idempotency-key': `key-of-${person.id}` }
    const { body: task } = await api.call('POST', '/api/v1/tasks', {
      token,
      json: { title: secret, description: secret },
      headers,
    })
    await api.call('POST', '/api/v1/tasks', { token, json: { title: secret } })
    await api.call('DELETE', `/api/v1/tasks/${task.id}`, { token })
    await api.call('GET', `/api/v1/tasks?q=${person.id}`, { token })
    await api.call('POST', '/api/v1/tokens', { token, json: { name: secret, scopes: ['tasks:read'] } })
    await person.auth('POST', '/two-factor/enable', { password: person.password })
    await person.auth('POST', '/request-password-reset', { email: person.email })
    await person.auth('GET', '/passkey/generate-register-options')
    const { session } = (await person.auth('GET', '/get-session')).body
    const bystander = await newUserHere(api)
    await api.call('POST', '/api/v1/tasks', { token: await bystander.token(), json: { title: 'stays' } })

    const wrong = await person.auth('POST', '/delete-user', { password: 'wrong horse' })
    assert.equal(wrong.status, 400)
    const traces = [person.id, person.email, secret, session.id, session.token]
    const here = await tablesWith(traces)
    for (const table of [
      'user',
      'session',
      'account',
      'twoFactor',
      'verification',
      'owners',
      'tasks',
      'changes',
      'keys',
      'access_tokens',
    ]) {
      assert.ok(
        here.includes(table),
        `${table} has no row of the user, so the test could not detect a remaining one`,
      )
    }
    assert.equal((await person.auth('POST', '/delete-user', { password: person.password })).status, 200)
    assert.deepEqual(await tablesWith(traces), [])
    assert.deepEqual(
      (await api.call('GET', '/api/v1/tasks', { token: await bystander.token() })).body.tasks.map(
        (left: { title: string }) => left.title,
      ),
      ['stays'],
    )
    assert.equal(
      (await person.auth('POST', '/sign-in/email', { email: person.email, password: person.password }))
        .status,
      401,
    )
  })

  it('removes the data of a user of another issuer, who may return', async () => {
    const user = newUser('leaver')
    const headers = { 'idempotency-key': 'k' }
    await api.call('POST', '/api/v1/tasks', { user, json: { title: 'a' }, headers })
    await api.call('POST', '/api/v1/tokens', { user, json: { name: 'a', scopes: ['tasks:read'] } })
    assert.equal((await api.call('DELETE', '/api/v1/account', { user })).status, 204)
    assert.deepEqual(await tablesWith([user]), [])
    assert.equal((await api.call('DELETE', '/api/v1/account', { user })).status, 204)
    assert.equal((await api.call('POST', '/api/v1/tasks', { user, json: { title: 'b' } })).status, 201)
    assert.equal((await api.call('GET', '/api/v1/tasks', { user })).body.tasks.length, 1)
  })

  it('removes no pending emails of other users, for any user id', async () => {
    const person = await newUserHere(api)
    await person.auth('POST', '/request-password-reset', { email: person.email })
    const { db } = api.server
    const count = async () =>
      Number((await db.query(unprepared('select count(*) from duly.verification')))[0]?.[0])
    const before = await count()
    for (const user of [person.id.slice(0, 1), '"', '%', '1']) {
      assert.equal((await api.call('DELETE', '/api/v1/account', { user })).status, 204)
    }
    assert.equal(await count(), before)
  })

  it('also removes what the user writes at the same time', async () => {
    const person = await newUserHere(api)
    const token = await person.token()
    let done = false
    const writing = (async () => {
      while (!done) await api.call('POST', '/api/v1/tasks', { token, json: { title: 'More' } })
    })()
    assert.equal((await person.auth('POST', '/delete-user', { password: person.password })).status, 200)
    done = true
    await writing
    assert.deepEqual(await tablesWith([person.id]), [])
  })

  it('is resumed after an interruption', async () => {
    const person = await newUserHere(api)
    await api.call('POST', '/api/v1/tasks', { token: await person.token(), json: { title: 'x' } })
    const { db } = api.server
    const interrupted = `update duly."user" set "removedAt" = now() - interval '1 hour' where id = $1`
    await db.query(unprepared(interrupted), [person.id])
    await finishRemovals(db)
    assert.deepEqual(await tablesWith([person.id, person.email]), [])
  })

  it('requires more than a token if the account is on this server', async () => {
    const person = await newUserHere(api)
    const { status, body } = await api.call('DELETE', '/api/v1/account', { token: await person.token() })
    assert.deepEqual([status, body.code], [403, 'account_elsewhere'])
    assert.notEqual((await person.auth('GET', '/get-session')).body, null)
  })
})

/** The tables in which one of these occurs anywhere. */
async function tablesWith(traces: readonly string[]): Promise<string[]> {
  const { db } = api.server
  const tables = await db.query(
    unprepared(`select table_name from information_schema.tables where table_schema = 'duly' order by 1`),
  )
  const found: string[] = []
  for (const [table] of tables) {
    const anywhere = traces.map((_, n) => `position($${n + 1} in row::text) > 0`).join(' or ')
    const rows = await db.query(
      unprepared(`select true from duly."${table}" as row where ${anywhere} limit 1`),
      [...traces],
    )
    if (rows.length > 0) found.push(String(table))
  }
  return found
}

/** Parses CSV as specified in RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'))
    if (end === ',') continue
    rows.push(row)
    row = []
  }
  return rows
}
