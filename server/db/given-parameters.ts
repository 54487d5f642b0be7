import { quote } from '../quote.ts'
import type { Honoured, Parameter } from './database-parameters.ts'

/** A problem with DATABASE_URL, as a sentence for the operator. */
export class UrlProblem extends Error {}

/** The supported parameters that the URL or the environment sets. */
export type Given = ReadonlyMap<Honoured, Parameter>

export function booleanOf(given: Given, name: Honoured): boolean | undefined {
  const parameter = given.get(name)
  if (!parameter) return undefined
  if (/^(true|1|on|yes)$/i.test(parameter.value)) return true
  if (/^(false|0|off|no)$/i.test(parameter.value)) return false
  throw new UrlProblem(`${parameter.written}=${quote(parameter.value)} in it must be true or false.`)
}
