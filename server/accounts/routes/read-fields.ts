import type { FastifyRequest } from 'fastify'
import { AppError, brokenRules, type FieldProblem } from '../../errors.ts'
import { mediaTypeOf, readJson } from '../../http/json-body.ts'
import type { Schema } from '../../openapi/operation.ts'
import { labelOf, notValue, quote } from '../../quote.ts'
import type { Accounts } from '../accounts.ts'
import { canonicalEmail } from '../email.ts'
import type { Call } from './call.ts'
import { nounsOfPatterns } from './schemas.ts'

export type Fields = Readonly<Record<string, unknown>>

/**
 * Reads and validates the body. Fields that the call does not describe are left out, so Better Auth
 * never gets them.
 */
export function readFields(call: Call, request: FastifyRequest, accounts: Accounts): Fields {
  const { origin } = request.headers
  if (origin !== undefined && !accounts.trusts(origin)) throw notTrusted(origin)
  const isEmpty = !Buffer.isBuffer(request.body) || request.body.length === 0
  if (isEmpty && !call.body?.required) return {}
  // Other sites can send forms without a preflight request, but not JSON.
  if (mediaTypeOf(request) !== 'application/json') {
    throw new AppError('unsupported_media_type', 'Send Content-Type: application/json.')
  }
  const sent = readJson(request)
  return call.body ? validFields(call.body.schema, sent, request) : {}
}

/** The fields that the schema describes. @throws AppError `broken_rule` if one is not valid */
export function validFields(schema: Schema, sent: Fields, request: FastifyRequest): Fields {
  const given = Object.keys(schema.properties as object).filter(
    name => Object.hasOwn(sent, name) && sent[name] !== undefined,
  )
  const fields = Object.fromEntries(given.map(name => [name, canonical(name, sent[name])]))
  const validate = request.compileValidationSchema(schema)
  if (!validate(fields)) {
    throw brokenRules((validate.errors ?? []).map(error => problemOf(error, fields)))
  }
  if (!isStorable(fields))
    throw brokenRules([
      {
        field: '',
        message: `The body must have no NUL characters, no unpaired surrogates and at most ${deepest} levels.`,
      },
    ])
  return fields
}

/** @throws AppError `broken_rule` if a query parameter is not valid */
export function validQuery(parameters: NonNullable<Call['parameters']>, request: FastifyRequest): void {
  const properties = Object.fromEntries(parameters.map(({ name, schema }) => [name, schema]))
  const required = parameters.filter(parameter => parameter.required).map(({ name }) => name)
  validFields({ type: 'object', properties, required }, request.query as Fields, request)
}

export function notTrusted(origin: string): AppError {
  return new AppError('origin_not_trusted', `The origin "${origin}" is not allowed. Add it to CORS_ORIGINS.`)
}

/** @throws AppError `broken_rule` if the field is an email address that is not valid */
function canonical(name: string, value: unknown): unknown {
  if ((name !== 'email' && name !== 'newEmail') || typeof value !== 'string') return value
  const email = canonicalEmail(value)
  if (email !== undefined) return email
  throw brokenRules([{ field: name, message: notEmail(name, value) }])
}

/** What is wrong with a field that is no email address. */
export const notEmail = (name: string, value: string): string =>
  `${labelOf(name)} must be an email address such as ann@example.com${notValue(value)}.`

const deepest = 8

/** Whether PostgreSQL can store every text in it, and it is no deeper than any valid body. */
function isStorable(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  if (typeof value !== 'object' || value === null) return true
  if (depth === deepest) return false
  return Object.entries(value).every(([name, field]) => isStorable(name) && isStorable(field, depth + 1))
}

interface SchemaError {
  readonly keyword?: string
  readonly instancePath?: string
  readonly params?: Readonly<Record<string, unknown>>
}

/** Our own message for an error of the validator. Does not repeat texts, which may be passwords. */
function problemOf({ keyword, instancePath = '', params = {} }: SchemaError, fields: Fields): FieldProblem {
  const field = instancePath.slice(1) || String(params.missingProperty ?? '')
  const rule = ruleOf(keyword, params, fields[field])
  return { field, message: `${field === '' ? 'The body' : labelOf(field)} ${rule}.` }
}

function ruleOf(
  keyword: string | undefined,
  params: Readonly<Record<string, unknown>>,
  value: unknown,
): string {
  switch (keyword) {
    case 'required':
      return 'is required'
    case 'type':
      return `must be ${[params.type].flat().map(nounOf).join(' or ')}, not ${kindOf(value)}`
    case 'minLength':
      return params.limit === 1 ? 'must not be empty' : `must have at least ${params.limit} characters`
    case 'maxLength':
      return `must have at most ${params.limit} characters`
    case 'enum':
      return `must be ${[params.allowedValues].flat().map(quote).join(' or ')}${notValue(value)}`
    case 'pattern':
      return `must be ${nounsOfPatterns[String(params.pattern)] ?? 'valid'}${notValue(value)}`
    default:
      return 'is not valid'
  }
}

const nouns: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
}
const nounOf = (type: unknown): string => nouns[String(type)] ?? String(type)

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  return value === null || typeof value === 'boolean' ? String(value) : nounOf(typeof value)
}
