import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { contracts } from '../server/config/contract.ts'
import { isBlank } from '../server/fields/visible.ts'
import { longestBody } from '../server/http/request-size.ts'
import { described, type OperationObject } from './described.ts'
import { type BodySchema, brokenBytes, brokenTexts, mediaTypes, objects, texts } from './hostile-values.ts'
import { type RawCaller, rawCaller } from './raw-call.ts'
import { type Answer, newUser, type Served, served, tokenOf, unlimited } from './served.ts'
import { seed, size } from './size.ts'

// Bodies generated from the schemas of the OpenAPI document: each is rejected in the format of the
// contract, or stored and returned exactly.

const wanted = size(600, 20_000)
/** Fields with their own parsers: the tests of the contracts check the values that they accept. */
const structured = [
  'priority',
  'tags',
  'start',
  'due',
  'deadline',
  'due_date',
  'metadata',
  'category',
  'status',
]
const flags = ['is_completed', 'completed', 'complete']

const utf8 = new TextDecoder('utf-8', { fatal: true })

interface Write {
  readonly path: string
  readonly method: string
  readonly operation: OperationObject
  readonly mediaType: string
  readonly schemaName: string
}

const writesOf = (contract: (typeof contracts)[number]): Write[] =>
  Object.entries(described(contract).document.paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, operation]) => {
      const [content] = Object.entries(operation.requestBody?.content ?? {})
      // Of tasks: accounts and tokens have their own test.
      // Toggles read only the flag, and moves only ids.
      if (/\/(complete|toggle|status|move)$/.test(path)) return []
      if (!content || !operation.tags.some(tag => tag === contract || tag === 'todos' || tag === 'v1'))
        return []
      const schemaName = (content[1].schema as { $ref: string }).$ref.replace(/^.*\//, '')
      return [{ path, method: method.toUpperCase(), operation, mediaType: content[0], schemaName }]
    }),
  )

const properties = contracts.flatMap(writesOf).length
const numRuns = Math.ceil(wanted / properties)

