import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import { AppError, brokenRules } from '../errors.ts'
import { notValue } from '../quote.ts'

export type JsonObject = Readonly<Record<string, unknown>>

declare module 'fastify' {
  interface FastifyRequest {
    /** The value of the body, once `readJson` has parsed it. */
    json: unknown
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads every body as bytes, whatever its media type: existing front ends omit Content-Type.
 * Handlers parse it with `readJson`.
 */
export function acceptAnyBody(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  // `application/json` by name, because Fastify looks up the parser of other types for each
  // request.
  const types = ['application/json', '*']
  scope.addContentTypeParser(types, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
}

/** Hands bodies to the handlers as streams. */
export function passBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, body, done) => done(null, body))
}

/** A hook that drops Content-Type without a body (RFC 9112, 6.3): old front ends always send it. */
export const ignoreTypeOfEmptyBody: onRequestHookHandler = ({ headers }, _reply, done) => {
  const length = headers['content-length'] ?? '0'
  if (length === '0' && headers['transfer-encoding'] === undefined) headers['content-type'] = undefined
  done()
}

/**
 * The body as a JSON object.
 * @throws AppError `unsupported_media_type` for a compressed body, with `Accept-Encoding` (RFC
 * 9110, 15.5.16): 64 KiB of gzip could be 64 MiB of JSON
 */
export function readJson(request: FastifyRequest): JsonObject {
  refuseOtherEncodings(request)
  const value = parse(request.body)
  request.json = value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw brokenRules([{ field: '', message: `The body must be a JSON object${notValue(value)}.` }])
  }
  return value as JsonObject
}

/** The media type of the body, without parameters. */
export function mediaTypeOf({ headers }: FastifyRequest): string {
  return (headers['content-type'] ?? '').replace(/;.*$/s, '').trim().toLowerCase()
}

/** @throws AppError if the body is compressed, or its charset is not UTF-8 */
export function refuseOtherEncodings({ headers }: FastifyRequest): void {
  const encoding = headers['content-encoding']
  if (encoding?.split(',').some(coding => !/^\s*(identity)?\s*$/i.test(coding))) {
    const message = `The Content-Encoding "${encoding}" is not accepted. Send the body uncompressed; only "identity" is accepted.`
    throw new AppError('unsupported_media_type', message, { headers: { 'accept-encoding': 'identity' } })
  }
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(headers['content-type'] ?? '')?.[1]
  if (charset !== undefined && !/^utf-?8$/i.test(charset))
    throw notJson(`The charset "${charset}" is not supported. Send the body in UTF-8.`)
}

function parse(body: unknown): unknown {
  if (!Buffer.isBuffer(body) || body.length === 0) throw notJson('The body is empty. Send a JSON object.')
  try {
    // TextDecoder removes a byte order mark.
    return JSON.parse(utf8.decode(body))
  } catch {
    throw notJson('The body is not valid JSON. Send a JSON object.')
  }
}

/**
 * Equal for equal JSON values, whatever their indentation and member order. A body that is not
 * JSON, or nested too deeply, is returned as is.
 */
export function canonicalBody({ body, json }: FastifyRequest): string | Buffer {
  if (!Buffer.isBuffer(body) || body.length === 0) return ''
  try {
    return canonicalJson(json === undefined ? JSON.parse(utf8.decode(body)) : json)
  } catch {
    return body
  }
}

export const canonicalJson = (value: unknown): string => JSON.stringify(inOrder(value))

/** A JSON value whose members are in one order. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(inOrder)
  const members = value as JsonObject
  const ordered: Record<string, unknown> = {}
  for (const name of sorted(Object.keys(members))) {
    // An assignment would set the prototype. For other names, it takes half the time.
    if (name === '__proto__')
      Object.defineProperty(ordered, name, { value: inOrder(members[name]), enumerable: true })
    else ordered[name] = inOrder(members[name])
  }
  return ordered
}

/** In place. `sort` allocates a kilobyte, and most objects have a few members. */
function sorted(names: string[]): string[] {
  if (names.length > 8) return names.sort()
  for (let n = 1; n < names.length; n += 1) {
    const name = names[n] as string
    let at = n
    for (; at > 0 && (names[at - 1] as string) > name; at -= 1) names[at] = names[at - 1] as string
    names[at] = name
  }
  return names
}

function notJson(message: string): AppError {
  return new AppError('not_json', message)
}
