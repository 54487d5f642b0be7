import type { FastifyRequest } from 'fastify'
import { brokenRules } from '../errors.ts'
import type { Parameter } from './operation.ts'

// Conditional requests (RFC 9110, 13) on entity tags.

const tag = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/
const everyTag = new RegExp(tag, 'g')
// Blanks and commas are read in one way only: in several, their number would be the exponent of the time that it takes to find none.
const tags = new RegExp(`^[\\s,]*(?:${tag.source}(?:\\s*,[\\s,]*|\\s*$))*$`)

/** Whether the client has this already: it named it in If-None-Match. Compared weakly, as a cache does. */
export function isKnown(request: FastifyRequest, etag: string): boolean {
  const header = request.headers['if-none-match']
  if (header === undefined) return false
  return (
    header.trim() === '*' || tagsOf('If-None-Match', header).some(found => found.replace(/^W\//, '') === etag)
  )
}

/**
 * The revisions that If-Match names; undefined where the client sets no such condition, or `*`. Compared strongly: a weak
 * tag, or one that is no revision, matches nothing.
 */
export function expectedRevisions(request: FastifyRequest): readonly number[] | undefined {
  const header = request.headers['if-match']
  if (header === undefined || header.trim() === '*') return undefined
  return tagsOf('If-Match', header).flatMap(found => {
    const number = /^"([1-9]\d{0,15})"$/.exec(found)?.[1]
    return number !== undefined && Number.isSafeInteger(Number(number)) ? [Number(number)] : []
  })
}

export const revisionTag = (revision: number): string => `"${revision}"`

function tagsOf(field: string, header: string): string[] {
  if (!tags.test(header)) {
    const message = `${field} must be *, or entity tags in quotes, such as "12".`
    throw brokenRules([{ field, in: 'header', message }])
  }
  return header.match(everyTag) ?? []
}

export const ifNoneMatch: Parameter = {
  name: 'If-None-Match',
  in: 'header',
  description: 'An entity tag that you have: 304 without a body while it is still the current one.',
  schema: { type: 'string' },
}

export const ifMatch: Parameter = {
  name: 'If-Match',
  in: 'header',
  description:
    'The entity tag of the task as you know it: 412 with the current task if it has changed since.',
  schema: { type: 'string' },
}
