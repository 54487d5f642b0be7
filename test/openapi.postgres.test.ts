import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import spectral from '@stoplight/spectral-core'
import rulesets from '@stoplight/spectral-rulesets'
import { contracts } from '../server/config/contract.ts'
import {
  described,
  type OperationObject,
  operationsOf,
  type ParameterObject,
  type ResponseObject,
} from './described.ts'
import { type Call, newUser, type Served, served, unlimited } from './served.ts'

// Compares the OpenAPI document with the server: it is complete, and all its examples are correct.

type Body = ResponseObject | OperationObject['requestBody']

const methods = ['get', 'post', 'put', 'patch', 'delete']

for (const contract of contracts) {
  describe(`the OpenAPI document of ${contract}`, () => {
    const { document, validate } = described(contract)
    // Operations that an earlier contract also has are checked there.
    const operations = operationsOf(contract).map(({ path, method, operation }) => ({
      path,
      method: method.toLowerCase(),
      operation,
    }))
    let api: Served
    before(async () => {
      api = await served({ ...unlimited, CONTRACT: contract })
    })
    after(() => api.close())

    it('is what the server returns', async () => {
      const { status, body } = await api.call('GET', '/openapi.json')
      assert.deepEqual([status, body], [200, document])
    })

    it('passes every recommended rule of Spectral', async () => {
      const linter = new spectral.Spectral()
      // The test of the examples checks the same in a tenth of the time.
      const rules = {
        'oas3-valid-media-example': 'off' as const,
        ...(contract === contracts[0] ? {} : { 'oas3-unused-component': 'off' as const }),
      }
      // The package's types are inconsistent: its ruleset is not assignable to `RulesetDefinition`.
      linter.setRuleset({ extends: [[rulesets.oas as never, 'recommended']], rules })
      const paths: Record<string, Record<string, OperationObject>> = {}
      for (const { path, method, operation } of operations)
        paths[path] = { ...paths[path], [method]: operation }
      assert.deepEqual(await linter.run(JSON.parse(JSON.stringify({ ...document, paths }))), [])
    })

    it('describes every method that a path supports, and no other', async () => {
      for (const path of new Set(operationsOf(contract).map(operation => operation.path))) {
        const item = document.paths[path] ?? {}
        const user = newUser()
        const address = path.replaceAll('{user_id}', user).replaceAll(/\{\w+\}/g, '1')
        for (const method of methods.filter(name => !(name in item))) {
          const { status, headers } = await api.call(method.toUpperCase(), address, { user })
          assert.equal(status, 405, `${method} ${path}`)
          const allowed = headers
            .get('allow')
            ?.split(', ')
            .map(name => name.toLowerCase())
          const described = [...Object.keys(item), ...('get' in item ? ['head'] : []), 'options']
          assert.deepEqual(allowed?.sort(), described.sort())
        }
      }
    })

    it('contains example requests and responses that match its own schemas', () => {
      for (const { path, method, operation } of operations) {
        const bodies: [string[], Body | undefined][] = [
          [['requestBody'], operation.requestBody],
          ...Object.entries(operation.responses).map(([status, response]): [string[], Body] => [
            ['responses', status],
            response,
          ]),
        ]
        for (const [where, body] of bodies) {
          for (const [type, { example, examples = {} }] of Object.entries(body?.content ?? {})) {
            const place = ['paths', path, method, ...where, 'content', type, 'schema']
            const shown = [
              ...(example === undefined ? [] : [example]),
              ...Object.values(examples).map(({ value }) => value),
            ]
            for (const value of shown) assert.equal(validate(place, value), undefined, place.join(' '))
          }
        }
      }
    })

    it('contains example requests whose responses match the examples', async () => {
      // Account routes need a session, and are sent with one.
      const needSession = ['accounts', 'sign-in', 'signed-in']
      const sent = operationsOf(contract).filter(
        ({ operation }) => !operation.tags.some(tag => needSession.includes(tag)),
      )
      // Reads share their rows.
      const forReads = new Map<string, ReturnType<typeof create>>()
      const rowsFor = (path: string, method: string) => {
        const extra = {
          hasTags: path === '/api/v1/tags',
          hasHistory: path.endsWith('/history'),
          hasWebhook: path.startsWith('/api/v1/webhooks'),
        }
        if (method !== 'GET') return create(extra)
        const kind = JSON.stringify(extra)
        const rows = forReads.get(kind) ?? create(extra)
        forReads.set(kind, rows)
        return rows
      }
      async function create(extra: { hasTags: boolean; hasHistory: boolean; hasWebhook: boolean }) {
        const user = newUser()
        const { body: token } = await api.call('POST', '/api/v1/tokens', {
          user,
          json: { name: 'a', scopes: ['tasks:read'] },
        })
        const { body: task } = await api.call('POST', '/api/tasks', {
          user,
          json: { title: 'a', description: 'b' },
        })
        // Fields that only some lists have.
        const json = { title: 'trashed', ...(extra.hasTags ? { tags: ['home'] } : {}) }
        if (extra.hasTags) await api.call('POST', '/api/tasks', { user, json })
        if (extra.hasHistory)
          await api.call('PATCH', `/api/v1/tasks/${task.id}`, { user, json: { title: 'b' } })
        const trashed = await api.call('POST', '/api/tasks', { user, json })
        await api.call('DELETE', `/api/tasks/${trashed.body.id}`, { user })
        const { body: list } = await api.call('POST', '/api/v1/lists', { user, json: { name: 'a' } })
        let hook = 0
        let delivery = ''
        if (extra.hasWebhook) {
          const wanted = { url: 'https://receiver.invalid/', events: ['*'], is_active: false }
          hook = (await api.call('POST', '/api/v1/webhooks', { user, json: wanted })).body.id
          delivery = (await api.call('POST', `/api/v1/webhooks/${hook}/test`, { user })).body.id
        }
        return { user, token, task, list, trashed, hook, delivery }
      }
      for (const { path, method, operation } of sent) {
        for (const { body, contentType, name } of examplesOf(operation)) {
          const { user, token, task, list, trashed, hook, delivery } = await rowsFor(path, method)
          const query = (operation.parameters ?? [])
            .filter(parameter => parameter.in === 'query' && parameter.example !== undefined)
            .map(parameter => `${parameter.name}=${encodeURIComponent(String(parameter.example))}`)
          const address = path
            .replaceAll('{user_id}', user)
            .replaceAll('{id}', task.id)
            .replaceAll('{token_id}', token.id)
            .replaceAll('{list_id}', list.id)
            .replaceAll('{item_id}', trashed.body.id)
            .replaceAll('{webhook_id}', String(hook))
            .replaceAll('{delivery_id}', delivery)
            .replaceAll(/\{(\w+)\}/g, (_, name: string) => String(parameterOf(operation, name)?.example))
          const call: Call = {
            ...(operation.security?.length === 0 ? {} : { user }),
            ...(body === undefined
              ? {}
              : { body: JSON.stringify(body), headers: { 'content-type': contentType } }),
          }
          const answer = await api.call(method, `${address}?${query.join('&')}`, call)
          assert.ok(answer.status < 300, `${method} ${path} with ${name}: ${answer.text}`)
          const shown = operation.responses[String(answer.status)]?.content?.['application/json']?.example
          if (shown !== undefined) assert.deepEqual(shape(answer.body), shape(shown))
        }
      }
    })
  })
}

function parameterOf(operation: OperationObject, name: string): ParameterObject | undefined {
  return operation.parameters?.find(parameter => parameter.name === name)
}

function examplesOf(operation: OperationObject): { name: string; contentType: string; body: unknown }[] {
  const content = Object.entries(operation.requestBody?.content ?? {})
  if (content.length === 0) return [{ name: 'no body', contentType: '', body: undefined }]
  return content.flatMap(([contentType, { examples = {} }]) =>
    Object.entries(examples).map(([name, { value }]) => ({ name, contentType, body: value })),
  )
}

/** The field names of a response, independent of the number of items. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shape)
  if (typeof value !== 'object' || value === null) return 'value'
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shape(field)]))
}
