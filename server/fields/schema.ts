import type { Field, Kind } from './field.ts'

/** A JSON Schema (2020-12). */
export type Schema = Readonly<Record<string, unknown>>

export const timeSchema: Schema = {
  type: 'string',
  format: 'date-time',
  description: 'UTC, with microseconds.',
}

const kinds: Readonly<Record<Kind, Schema>> = {
  integer: { type: 'integer', maximum: Number.MAX_SAFE_INTEGER },
  text: { type: 'string' },
  boolean: { type: 'boolean' },
  time: timeSchema,
}

/**
 * The JSON Schema of a field's value, as the OpenAPI document has it.
 * @param maxLength where it is another one than the field's
 */
export function schemaOf(field: Field, maxLength?: number): Schema {
  const { type, ...rest } = kinds[field.kind]
  const longest = field.kind === 'text' ? (maxLength ?? field.maxLength) : undefined
  return {
    type: field.nullable ? [type, 'null'] : type,
    ...rest,
    ...(field.kind === 'text' && field.visible ? { minLength: 1, pattern: '\\S' } : {}),
    ...(longest === undefined ? {} : { maxLength: longest }),
    ...(field.kind !== 'text' && field.minimum !== undefined ? { minimum: field.minimum } : {}),
    ...(field.description === undefined ? {} : { description: field.description }),
  }
}
