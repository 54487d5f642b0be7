import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type RawCaller, rawCaller } from './raw-call.ts'
import { newUser, type Served, served, tokenOf, unlimited } from './served.ts'

// Bodies as clients and proxies send them, to a route of each contract.

let api: Served
let raw: RawCaller
before(async () => {
  api = await served(unlimited)
  raw = rawCaller(api.server.url)
})
after(async () => {
  raw.close()
  await api.close()
})

const paths = ['/api/v1/tasks', '/api/v1/todos', '/api/tasks']
const json = '{"title":"a"}'
const post = (path: string, body: string | Uint8Array, headers: Record<string, string>) =>
  raw.call({
    method: 'POST',
    path,
    body,
    headers: {
      authorization: `Bearer ${tokenOf(newUser())}`,
      'content-type': 'application/json',
      ...headers,
    },
  })

describe('a body', () => {
  it('is accepted with the content coding identity', async () => {
    for (const path of paths) {
      for (const coding of ['identity', 'Identity', ' identity , identity', ''])
        assert.equal(
          (await post(path, json, { 'content-encoding': coding })).status,
          201,
          `${path} ${coding}`,
        )
    }
  })

  it('that is compressed gets 415, which names the accepted codings', async () => {
    for (const path of paths) {
      for (const coding of ['gzip', 'br', 'deflate', 'identity, gzip', 'x']) {
        const { status, headers, text } = await post(path, gzipSync(json), { 'content-encoding': coding })
        assert.deepEqual([status, headers.get('accept-encoding')], [415, 'identity'], `${path} ${coding}`)
        assert.match(text, /identity/)
      }
    }
  })

  it('is accepted with parameters of its media type, and with a byte order mark', async () => {
    const types = [
      '; charset=utf-8',
      ';charset=UTF-8',
      '; charset="utf8"',
      '; profile=x; charset=utf-8',
      ';',
      '; v=1',
    ]
    for (const path of paths) {
      for (const type of types) {
        const { status } = await post(path, json, { 'content-type': `application/json${type}` })
        assert.equal(status, 201, `${path} ${type}`)
      }
      const marked = await post(path, `\ufeff${json}`, {})
      assert.deepEqual([marked.status, marked.body.title], [201, 'a'], path)
      for (const charset of ['utf-16', 'latin1', 'utf-7']) {
        const { status } = await post(path, json, { 'content-type': `application/json; charset=${charset}` })
        assert.ok([400, 422].includes(status), `${path} ${charset} ${status}`)
      }
    }
  })

  it('is accepted after Expect: 100-continue, and in chunks', async () => {
    for (const path of paths) {
      assert.equal((await post(path, json, { expect: '100-continue' })).status, 201, path)
      assert.equal((await post(path, json, { 'transfer-encoding': 'chunked' })).status, 201, path)
    }
  })

  it('that is empty is accepted by DELETE, with any media type', async () => {
    for (const path of paths) {
      for (const headers of [
        { 'content-type': 'application/json' },
        { 'content-type': 'application/json', 'content-length': '0' },
        { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
      ]) {
        const user = newUser()
        const { body: task } = await api.call('POST', path, { user, json: { title: 'a' } })
        const authorization = `Bearer ${tokenOf(user)}`
        const { status } = await raw.call({
          method: 'DELETE',
          path: `${path}/${task.id}`,
          headers: { authorization, ...headers },
        })
        assert.equal(status, 204, `${path} ${JSON.stringify(headers)}`)
      }
    }
  })
})

describe('an idempotency key', () => {
  const path = '/api/v1/tasks'
  const keyed = (user: string, key: string, body: string, address = path) =>
    api.call('POST', address, {
      user,
      body,
      headers: { 'idempotency-key': key, 'content-type': 'application/json' },
    })
  const isReplayed = async (answer: ReturnType<typeof keyed>) => {
    const { status, headers } = await answer
    return [status, headers.get('idempotent-replayed')]
  }

  it('matches the same JSON value with any indentation and member order', async () => {
    const user = newUser()
    const first = await keyed(user, 'k', '{"title":"a","description":"b","is_completed":false}')
    assert.equal(first.status, 201)
    for (const same of [
      '{ "title": "a",\n  "description": "b", "is_completed": false }\n',
      '{"is_completed":false,"description":"b","title":"a"}',
      '{"title":"\\u0061","description":"b","is_completed":false}',
      '\ufeff{"title":"a","description":"b","is_completed":false}',
    ])
      assert.deepEqual(await isReplayed(keyed(user, 'k', same)), [201, 'true'], same)
    assert.deepEqual(
      await isReplayed(keyed(user, 'k', '{"title":"a","description":"b","is_completed":false}', `${path}/`)),
      [201, 'true'],
    )
    for (const other of [
      '{"title":"a","description":"b"}',
      '{"title":"a","description":"B","is_completed":false}',
    ])
      assert.deepEqual(await isReplayed(keyed(user, 'k', other)), [422, null], other)
    assert.deepEqual(
      await isReplayed(
        keyed(user, 'k', '{"title":"a","description":"b","is_completed":false}', `${path}?x=1`),
      ),
      [422, null],
    )
    assert.equal((await api.call('GET', path, { user })).body.tasks.length, 1)
  })

  it('distinguishes nested values by their members, not their order', async () => {
    const user = newUser()
    const send = (metadata: string) => isReplayed(keyed(user, 'k', `{"title":"a","metadata":${metadata}}`))
    assert.deepEqual(await send('{"a":{"b":1,"c":[2,{"d":3,"e":4}]},"__proto__":5}'), [201, null])
    assert.deepEqual(await send('{"__proto__":5,"a":{"c":[2,{"e":4,"d":3}],"b":1}}'), [201, 'true'])
    assert.deepEqual(await send('{"a":{"b":1,"c":[2,{"d":3,"e":4}]},"__proto__":6}'), [422, null])
    assert.deepEqual(await send('{"a":{"b":1,"c":[{"d":3,"e":4},2]},"__proto__":5}'), [422, null])
  })

  it('is the same with and without quotation marks', async () => {
    const user = newUser()
    const first = await keyed(user, '"a-key"', json)
    assert.equal((await keyed(user, 'a-key', json)).text, first.text)
    assert.deepEqual(await isReplayed(keyed(user, ' "a-key" ', json)), [201, 'true'])
    assert.deepEqual(await isReplayed(keyed(user, 'a-key', '{"title":"b"}')), [422, null])
    await keyed(user, '"a\\"b\\\\c"', '{"title":"c"}')
    assert.deepEqual(await isReplayed(keyed(user, 'a"b\\c', '{"title":"c"}')), [201, 'true'])
  })

  it('is rejected with unbalanced quotation marks, or if it is empty', async () => {
    for (const key of [
      '"',
      '""',
      '"a',
      '"a"b"',
      '"a";x=1',
      '"a b"',
      'a b',
      'x'.repeat(256),
      `"${'x'.repeat(256)}"`,
    ])
      assert.equal((await keyed(newUser(), key, json)).status, 422, key)
    assert.equal((await keyed(newUser(), `"${'x'.repeat(255)}"`, json)).status, 201)
  })

  it('is not used by a rejected body, including one that is nested too deeply to print', async () => {
    const user = newUser()
    const deep = `{"title":"a","metadata":{"x":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`
    assert.deepEqual(await isReplayed(keyed(user, 'deep', deep)), [422, null])
    assert.deepEqual(await isReplayed(keyed(user, 'deep', '{"title":"a"}')), [201, null])
  })
})
