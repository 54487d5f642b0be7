import type { Field, Kind } from './field.ts'

/** A JSON Schema (2020-12). */
export type Schema = Readonly<Record<string, unknown>>

export const timeSchema: Schema = {
  type: 'string',
  format: 'date-time',
  description: 'UTC, with microseconds.',
}

const kinds: Readonly<Record<Exclude<Kind, 'json'>, Schema>> = {
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
  const about = field.description === undefined ? {} : { description: field.description }
  if (field.kind === 'json') return { ...field.schema, ...about }
  if (field.kind === 'text' && field.values)
    return { enum: [...field.values, ...(field.nullable ? [null] : [])], ...about }
  const { type, ...rest } = kinds[field.kind]
  const longest = field.kind === 'text' ? (maxLength ?? field.maxLength) : undefined
  return {
    type: field.nullable ? [type, 'null'] : type,
    ...rest,
    ...(field.kind === 'text' && field.visible ? { minLength: 1, pattern: '\\S' } : {}),
    ...(field.kind === 'text' && field.date ? { format: 'date' } : {}),
    ...(field.kind === 'text' && field.matches ? { pattern: field.matches.pattern } : {}),
    ...(longest === undefined ? {} : { maxLength: longest }),
    ...(field.kind !== 'text' && field.minimum !== undefined ? { minimum: field.minimum } : {}),
    ...(field.kind !== 'text' && field.maximum !== undefined ? { maximum: field.maximum } : {}),
    ...about,
  }
}
