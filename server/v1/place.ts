import { brokenRules, type FieldProblem } from '../errors.ts'
import type { JsonObject } from '../http/json-body.ts'
import type { Schema } from '../openapi/operation.ts'
import { notValue } from '../quote.ts'
import { unknownProblems } from './body.ts'

// Request bodies that move an item.

type Name = 'list_id' | 'parent_id' | 'before' | 'after'

const id: Schema = { type: ['integer', 'null'], minimum: 1, maximum: Number.MAX_SAFE_INTEGER }
const before = { ...id, description: 'The sibling that it precedes; null is the last place.' }
const after = { ...id, description: 'The sibling that it follows; null is the first place.' }
const places = { type: 'object', not: { required: ['before', 'after'] } }

export const placeSchemas = {
  ListPlace: { ...places, properties: { before, after }, additionalProperties: false },
  TaskPlace: {
    ...places,
    properties: {
      list_id: { ...id, description: 'The list; null is the inbox.' },
      parent_id: { ...id, description: 'The parent; null is the top level.' },
      before,
      after,
    },
    additionalProperties: false,
  },
} satisfies Record<string, Schema>

/** @throws AppError `broken_rule` */
export function placeIn<N extends Name>(
  body: JsonObject,
  names: readonly N[],
): Readonly<Partial<Record<N, number | null>>> {
  const problems: FieldProblem[] = unknownProblems(body, names)
  for (const name of names) {
    const value = body[name]
    if (value === undefined || value === null || (Number.isSafeInteger(value) && Number(value) > 0)) continue
    problems.push({ field: name, message: `"${name}" must be an id or null${notValue(value)}.` })
  }
  if (body.before !== undefined && body.after !== undefined)
    problems.push({ field: 'after', message: 'Send "before" or "after", not both.' })
  if (problems.length > 0) throw brokenRules(problems)
  // Each was validated above.
  return body as Readonly<Partial<Record<N, number | null>>>
}
