import type { FastifyRequest } from 'fastify'
import { brokenRules } from '../errors.ts'
import { type JsonObject, mediaTypeOf, refuseOtherEncodings } from './json-body.ts'

/** The media types of HTML forms, which other sites can send without a preflight request. */
export const formMediaTypes = ['application/x-www-form-urlencoded', 'multipart/form-data'] as const

export function isForm(request: FastifyRequest): boolean {
  const type = mediaTypeOf(request)
  return formMediaTypes.some(known => known === type)
}

/**
 * The fields of a form, in UTF-8. Of a repeated field, the last one.
 * @throws AppError `broken_rule` if it is not a valid form, or has a file
 */
export async function readForm(request: FastifyRequest): Promise<JsonObject> {
  refuseOtherEncodings(request)
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const headers = { 'content-type': request.headers['content-type'] ?? '' }
  const form = await new Response(body, { headers }).formData().catch(() => undefined)
  const fields = Object.fromEntries(form ?? [])
  // U+FFFD stands for bytes that are not UTF-8: different passwords would become equal.
  const isValid = Object.values(fields).every(value => typeof value === 'string' && !value.includes('\ufffd'))
  if (form && isValid) return fields
  throw brokenRules([{ field: '', message: 'The body must be a form of text fields in UTF-8.' }])
}
