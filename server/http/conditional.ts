import type { FastifyRequest } from 'fastify'
import { brokenRules } from '../errors.ts'
import type { Parameter } from '../openapi/operation.ts'
import { notValue } from '../quote.ts'

// Conditional requests (RFC 9110, 13) on entity tags.

const tag = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/
const everyTag = new RegExp(tag, 'g')
// Blanks and commas match in one way only. Otherwise backtracking would take exponential time.
const tags = new RegExp(`^[\\s,]*(?:${tag.source}(?:\\s*,[\\s,]*|\\s*$))*$`)

/**
 * Whether If-None-Match names this tag, so that the client has the current representation. Weak
 * comparison (RFC 9110, 8.8.3.2).
 */
export function isKnown(request: FastifyRequest, etag: string): boolean {
  const header = request.headers['if-none-match']
  if (header === undefined) return false
  return header.trim() === '*' || tagsOf('If-None-Match', header).some(found => asGiven(found).includes(etag))
}

/**
 * The revisions in If-Match. Undefined without If-Match, or if it is `*`. Tags that a compressing
 * proxy has rewritten count as the original tags. A tag that is not a revision matches nothing.
 */
export function expectedRevisions(request: FastifyRequest): readonly number[] | undefined {
  return revisionsIn(request, /^"([1-9]\d{0,15})"$/)
}

/**
 * The same for tags with two revisions, of which the first is the item's: those of lists, whose
 * number of tasks has a revision of its own.
 */
export function expectedFirstRevisions(request: FastifyRequest): readonly number[] | undefined {
  return revisionsIn(request, /^"([1-9]\d{0,15})-\d+"$/)
}

function revisionsIn(request: FastifyRequest, form: RegExp): readonly number[] | undefined {
  const header = request.headers['if-match']
  if (header === undefined || header.trim() === '*') return undefined
  return tagsOf('If-Match', header)
    .flatMap(asGiven)
    .flatMap(found => {
      const number = form.exec(found)?.[1]
      return number !== undefined && Number.isSafeInteger(Number(number)) ? [Number(number)] : []
    })
}

const addedByProxy = /(?:--?|[;:])(?:x-)?(?:gzip|br|brotli|deflate|zstd)"$/i

/**
 * The tags of this server that `tag` may stand for. Proxies that compress make a tag weak (nginx
 * `gzip`, RFC 9110, 8.8.1) or add a suffix (Apache `mod_deflate` and `mod_brotli`, Caddy, Jetty).
 */
function asGiven(tag: string): readonly string[] {
  const strong = tag.replace(/^W\//, '')
  const short = strong.replace(addedByProxy, '"')
  return short === strong ? [strong] : [strong, short]
}

export const revisionTag = (revision: number): string => `"${revision}"`

function tagsOf(field: string, header: string): string[] {
  if (!tags.test(header)) {
    const message = `${field} must be * or entity tags in quotes, for example "12"${notValue(header)}.`
    throw brokenRules([{ field, in: 'header', message }])
  }
  return header.match(everyTag) ?? []
}

export const ifNoneMatch: Parameter = {
  name: 'If-None-Match',
  in: 'header',
  description: 'An entity tag. 304 without a body if it is the current one.',
  schema: { type: 'string' },
}

export const ifMatch: Parameter = {
  name: 'If-Match',
  in: 'header',
  description: 'The entity tag of the task. 412 with the current task if it has changed.',
  schema: { type: 'string' },
}
