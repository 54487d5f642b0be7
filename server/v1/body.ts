import { suggestion } from '../closest.ts'
import { brokenRules, type FieldProblem } from '../errors.ts'
import type { ReadInput } from '../fields/input.ts'
import type { JsonObject } from '../http/json-body.ts'
import { quote } from '../quote.ts'
import { isSame } from '../tasks/rules.ts'

// Request bodies of `v1`. Unknown fields are rejected by name: a misspelt field must not look like
// success.

interface SentBody {
  readonly values: Readonly<Record<string, unknown>>
  /** Read-only fields. Their values must equal the stored ones. */
  readonly readOnly: JsonObject
}

/**
 * @param writable the names that `read` accepts
 * @param names all fields that the item has on the wire
 * @throws AppError `broken_rule`
 */
export function bodyReader(
  read: ReadInput,
  writable: readonly string[],
  names: readonly string[],
): (body: JsonObject) => SentBody {
  return body => {
    const { values, problems } = read(body)
    const unknown = unknownProblems(body, names, writable)
    if (unknown.length + problems.length > 0) throw brokenRules([...unknown, ...problems])
    const readOnly: Record<string, unknown> = {}
    for (const name of Object.keys(body))
      if (body[name] !== undefined && !writable.includes(name)) readOnly[name] = body[name]
    return { values, readOnly }
  }
}

/** What is wrong with the names in a body. @param suggested names that may have been meant */
export function unknownProblems(
  body: JsonObject,
  names: readonly string[],
  suggested: readonly string[] = names,
): FieldProblem[] {
  return Object.keys(body)
    .filter(name => !names.includes(name))
    .map(name => ({
      field: name.replaceAll('~', '~0').replaceAll('/', '~1'),
      message: `There is no field ${quote(name)}.${suggestion(name.slice(0, 50), suggested) || ` Known fields: ${suggested.join(', ')}.`}`,
    }))
}

/** @throws AppError `broken_rule` unless a body's read-only fields equal those of the item */
export function checkReadOnly(readOnly: JsonObject, item?: object): void {
  const stored = item as JsonObject | undefined
  const problems = Object.keys(readOnly)
    .filter(name => !stored || !isSame(stored[name], readOnly[name]))
    .map(field => ({ field, message: `"${field}" cannot be set. Leave it out.` }))
  if (problems.length > 0) throw brokenRules(problems)
}
