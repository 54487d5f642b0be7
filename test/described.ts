import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { registrations } from '../server/app.ts'
import { type ContractName, type ContractOption, contracts } from '../server/config/contract.ts'
import { pathPattern } from '../server/http/route.ts'
import { openApi } from '../server/openapi/openapi.ts'

// Checks responses against the OpenAPI document. Tests pass every response of the server to this.

export interface Described {
  readonly document: OpenApi
  readonly validate: Validate
  /** @throws AssertionError if the OpenAPI document does not describe this response */
  check(call: { method: string; path: string }, answer: ToCheck): void
}

interface ToCheck {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** The parts of OpenAPI 3.1 that the tests use. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
  readonly tags: readonly { readonly name: string }[]
}

export interface OperationObject {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly security?: readonly object[]
  readonly parameters?: readonly ParameterObject[]
  readonly requestBody?: { readonly content: Readonly<Record<string, MediaType>> }
  readonly responses: Readonly<Record<string, ResponseObject>>
}

export interface ParameterObject {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly schema: object
  readonly example?: unknown
}

export interface ResponseObject {
  readonly content?: Readonly<Record<string, MediaType>>
  readonly headers?: Readonly<Record<string, { readonly required?: boolean }>>
}

export interface MediaType {
  readonly schema: object
  readonly example?: unknown
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}

export interface Operation {
  readonly path: string
  readonly method: string
  readonly operation: OperationObject
}

/** The operations of a contract. For contracts other than the first, those that the first lacks. */
export function operationsOf(contract: ContractName): Operation[] {
  const [first = contract] = contracts
  const others = contract === first ? {} : described(first).document.paths
  return Object.entries(described(contract).document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method, operation]) => !isDeepStrictEqual(operation, others[path]?.[method]))
      .map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
}

const known = new Map<string, Described>()

export function described(
  contract: ContractName,
  accounts = true,
  contractOptions: readonly ContractOption[] = [],
): Described {
  const key = JSON.stringify([contract, accounts, contractOptions])
  const made = known.get(key) ?? describe({ contract, accounts, contractOptions, web: true })
  known.set(key, made)
  return made
}

/**
 * Whether `value` matches the schema at this place of the OpenAPI document; otherwise the errors.
 */
export type Validate = (pointer: readonly string[], value: unknown) => string | undefined

function validatorOf(document: OpenApi): Validate {
  // Compiled schemas run only a few times. The rules of Spectral check the schemas themselves.
  const quick = { code: { optimize: false }, inlineRefs: false, validateSchema: false }
  const ajv = new Ajv2020({ strict: false, allErrors: true, ...quick })
  formats.default(ajv)
  const absolute = (value: unknown): string =>
    JSON.stringify(value).replaceAll('"#/components/', '"duly#/components/')
  ajv.addSchema(JSON.parse(absolute({ $id: 'duly', components: document.components })))
  // Most responses have one of a few schemas.
  const compiled = new Map<string, ValidateFunction>()
  const atPlace = new Map<string, ValidateFunction>()
  const compile = (pointer: readonly string[]) => {
    const schema = absolute(pointer.reduce<unknown>((part, name) => Object(part)[name], document))
    const validate = compiled.get(schema) ?? ajv.compile(JSON.parse(schema))
    compiled.set(schema, validate)
    return validate
  }
  return (pointer, value) => {
    const place = pointer.join('\n')
    const validate = atPlace.get(place) ?? compile(pointer)
    atPlace.set(place, validate)
    return validate(value) ? undefined : ajv.errorsText(validate.errors)
  }
}

function describe(config: Omit<Parameters<typeof registrations>[0], 'metrics'>): Described {
  // Serialized and parsed, as the server sends it.
  const document = JSON.parse(
    JSON.stringify(openApi(registrations({ ...config, metrics: undefined }))),
  ) as OpenApi
  const validate = validatorOf(document)
  const templates = Object.keys(document.paths)
    .map(template => ({ template, pattern: pathPattern(template) }))
    .sort((a, b) => variables(a.template) - variables(b.template))
  // Tests call the same few paths many times.
  const foundBefore = new Map<string, (typeof templates)[number] | undefined>()
  const templateOf = (called: string) => {
    if (!foundBefore.has(called)) {
      const path = decoded(called)
      foundBefore.set(
        called,
        templates.find(({ pattern }) => pattern.test(path)),
      )
    }
    return foundBefore.get(called)
  }

  return {
    document,
    validate,
    check({ method, path }, { status, headers, text }) {
      if (method === 'OPTIONS') return
      const what = `${method} ${path} returned ${status}: ${text.slice(0, 300)}`
      const found = templateOf(path.replace(/[?#].*$/s, ''))
      if (!found)
        return assert.ok(
          [400, 404, 414, 429, 431].includes(status),
          `${what}; the OpenAPI document has no such path`,
        )
      const asked = method === 'HEAD' ? 'get' : method.toLowerCase()
      const operation = document.paths[found.template]?.[asked]
      if (!operation) return assert.ok([400, 401, 403, 405, 414, 429, 431].includes(status), what)
      const response = operation.responses[String(status)]
      assert.ok(response, `${what}; the OpenAPI document has no such status`)
      for (const [name, header] of Object.entries(response.headers ?? {})) {
        if (header.required) assert.ok(headers.has(name), `${what} without ${name}`)
      }
      if (method === 'HEAD') return
      if (!response.content) return assert.equal(text, '', what)
      const type = (headers.get('content-type') ?? '').replace(/;.*$/, '')
      assert.ok(response.content[type], `${what} as ${type}, which the OpenAPI document does not have`)
      if (type !== 'application/json' && !type.endsWith('+json')) return
      const place = ['paths', found.template, asked, 'responses', String(status), 'content', type, 'schema']
      const problem = validate(place, JSON.parse(text))
      assert.equal(problem, undefined, what)
    },
  }
}

function variables(template: string): number {
  return template.split('{').length
}

function decoded(path: string): string {
  try {
    return decodeURI(path)
  } catch {
    return path
  }
}