for (const contract of contracts) {
  describe(`hostile bodies for ${contract} and the routes beside it`, () => {
    const { document, validate, check } = described(contract)
    let api: Served
    let raw: RawCaller
    before(async () => {
      api = await served({ CONTRACT: contract, ...unlimited })
      raw = rawCaller(api.server.url)
    })
    after(async () => {
      raw.close()
      await api.close()
    })

    for (const write of writesOf(contract)) {
      const { path, method, mediaType, schemaName } = write
      const schema = document.components.schemas[schemaName] as BodySchema
      const creates = method === 'POST'
      const characters = ['title', 'description'].map(name => Number(schema.properties[name]?.maxLength))
      const others = (path.startsWith('/api/v1/tasks') ? 40 : 16) * 1024
      const bodyLimit = Math.max(longestBody, 12 * characters.reduce((sum, count) => sum + count) + others)

      /** Whether the OpenAPI document allows this body, with a visible title and valid Unicode. */
      const isAllowed = (value: unknown): boolean => {
        if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
        // Unknown fields are rejected by name.
        if (path.startsWith('/api/v1/tasks') && !Object.keys(value).every(shown)) return false
        const { title, ...others } = plainOf(value as Record<string, unknown>)
        const sent = {
          // A status, or another name, replaces the flag.
          ...(ownFlag && hasStructured(value) ? { [ownFlag]: true } : {}),
          ...others,
          ...(title === undefined ? {} : { title: typeof title === 'string' ? title.trim() : title }),
        }
        const texts = [title, others.description].filter(text => typeof text === 'string')
        return (
          validate(['components', 'schemas', schemaName], sent) === undefined &&
          !(typeof title === 'string' && isBlank(title)) &&
          texts.every(text => text.isWellFormed() && !text.includes('\0'))
        )
      }

      const isStructured = (name: string) =>
        structured.includes(name) || (flags.includes(name) && !shown(name))
      const shown = (name: string) => Object.hasOwn(schema.properties, name)
      const ownFlag = flags.find(shown)
      const plainOf = (value: Record<string, unknown>) =>
        Object.fromEntries(Object.entries(value).filter(([name]) => !isStructured(name)))
      /** Whether a body has fields with rules that the schema does not express. */
      const hasStructured = (value: unknown) =>
        typeof value === 'object' && value !== null && Object.keys(value).some(isStructured)

      it(`${method} ${path}`, async (t: TestContext) => {
        const user = newUser('fuzz')
        const headers = { authorization: `Bearer ${tokenOf(user)}` }
        const { body: target } = await api.call('POST', '/api/v1/tasks', { user, json: { title: 'target' } })
        const address = path.replace('{user_id}', user).replace('{id}', target.id)
        const read = async (id: number): Promise<Record<string, unknown>> => {
          const one = creates ? `${address}/${id}` : address
          return (await raw.call({ method: 'GET', path: one, headers })).body as Record<string, unknown>
        }
        let created = 1
        let current = creates ? undefined : await read(target.id)

        const send = async (body: string | Uint8Array, type: string | undefined): Promise<Answer> => {
          const call = {
            method,
            path: address,
            headers: { ...headers, ...(type === undefined ? {} : { 'content-type': type }) },
            body,
          }
          const answer = await raw.call(call)
          check(call, answer)
          assert.ok(answer.status < 500, answer.text)
          return answer
        }
        /** Compares the response and the stored task with what was sent. */
        const verify = async (answer: Answer, sent: unknown) => {
          if (answer.status >= 400) {
            if (current)
              assert.deepEqual(await read(target.id), current, 'a rejected request changed the task')
            return
          }
          const stored = await read((answer.body as { id: number }).id)
          assert.deepEqual(answer.body, stored)
          for (const [name, value] of Object.entries(sent as Record<string, unknown>)) {
            if (!Object.hasOwn(schema.properties, name) || isStructured(name)) continue
            const expected = name === 'title' ? String(value).trim() : value
            assert.deepEqual(stored[name] || null, expected || null, name)
          }
          if (creates) created += 1
          else current = stored
        }
        const property = fc.asyncProperty(
          fc.oneof(
            {
              weight: 8,
              arbitrary: objects(schema).map(text => ({
                body: Buffer.from(text),
                type: mediaType as string | undefined,
                ours: true,
              })),
            },
            {
              weight: 4,
              arbitrary: brokenTexts(schema).map(text => ({
                body: Buffer.from(text),
                type: mediaType as string | undefined,
                ours: true,
              })),
            },
            {
              weight: 1,
              arbitrary: brokenBytes.map(bytes => ({
                body: Buffer.from(bytes),
                type: mediaType as string | undefined,
                ours: true,
              })),
            },
            {
              weight: 2,
              arbitrary: fc
                .tuple(objects(schema), mediaTypes)
                .map(([text, type]) => ({ body: Buffer.from(text), type, ours: false })),
            },
          ),
          async ({ body, type, ours }) => {
            const sent = parse(body)
            const answer = await send(body, type)
            const accepted = answer.status < 300
            if (body.length > bodyLimit) assert.equal(answer.status, 413)
            else if (ours && !isNothing(answer) && !hasStructured(sent))
              assert.equal(accepted, isAllowed(sent), answer.text)
            else assert.ok(!accepted || isAllowed(sent), answer.text)
            await verify(answer, sent)
          },
        )
        t.diagnostic(`${numRuns} cases, TEST_SEED=${seed}`)
        await fc.assert(property, { seed, numRuns, endOnFailure: true })
        assert.equal(await countOf(api, user), created, 'the number of created tasks')
      })
    }

    it('hostile parameters and headers are rejected', async (t: TestContext) => {
      const user = newUser('fuzz')
      const { body: task } = await api.call('POST', '/api/v1/tasks', { user, json: { title: 'target' } })
      const reads = Object.entries(document.paths).flatMap(([path, item]) =>
        Object.entries(item)
          .filter(([method, { parameters = [] }]) => method === 'get' && parameters.length > 0)
          .map(([, operation]) => ({
            path: path.replace('{user_id}', user).replace('{id}', task.id),
            operation,
          })),
      )
      const header = fc.string({
        unit: fc
          .integer({ min: 0x20, max: 0xfe })
          .map(code => String.fromCharCode(code === 0x7f ? 0xff : code)),
        maxLength: 40,
      })
      const parameter = fc.tuple(
        fc.oneof(
          texts(100),
          fc.constantFrom(
            '0',
            '-1',
            '1.5',
            '1e9',
            '99999999999999999999',
            'true',
            'TRUE',
            '-created_at',
            'title',
            'W/"1"',
            '*',
          ),
        ),
        fc.constantFrom('=', '[]=', '[0]=', '%00=', '&'),
      )
      const property = fc.asyncProperty(
        fc.constantFrom(...reads),
        fc.array(parameter, { maxLength: 3 }),
        header,
        async ({ path, operation }, values, value) => {
          const names = (operation.parameters ?? [])
            .filter(({ in: where }) => where === 'query')
            .map(({ name }) => name)
          const query = values
            .map(
              ([text, sign], n) =>
                `${names[n % names.length] ?? 'x'}${sign}${encodeURIComponent(text.toWellFormed())}`,
            )
            .join('&')
          const others = (operation.parameters ?? [])
            .filter(({ in: where }) => where === 'header')
            .map(({ name }) => [name, value])
          const call = {
            method: 'GET',
            path: `${path}?${query}`,
            headers: { ...Object.fromEntries(others), authorization: `Bearer ${tokenOf(user)}` },
          }
          const answer = await raw.call(call)
          check(call, answer)
          assert.ok(answer.status < 500, `${call.path}: ${answer.text}`)
        },
      )
      t.diagnostic(`${numRuns} cases, TEST_SEED=${seed}`)
      await fc.assert(property, { seed, numRuns, endOnFailure: true })
    })
  })
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(body))
  } catch {
    return undefined
  }
}

/** A contract's own rule, which no schema expresses: a change must contain a field. */
function isNothing({ status, text }: Answer): boolean {
  return status === 400 && text.includes('at least one of')
}

async function countOf(api: Served, user: string): Promise<number> {
  let count = 0
  let cursor: string | null = ''
  while (cursor !== null) {
    const { body }: Answer = await api.call('GET', `/api/v1/tasks?limit=1000&cursor=${cursor}`, { user })
    count += body.tasks.length
    cursor = body.next_cursor
  }
  return count
}
