import assert from 'node:assert/strict'
import { randomInt, randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { declared } from '../front-ends/declared.ts'
import { newUser } from '../served.ts'
import type { NewClient } from './client.ts'

const invisible = [
  ...['', ' ', '\t\n', '\u00a0', '\u00ad', '\u034f', '\u061c', '\u115f', '\u17b4', '\u180b', '\u180e'],
  ...['\u200b', '\u200e', '\u2028', '\u2060', '\u2062', '\u2800', '\u3000', '\u3164', '\ufe0f', '\ufeff'],
  ...['\uffa0', '\u{1d173}', '\u{e0001}', '\u{e0100}', ' \u200b\u00ad\t', '\u0007'],
]
const notTitles = [...invisible, 'a\0', 'a\ud800', '\udc00a', null, 5, true, [], {}]
const notDescriptions = ['a\0', '\ud800', 5, true, [], {}]
const texts = [
  '🐑 sheep',
  'a\u200bb',
  'e\u0301 \u00e9',
  '\u202eright to left',
  '<b>"&\\',
  "'; drop table",
  '٣',
]
const notIds = ['0', '-1', '01', '1.0', '1e0', 'x', '+1', '9007199254740992', '%00', '1%2F2', 'null', '٣']

export function testRules(name: string, newClient: NewClient): void {
  const contract = declared(name)
  const { flag } = contract
  const hasOwner = contract.collection.includes('{user_id}')

  describe(`${name}: validation`, () => {
    it('rejects an invisible title, and values that are not strings', async () => {
      const client = newClient()
      const task = await client.create({ title: ' a\n', description: 'b' }, { title: 'a', description: 'b' })
      const broken = [
        ...notTitles.map(title => ({ title })),
        ...notDescriptions.map(description => ({ title: 'a', description })),
        ...[{}, [], 5, 'a', null],
      ]
      for (const json of broken) {
        const answer = await client.send('POST', client.collection, json)
        client.refused(answer, 'broken', JSON.stringify(json))
        for (const method of client.methods)
          if (Object.keys(Object(json)).length > 0) await client.refuses(task, method, '', json)
      }
      assert.deepEqual(await client.list(), [task])
    })

    it('returns every other text as it was sent', async () => {
      const client = newClient()
      for (const text of texts) {
        const task = await client.create({ title: text, description: ` ${text}\n` })
        assert.match(String(task.created_at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
      }
    })

    it('accepts every value that was stored, and rejects longer ones', async () => {
      const client = newClient()
      const [title, description] = ['x'.repeat(500), 'y'.repeat(5000)]
      const { body } = await client.send('POST', '/api/v1/tasks', { title, description })
      let { body: task } = await client.send('GET', client.at(body.id))
      for (const method of ['PUT', ...client.methods]) {
        task = await client.change(task, method, '', { ...task, [flag]: true }, { done: true })
        task = await client.change(task, method, '', { title, description, [flag]: false }, { done: false })
        await client.change(task, method, '', task, {})
      }
      for (const [key, most] of Object.entries(contract.longest)) {
        const json = { title: 'a', [flag]: false, [key]: 'z'.repeat(most + 1) }
        await client.refuses(task, 'PUT', '', json)
      }
      await client.reads(task)
    })

    it('ignores unknown fields, and rejects another owner', async () => {
      const client = newClient()
      const task = await client.create(
        { title: 'a', colour: 'red', id: 5, created_at: 'now' },
        { title: 'a' },
      )
      for (const key of ['user_id', 'owner_id']) {
        const other = { title: 'b', [key]: newUser('mallory') }
        client.refused(await client.send('POST', client.collection, other), 'broken', key)
        for (const method of client.methods) {
          await client.refuses(task, method, '', other)
          await client.change(task, method, '', { [key]: client.user, colour: 'red', title: 'a' }, {})
        }
      }
    })

    it('rejects an invalid id, and finds no task for a UUID', async () => {
      const client = newClient()
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const json = method === 'PUT' ? { title: 'a', [flag]: false } : undefined
        const ask = (id: string) => client.send(method, `${client.collection}/${id}`, json)
        for (const id of notIds) client.refused(await ask(id), 'broken', id)
        for (const id of [randomUUID(), randomUUID().toUpperCase(), String(Number.MAX_SAFE_INTEGER)])
          client.refused(await ask(id), 'missing', id)
      }
    })

    it('returns an owner as a number if its id is one', async () => {
      const number = String(randomInt(1, 2 ** 47))
      for (const user of [number, `0${number}`, '9007199254740993', `a b/ü${number}`]) {
        const client = newClient(user)
        const { status, body } = await client.send('POST', client.collection, { title: 'a' })
        const shown = user === number ? Number(user) : user
        assert.deepEqual([status, body.user_id], [201, hasOwner ? shown : undefined])
      }
      const path = `/api/0${number}/tasks`
      if (hasOwner) newClient(number).refused(await newClient(number).send('GET', path), 'forbidden')
    })

    it('never treats /api/v1 and /api/auth as a user', async () => {
      for (const user of ['v1', 'auth']) {
        const client = newClient(user)
        assert.equal((await client.send('GET', `/api/${user}/tasks/1`)).status, 404)
        const { status, body } = await client.send('GET', '/api/tasks')
        assert.equal(status, 200)
        assert.ok(Array.isArray(body.tasks ?? body))
      }
      assert.equal((await newClient('auth').send('GET', '/api/auth/tasks')).status, 404)
      assert.ok('next_cursor' in (await newClient('v1').send('GET', '/api/v1/tasks')).body)
    })

    it('requires a token before it reports anything else', async () => {
      const client = newClient()
      for (const [method, rest, json] of [
        ['GET', '', undefined],
        ['POST', '', { title: '' }],
        ['PUT', '/x', { title: 5 }],
        ['DELETE', '/9007199254740991', undefined],
        ['GET', `/${randomUUID()}`, undefined],
        ...(contract.toggle ? ([['PATCH', '/0/complete', { completed: 'yes' }]] as const) : []),
      ] as const) {
        const answer = await client.sendAs(undefined, method, client.collection + rest, json)
        client.refused(answer, 'missingToken', `${method} ${rest}`)
        assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
        const bad = await client.sendAs('a.b.c', method, client.collection + rest, json)
        client.refused(bad, 'badToken', `${method} ${rest}`)
      }
    })

    it('returns 404 for unknown routes, and 405 for wrong methods', async () => {
      const client = newClient()
      const { id } = await client.create()
      const unknown = ['/nothing/at/all', `/${id}/nothing`, ...(contract.toggle ? [] : [`/${id}/complete`])]
      for (const rest of unknown) {
        for (const token of [undefined, 'a.b.c']) {
          const answer = await client.sendAs(token, 'PATCH', client.collection + rest, { title: '' })
          assert.equal(answer.status, 404, rest)
        }
      }
      for (const [method, rest] of [
        ['DELETE', ''],
        ['POST', `/${id}`],
      ] as const) {
        const { status, headers } = await client.send(method, client.collection + rest, { title: '' })
        assert.equal(status, 405)
        assert.match(headers.get('allow') ?? '', /GET/)
      }
    })
  })
}
