import type { FieldProblem } from '../errors.ts'
import type { JsonObject } from '../http/json-body.ts'
import { notValue } from '../quote.ts'

// Front ends have several names for the done flag, or send a word in `status`.

const names = ['is_completed', 'completed', 'complete'] as const
const doneWords = ['completed', 'complete', 'done', 'finished', 'closed']

/** The names accepted in every body and query, the contract's own first. */
export const flagNames = (own: string): readonly string[] => [own, ...names.filter(name => name !== own)]

/**
 * Whether a word of `status` means that a task is completed. Case, `_`, `-` and spaces do not
 * matter.
 */
export const isDoneWord = (word: string): boolean =>
  doneWords.includes(word.toLowerCase().replaceAll(/[\s_-]/g, ''))

/**
 * The flag that a body sets. The contract's own name wins, `status` comes last.
 * @param own the contract's name of the flag
 */
export function readFlag(
  body: JsonObject,
  own: string,
): { readonly flag: boolean | undefined; readonly problems: readonly FieldProblem[] } {
  const sent = flagNames(own).filter(name => body[name] !== undefined)
  const problems = sent
    .filter(name => typeof body[name] !== 'boolean')
    .map(field => ({ field, message: `"${field}" must be true or false${notValue(body[field])}.` }))
  const [first] = sent
  const flag = first === undefined ? undefined : body[first]
  if (typeof flag === 'boolean') return { flag, problems }
  const { status } = body
  const isWord = typeof status === 'string' && status.trim() !== ''
  return { flag: isWord ? isDoneWord(status) : undefined, problems }
}
