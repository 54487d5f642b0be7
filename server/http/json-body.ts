import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import { AppError, brokenRules } from '../errors.ts'

export type JsonObject = Readonly<Record<string, unknown>>

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Takes every body as bytes, whatever its media type: front ends in the field forget the header. The handler that wants
 * JSON reads it with `readJson`; one that wants none never fails over what came along.
 */
export function acceptAnyBody(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  // JSON by its name too: how others are to be read is worked out anew for each request.
  const types = ['application/json', '*']
  scope.addContentTypeParser(types, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
}

/**
 * A hook of calls that take no body. Front ends in the field send the header with every call, a DELETE too. Where nothing comes (RFC 9112,
 * section 6.3) it says nothing, and without it nobody waits for the end of that.
 */
export const ignoreTypeOfEmptyBody: onRequestHookHandler = ({ headers }, _reply, done) => {
  const length = headers['content-length'] ?? '0'
  if (length === '0' && headers['transfer-encoding'] === undefined) headers['content-type'] = undefined
  done()
}

/**
 * The body as a JSON object. Names are looked up one by one, so `__proto__` and the like are names as any other.
 * @throws AppError `unsupported_media_type` for a compressed body, with what is read in `Accept-Encoding` (RFC 9110, 15.5.16):
 * 64 KiB of gzip would be 64 MiB of JSON
 */
export function readJson(request: FastifyRequest): JsonObject {
  const encoding = request.headers['content-encoding']
  if (encoding?.split(',').some(coding => !/^\s*(identity)?\s*$/i.test(coding))) {
    const message = `The Content-Encoding "${encoding}" is not accepted. Send the body uncompressed; only "identity" is accepted.`
    throw new AppError('unsupported_media_type', message, { headers: { 'accept-encoding': 'identity' } })
  }
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(request.headers['content-type'] ?? '')?.[1]
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) throw notJson('The body must be in UTF-8.')
  const value = parse(request.body)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw brokenRules([{ field: '', message: 'The body must be a JSON object.' }])
  }
  return value as JsonObject
}

function parse(body: unknown): unknown {
  if (!Buffer.isBuffer(body) || body.length === 0) throw notJson('The body is empty; send a JSON object.')
  try {
    // A byte order mark is not part of the text.
    return JSON.parse(utf8.decode(body))
  } catch {
    throw notJson('The body is not valid JSON.')
  }
}

/**
 * The same text for the same JSON value, however it is indented and its members are ordered. A body that is not JSON, or nested too
 * deeply to print, is its own text.
 */
export function canonicalBody(body: unknown): string | Buffer {
  if (!Buffer.isBuffer(body) || body.length === 0) return ''
  try {
    return canonicalJson(JSON.parse(utf8.decode(body)))
  } catch {
    return body
  }
}

export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

function notJson(message: string): AppError {
  return new AppError('not_json', message)
}
