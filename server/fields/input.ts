import { createRequire } from 'node:module'
import type { ErrorObject, ValidateFunction } from 'ajv'
import type { FieldProblem } from '../errors.ts'
import { labelOf, notValue } from '../quote.ts'
import { type Field, InvalidValue, type JsonField } from './field.ts'
import { isDate } from './iso-time.ts'
import { schemaOf } from './schema.ts'
import { isBlank } from './visible.ts'

// Validates input with Ajv, by schemas that are derived from the fields. The messages are Duly's.

/** A field that a client may send. */
export interface Input {
  /** The name on the wire. */
  readonly name: string
  readonly field: Field
  /** Unicode code points, if the number differs from the field's. */
  readonly maxLength?: number | undefined
}

/**
 * @param body a JSON object
 * @returns the values of the inputs that were sent, by name and trimmed if the field is; or the
 * problems
 */
export type ReadInput = (body: Readonly<Record<string, unknown>>) => {
  readonly values: Readonly<Record<string, unknown>>
  readonly problems: readonly FieldProblem[]
}

/** @param required names that must be sent */
export function inputReader(inputs: readonly Input[], required: readonly string[] = []): ReadInput {
  let validate: ValidateFunction | undefined
  return body => {
    const values: Record<string, unknown> = {}
    const problems: FieldProblem[] = []
    for (const { name, field } of inputs) {
      const value = body[name]
      if (value === undefined) continue
      if (field.kind === 'json') {
        readValue(field, name, value, values, problems)
        continue
      }
      const isTrimmed = field.kind === 'text' && field.trimmed && typeof value === 'string'
      values[name] = isTrimmed ? value.trim() : value
    }
    // The compiler is loaded by the first body, not at start.
    validate ??= compile(inputs, required)
    if (!validate(values)) problems.push(...problemsOf(validate, inputs, values))
    return { values, problems }
  }
}

/** The problem of a field, from an InvalidValue. Other errors are thrown again. */
export function problemOf(error: unknown, field: string, label: string): FieldProblem {
  if (!(error instanceof InvalidValue)) throw error
  return { field, message: `${label} ${error.message}.` }
}

/** Structured values are read by code: a schema cannot define which dates exist. */
function readValue(
  field: JsonField,
  name: string,
  value: unknown,
  values: Record<string, unknown>,
  problems: FieldProblem[],
): void {
  try {
    values[name] = value === null ? null : field.read(value)
  } catch (error) {
    // It was sent, so it is not missing.
    values[name] = value
    problems.push(problemOf(error, name, labelOf(name)))
  }
}

function compile(inputs: readonly Input[], required: readonly string[]): ValidateFunction {
  const { Ajv } = createRequire(import.meta.url)('ajv') as typeof import('ajv')
  const ajv = new Ajv({ allErrors: true, allowUnionTypes: true })
  const check = (keyword: string, holds: (text: string) => boolean) =>
    ajv.addKeyword({
      keyword,
      type: 'string',
      validate: (_: unknown, text: string) => holds(text),
      errors: false,
    })
  // PostgreSQL cannot store these. All other texts are returned as they were sent.
  check('withoutNul', text => !text.includes('\0'))
  check('wellFormed', text => text.isWellFormed())
  check('visible', text => !isBlank(text))
  check('date', isDate)
  const plain = inputs.filter(({ field }) => field.kind !== 'json')
  const properties = plain.map(({ name, field, maxLength }) => {
    const { description, format, pattern, ...schema } = schemaOf(field, maxLength)
    const isText = field.kind === 'text' && !field.values
    const more = isText
      ? {
          withoutNul: true,
          wellFormed: true,
          ...(field.visible ? { visible: true } : {}),
          ...(field.date ? { date: true } : {}),
          ...(field.matches ? { pattern: field.matches.pattern } : {}),
        }
      : {}
    return [name, { ...schema, ...more }]
  })
  return ajv.compile({ type: 'object', required, properties: Object.fromEntries(properties) })
}

/** The first problem of each field, in the order of the inputs. */
function problemsOf(
  { errors }: ValidateFunction,
  inputs: readonly Input[],
  values: Readonly<Record<string, unknown>>,
): FieldProblem[] {
  return inputs.flatMap(input => {
    const own = errors?.filter(error => nameIn(error) === input.name) ?? []
    const error = own.sort((a, b) => keywords.indexOf(a.keyword) - keywords.indexOf(b.keyword))[0]
    return error ? [{ field: input.name, message: messageOf(error, input, values[input.name]) }] : []
  })
}

/** If a value breaks several rules, the first of these is reported. */
const keywords = [
  'required',
  'type',
  'enum',
  'minLength',
  'withoutNul',
  'wellFormed',
  'maxLength',
  'visible',
  'date',
  'pattern',
]

const nameIn = ({ keyword, params, instancePath }: ErrorObject): string =>
  keyword === 'required' ? String(params.missingProperty) : instancePath.slice(1)

function messageOf({ keyword, params }: ErrorObject, { name, field }: Input, value: unknown): string {
  const orNull = field.nullable ? ' or null' : ''
  const label = field.kind === 'text' ? labelOf(name) : `"${name}"`
  switch (keyword) {
    case 'required':
      return `${label} is required.`
    case 'type':
      return `${label} must be ${nouns[field.kind]}${orNull}${notValue(value)}.`
    case 'enum':
      return `${label} must be ${listOf(params.allowedValues)}${notValue(value)}.`
    case 'minLength':
      return `${label} must not be empty.`
    case 'maxLength':
      return `${label} must have at most ${params.limit} characters, not ${Array.from(String(value)).length}.`
    case 'withoutNul':
      return `${label} must not contain a NUL character.`
    case 'wellFormed':
      return `${label} must not contain half of a surrogate pair.`
    case 'date':
      return `${label} must be a date such as 2026-12-01, from the year 1000 to 9999${notValue(value)}.`
    case 'pattern':
      return `${label} must be ${field.kind === 'text' ? field.matches?.as : 'valid'}${field.nullable ? ', or null' : ''}${notValue(value)}.`
    case 'visible':
      return `${label} must contain a visible character.`
    case 'minimum':
    case 'maximum':
      return `${label} must be a whole number ${rangeOf(field)}${orNull}${notValue(value)}.`
    default:
      throw new Error(`a keyword without a message: ${keyword}`)
  }
}

function rangeOf(field: Field): string {
  const { minimum, maximum = Number.MAX_SAFE_INTEGER } = field.kind === 'integer' ? field : {}
  return minimum === undefined ? `up to ${maximum}` : `from ${minimum} to ${maximum}`
}

/** `"low", "high" or null` */
const listOf = (values: readonly unknown[]) =>
  values
    .map(value => JSON.stringify(value))
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1')

const nouns = {
  integer: 'a whole number',
  text: 'a string',
  boolean: 'true or false',
  time: 'a time',
  json: 'an object',
} as const
