import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { unprepared } from '../server/db/database.ts'
import { described } from './described.ts'
import { type Answer, newUser, type Served, served } from './served.ts'

let api: Served
before(async () => {
  api = await served()
})
after(() => api.close())

const path = '/api/v1/tasks'
const get = (user: string, query: string, headers: Record<string, string> = {}) =>
  api.call('GET', `${path}?${query}`, { user, headers })

async function create(user: string, json: object): Promise<number> {
  const { status, body } = await api.call('POST', path, { user, json: { title: 'a', ...json } })
  assert.equal(status, 201, JSON.stringify(body))
  return body.id
}

/** The indexes in `ids` of the tasks on all pages. */
async function found(user: string, query: string, ids: readonly number[]): Promise<number[]> {
  const places: number[] = []
  const sorted = query.includes('sort=') ? '' : 'sort=created_at&'
  let cursor = ''
  do {
    const { status, body }: Answer = await get(user, `limit=2&${sorted}${query}${cursor}`)
    assert.equal(status, 200, JSON.stringify(body))
    places.push(...body.tasks.map(({ id }: { id: number }) => ids.indexOf(id)))
    cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`
  } while (cursor !== '')
  return places
}

function refused({ status, body }: Answer, parameter: string, what: string) {
  assert.deepEqual([status, body.code], [422, 'broken_rule'], what)
  assert.equal(body.errors[0].query, parameter, what)
}

const sql = (text: string, ...values: (string | number)[]) => api.server.db.query(unprepared(text), values)

const dayFrom = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

describe('the filters of a list', () => {
  it('select by priority, tag, and due, start and deadline days', async () => {
    const user = newUser()
    const ids: number[] = []
    for (const task of [
      { priority: 'high', tags: ['Home', 'garden'], due: { date: '2026-12-01' } },
      { priority: 'low', tags: ['home'], due: { date: '2026-12-01', time: '23:30' } },
      {
        due: { date: '2026-12-02', time: '00:30', time_zone: 'Europe/Berlin' },
        start: { date: '2026-11-30' },
      },
      { deadline: '2026-12-24', start: { date: '2026-12-01', time: '08:00' } },
      { tags: ['garden'], is_completed: true },
    ])
      ids.push(await create(user, task))
    const cases: Readonly<Record<string, number[]>> = {
      'priority=high': [0],
      'priority=low,none': [1, 2, 3, 4],
      'priority=none,high,none': [0, 2, 3, 4],
      'tag=HOME': [0, 1],
      'tag=home&tag=garden': [0],
      'tag=%20garden%20': [0, 4],
      'tag=': [0, 1, 2, 3, 4],
      'tag=hom': [],
      'due=none': [3, 4],
      'due=any': [0, 1, 2],
      'due_from=2026-12-01&due_to=2026-12-01': [0, 1, 2],
      'due_from=2026-12-01&due_to=2026-12-01&time_zone=Europe/Berlin': [0, 1],
      'due_from=2026-12-02&time_zone=Europe/Berlin': [2],
      'due_to=2026-11-30': [],
      'start_from=2026-12-01': [3],
      'start_to=2026-11-30': [2],
      'deadline_from=2026-12-24&deadline_to=2026-12-24': [3],
      'deadline_to=2026-12-23': [],
      'completed_from=2020-01-01T00:00:00Z': [4],
      'completed_from=2020-01-01T00:00%2B02:00&is_completed=true&priority=none&tag=garden': [4],
      'completed_to=2020-01-01T00:00:00Z': [],
    }
    for (const [query, expected] of Object.entries(cases))
      assert.deepEqual(await found(user, query, ids), expected, query)
  })

  it('select overdue tasks and tasks due soon, open or all', async () => {
    const user = newUser()
    const ids: number[] = []
    for (const task of [
      { due: { date: dayFrom(-3) } },
      { due: { date: dayFrom(-3) }, is_completed: true },
      { due: { date: dayFrom(0) } },
      { due: { date: dayFrom(0) }, is_completed: true },
      { due: { date: dayFrom(6), time: '00:00', time_zone: 'UTC' } },
      { due: { date: dayFrom(9) } },
      {},
    ])
      ids.push(await create(user, task))
    assert.deepEqual(await found(user, 'due=overdue', ids), [0])
    // A completed task is never overdue, whichever index the list uses.
    for (const rest of ['sort=created_at', 'sort=due', 'sort=title', 'list_id=inbox&parent_id=none'])
      assert.deepEqual(await found(user, `due=overdue&is_completed=true&${rest}`, ids), [], rest)
    assert.deepEqual(await found(user, 'due=today', ids), [2, 3])
    assert.deepEqual(await found(user, 'due=next_7_days', ids), [2, 3, 4])
    assert.deepEqual(await found(user, 'due=next_7_days&is_completed=false&sort=due', ids), [2, 4])
    assert.deepEqual(await found(user, `due=today&due_to=${dayFrom(-1)}`, ids), [])
  })

  it('select by list and parent; archived lists only by name', async () => {
    const [user, other] = [newUser(), newUser()]
    const ids: number[] = []
    for (let n = 0; n < 4; n += 1) ids.push(await create(user, { is_completed: n === 3 }))
    const theirs = await create(other, {})
    const insert = `insert into duly.lists (user_id, name, position, is_archived, created_at, updated_at, revision)
      values ($1, 'list', 'a0', $2::boolean, now(), now(), 1) returning id`
    const listOf = async (owner: string, archived: string) =>
      Number((await sql(insert, owner, archived))[0]?.[0])
    const [list, archived] = [await listOf(user, 'f'), await listOf(user, 't')]
    const move = 'update duly.tasks set list_id = $3, parent_id = $4::bigint where user_id = $1 and id = $2'
    await sql(move, user, ids[1] as number, list, ids[0] as number)
    await sql(
      'update duly.tasks set list_id = $3 where user_id = $1 and id = $2',
      user,
      ids[2] as number,
      archived,
    )
    await sql(
      'update duly.tasks set list_id = $3 where user_id = $1 and id = $2',
      other,
      theirs,
      await listOf(other, 'f'),
    )
    const cases: Readonly<Record<string, number[]>> = {
      '': [0, 1, 3],
      'list_id=inbox': [0, 3],
      [`list_id=${list}`]: [1],
      [`list_id=${archived}`]: [2],
      [`list_id=${archived}&is_completed=false&parent_id=none`]: [2],
      'list_id=9007199254740991': [],
      'parent_id=none': [0, 3],
      [`parent_id=${ids[0]}`]: [1],
      [`parent_id=${ids[0]}&list_id=inbox`]: [],
      [`parent_id=${theirs}`]: [],
      'parent_id=none&list_id=inbox&is_completed=true': [3],
    }
    for (const [query, expected] of Object.entries(cases))
      assert.deepEqual(await found(user, query, ids), expected, query)
    const [row] = await sql('select list_id from duly.tasks where user_id = $1', other)
    assert.deepEqual((await get(user, `list_id=${row?.[0]}`)).body.tasks, [])
  })

  it('are rejected by name if they are invalid', async () => {
    const user = newUser()
    const mistakes: Record<string, string[]> = {
      list_id: ['list_id=0', 'list_id=none', 'list_id=1&list_id=2', 'list_id=9007199254740992'],
      parent_id: ['parent_id=inbox', 'parent_id=-1'],
      priority: ['priority=urgent', 'priority=low,', 'priority=low&priority=high'],
      tag: [`${'tag=a&'.repeat(21)}`, 'tag=%00'],
      due: ['due=tomorrow', 'due=today&due=none'],
      due_from: ['due_from=2026-02-30', 'due_from=today', 'due_from=0999-01-01'],
      start_to: ['start_to=2026-12-01T00:00:00Z'],
      deadline_from: ['deadline_from=1'],
      completed_from: [
        'completed_from=2026-12-01',
        'completed_from=2026-12-01T00:00:00+01:00',
        'completed_to=2026-02-30T00:00:00Z&completed_from=x',
      ],
      time_zone: ['time_zone=Mars/Olympus', 'time_zone=%2B01:00'],
      fields: ['fields=id,colour', 'fields=spellings', 'fields=id&fields=title'],
      sort: ['sort=position', 'sort=-position&parent_id=none', 'sort=position&list_id=inbox'],
      is_complete: ['is_complete=true', 'limit=5&is_complete=false'],
      constructor: ['constructor=1'],
    }
    for (const [parameter, queries] of Object.entries(mistakes))
      for (const query of queries) refused(await get(user, query), parameter, query)
    const all = (await get(user, 'colour=red&shape=round&limit=5')).body.errors
    assert.deepEqual(
      all.map(({ query }: { query: string }) => query),
      ['colour', 'shape'],
    )
  })
})

describe('the order by position', () => {
  it('applies to siblings: of a parent, or of the top level of a list', async () => {
    const user = newUser()
    const ids: number[] = []
    for (let n = 0; n < 5; n += 1) ids.push(await create(user, {}))
    const place =
      'update duly.tasks set position = $3, parent_id = nullif($4::bigint, 0) where user_id = $1 and id = $2'
    const [parent = 0] = ids
    for (const [n, position, under] of [
      [0, 'b', 0],
      [1, 'a', 0],
      [2, 'Z', parent],
      [3, 'a', parent],
      [4, 'Y', parent],
    ] as const)
      await sql(place, user, ids[n] as number, position, under)
    assert.deepEqual(await found(user, `sort=position&parent_id=${parent}`, ids), [4, 2, 3])
    assert.deepEqual(await found(user, `sort=-position&parent_id=${parent}`, ids), [3, 2, 4])
    assert.deepEqual(await found(user, 'sort=position&parent_id=none&list_id=inbox', ids), [1, 0])
  })
})

describe('the fields of a list', () => {
  it('are those that were requested, in the order of the table', async () => {
    const user = newUser()
    const ids = [await create(user, { title: 'x', priority: 'low' }), await create(user, { title: 'y' })]
    const page = await get(user, 'fields=priority,id&sort=created_at')
    assert.deepEqual(page.body.tasks, [
      { id: ids[0], priority: 'low' },
      { id: ids[1], priority: null },
    ])
    assert.match(page.text, /\{"id":\d+,"priority":"low"\}/)
    const whole = await get(user, 'sort=created_at')
    assert.notEqual(page.headers.get('etag'), whole.headers.get('etag'))
    const first = await get(user, 'fields=id&limit=1&sort=created_at')
    const second = await get(user, `fields=title&limit=1&sort=created_at&cursor=${first.body.next_cursor}`)
    assert.deepEqual(second.body.tasks, [{ title: 'y' }])
  })
})

describe('a list that depends on the time', () => {
  it('has no entity tag, and all of its pages use the time and zone of the first one', async () => {
    const user = newUser()
    for (let n = 0; n < 3; n += 1) await create(user, { due: { date: dayFrom(0) } })
    for (const due of ['today', 'next_7_days', 'overdue']) {
      const { status, headers } = await get(user, `due=${due}`, { 'if-none-match': '*' })
      assert.deepEqual([status, headers.get('etag')], [200, null], due)
    }
    const first = await get(user, 'due=today&limit=1')
    const [, , , now, zone] = JSON.parse(Buffer.from(first.body.next_cursor, 'base64url').toString())
    assert.ok(Math.abs(Date.parse(now) - Date.now()) < 600_000)
    assert.equal(zone, 'UTC')
    // As if the first page had been read a day ago.
    const cursorAt = (time: unknown, place: unknown) => {
      const [filter, key, id] = JSON.parse(Buffer.from(first.body.next_cursor, 'base64url').toString())
      return Buffer.from(JSON.stringify([filter, key, id, time, place])).toString('base64url')
    }
    const link = /^<([^>]+)>/.exec(first.headers.get('link') ?? '')?.[1] ?? ''
    assert.equal((await api.call('GET', link, { user })).body.tasks.length, 1)
    const earlier = new Date(Date.parse(now) - 86_400_000 * 2).toISOString()
    assert.deepEqual((await get(user, `due=today&cursor=${cursorAt(earlier, zone)}`)).body.tasks, [])
    for (const [time, place] of [
      [undefined, undefined],
      ['yesterday', 'UTC'],
      [now, 'Mars/Olympus'],
      [now, 7],
    ])
      refused(await get(user, `due=today&cursor=${cursorAt(time, place)}`), 'cursor', String(time))
  })

  it('uses the time zone of the settings, unless the request names another', async () => {
    const user = newUser()
    const ids = [await create(user, { due: { date: '2026-12-01', time: '09:00', time_zone: 'UTC' } })]
    const query = 'due_from=2026-12-02'
    const before = await get(user, query)
    assert.deepEqual(before.body.tasks, [])
    await sql(
      `insert into duly.settings (user_id, time_zone, week_start, date_format, time_format, language, revision)
      values ($1, 'Pacific/Kiritimati', '', '', '', '', 1)`,
      user,
    )
    // A change of the settings raises the revision.
    await sql('update duly.owners set revision = revision + 1 where id = $1', user)
    const now = await get(user, query, { 'if-none-match': before.headers.get('etag') ?? '' })
    assert.equal(now.status, 200)
    assert.deepEqual(await found(user, 'due_from=2026-12-01&due_to=2026-12-01', ids), [0])
    assert.deepEqual(await found(user, 'due_from=2026-12-02&time_zone=Pacific/Auckland', ids), [])
    assert.deepEqual(await found(user, 'due_to=2026-11-30&time_zone=Pacific/Niue', ids), [0])
  })
})

describe('an unknown query parameter', () => {
  it('is rejected by name on every route under /api/v1, as is a repeated one', async () => {
    const user = newUser()
    const { document } = described('task-api')
    let count = 0
    for (const [template, item] of Object.entries(document.paths)) {
      if (!template.startsWith('/api/v1/') || template.startsWith('/api/v1/todos')) continue
      for (const [method, { parameters = [] }] of Object.entries(item)) {
        const address = template.replaceAll(/\{\w+\}/g, '7')
        const call = (query: string) =>
          api.call(method.toUpperCase(), `${address}?${query}`, {
            user,
            ...(method === 'get' ? {} : { json: {} }),
          })
        refused(await call('nonsense=1'), 'nonsense', `${method} ${template}`)
        const [once] = parameters.filter(({ in: place, schema }) => place === 'query' && !('items' in schema))
        if (once) refused(await call(`${once.name}=1&${once.name}=1`), once.name, `${method} ${template}`)
        count += 1
      }
    }
    assert.ok(count >= 10)
  })

  it('is ignored by the contracts of existing front ends', async () => {
    const user = newUser()
    for (const address of ['/api/v1/todos', '/api/tasks'])
      assert.equal((await api.call('GET', `${address}?nonsense=1&nonsense=2`, { user })).status, 200)
  })
})
