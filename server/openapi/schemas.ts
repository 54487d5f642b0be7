import type { Schema } from './operation.ts'

/** An object with exactly these properties, all of them present. */
export function closed(properties: Readonly<Record<string, Schema>>, description?: string): Schema {
  return {
    type: 'object',
    ...(description === undefined ? {} : { description }),
    required: Object.keys(properties),
    properties,
    additionalProperties: false,
  }
}

/** The body of a request. Other properties are ignored. */
export function sent(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: 'object', ...(required.length > 0 ? { required } : {}), properties }
}

export const countSchema: Schema = { type: 'integer', minimum: 0 }
