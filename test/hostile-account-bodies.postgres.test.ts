import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { longestBody } from '../server/http/request-size.ts'
import { described, type OperationObject } from './described.ts'
import { type BodySchema, brokenBytes, brokenTexts, mediaTypes, objects, texts } from './hostile-values.ts'
import { behindProxy, newAddress, newUserHere } from './person.ts'
import { type RawCaller, rawCaller } from './raw-call.ts'
import { newUser, type Served, served, tokenOf, unlimited } from './served.ts'
import { seed, size } from './size.ts'

// The fuzz test of account and token routes, with the values of the fuzz test of tasks.

const utf8 = new TextDecoder('utf-8', { fatal: true })

const { document, validate, check } = described('task-api')
const calls = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item)
    .filter(([, { tags }]) => tags.some(tag => ['accounts', 'tokens', 'sign-in'].includes(tag)))
    .map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
)
const numRuns = Math.ceil(size(300, 10_000) / calls.length)

describe('hostile bodies for account and token routes', () => {
  let api: Served
  let raw: RawCaller
  before(async () => {
    api = await served({ ...behindProxy, ...unlimited })
    raw = rawCaller(api.server.url)
  })
  after(async () => {
    raw.close()
    await api.close()
  })

  async function headersOf(operation: OperationObject): Promise<Record<string, string>> {
    if (operation.security === undefined) return { authorization: `Bearer ${tokenOf(newUser())}` }
    const { cookies } = await newUserHere(api)
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return { cookie, origin: 'http://localhost:3000' }
  }

  for (const { path, method, operation } of calls.filter(call => call.operation.requestBody)) {
    const content = operation.requestBody?.content['application/json']
    const example = Object.values(content?.examples ?? {})[0]?.value as Record<string, unknown>
    const place = [
      'paths',
      path,
      method.toLowerCase(),
      'requestBody',
      'content',
      'application/json',
      'schema',
    ]
    const schema = schemaOf(content?.schema as { $ref?: string } & BodySchema)

    it(`${method} ${path}`, async (t: TestContext) => {
      const headers = await headersOf(operation)
      const isAllowed = (value: unknown) => validate(place, value) === undefined && isStorable(value)
      const json = (bodies: fc.Arbitrary<string | Uint8Array>) =>
        bodies.map(body => ({
          body: Buffer.from(body as string),
          type: 'application/json' as string | undefined,
        }))
      const property = fc.asyncProperty(
        fc.oneof(
          { weight: 8, arbitrary: json(objects(schema, example)) },
          { weight: 4, arbitrary: json(brokenTexts(schema)) },
          { weight: 1, arbitrary: json(brokenBytes) },
          {
            weight: 2,
            arbitrary: fc
              .tuple(objects(schema, example), mediaTypes)
              .map(([body, type]) => ({ body: Buffer.from(body), type })),
          },
        ),
        async ({ body, type }) => {
          const call = {
            method,
            path,
            headers: {
              ...headers,
              'x-forwarded-for': newAddress(),
              ...(type === undefined ? {} : { 'content-type': type }),
            },
            body,
          }
          const answer = await raw.call(call)
          check(call, answer)
          assert.ok(answer.status < 500, `${answer.status} ${answer.text}`)
          if (body.length > longestBody) assert.equal(answer.status, 413)
          else if (answer.status < 300 && body.length > 0)
            assert.ok(isAllowed(known(parse(body))), answer.text)
        },
      )
      t.diagnostic(`${numRuns} cases, TEST_SEED=${seed}`)
      await fc.assert(property, { seed, numRuns })
    })

    /** Checks only documented fields. */
    function known(value: unknown): unknown {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
      const names = Object.keys(schema.properties).filter(name => Object.hasOwn(value, name))
      const fields = Object.fromEntries(names.map(name => [name, (value as Record<string, unknown>)[name]]))
      // Spaces around the name of a token are removed, as around a title.
      const trimmed =
        path === '/api/v1/tokens' && typeof fields.name === 'string' ? { name: fields.name.trim() } : {}
      return { ...fields, ...trimmed }
    }
  }

  it('hostile parameters and cookies are rejected', async (t: TestContext) => {
    const reads = calls.filter(({ method }) => method === 'GET')
    const { cookies } = await newUserHere(api)
    const [[name = '', value = ''] = []] = [...cookies]
    const headerText = fc.string({
      unit: fc
        .integer({ min: 0x20, max: 0xfe })
        .map(code => String.fromCharCode(code === 0x7f ? 0xff : code)),
      maxLength: 60,
    })
    const cookie = fc.oneof(
      headerText,
      headerText.map(text => `${name}=${text}`),
      headerText.map(text => `${name}=${value}; ${text}`),
    )
    const property = fc.asyncProperty(
      fc.constantFrom(...reads),
      texts(40),
      texts(40),
      cookie,
      async ({ path, operation }, text, other, cookie) => {
        const encoded = encodeURIComponent(text.toWellFormed()) || 'x'
        const query = (operation.parameters ?? [])
          .filter(parameter => parameter.in === 'query')
          .map(parameter => `${parameter.name}=${encodeURIComponent(other.toWellFormed())}`)
        const call = {
          method: 'GET',
          path: `${path.replaceAll(/\{\w+\}/g, encoded)}?${query.join('&')}`,
          headers: { cookie, 'x-forwarded-for': newAddress() },
        }
        const answer = await raw.call(call)
        check(call, answer)
        assert.ok(answer.status < 500, `${call.path}: ${answer.text}`)
      },
    )
    t.diagnostic(`${numRuns * 4} cases, TEST_SEED=${seed}`)
    await fc.assert(property, { seed, numRuns: numRuns * 4 })
  })
})

function schemaOf(schema: { $ref?: string } & BodySchema): BodySchema {
  const name = schema.$ref?.replace(/^.*\//, '')
  return name === undefined ? schema : (document.components.schemas[name] as BodySchema)
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(body))
  } catch {
    return undefined
  }
}

function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  return typeof value !== 'object' || value === null || Object.values(value).every(isStorable)
}
