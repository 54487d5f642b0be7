import type { IncomingMessage } from 'node:http'
import { AppError } from '../errors.ts'

// Checks of the request line and the headers, before the body is read.

/** Headers that must not be repeated: two proxies could differ. Indexed by unique length. */
const singular: readonly (string | undefined)[] = byLength([
  'host',
  'if-match',
  'content-type',
  'authorization',
  'content-length',
  'idempotency-key',
  'transfer-encoding',
])

/** `uri-host [":" port]` (RFC 9110, 7.2), without a comma. */
const hostField = /^(?:\[[\da-f:.]+\]|[\w.~%!$&'()*+;=-]*)(?::\d{0,5})?$/i

const longestTarget = 8 * 1024
const maxHeaders = 100

/**
 * Why a request head is rejected: it is too large, ambiguous (RFC 9112, 3.2 and 11.2), or asks for
 * what the server does not do.
 */
export function rejectionOfHead(raw: IncomingMessage): AppError | undefined {
  const { url = '', rawHeaders } = raw
  if (url.length > longestTarget) {
    return new AppError('address_too_long', `The URL must have at most ${longestTarget} characters.`)
  }
  if (rawHeaders.length > 2 * maxHeaders) {
    return new AppError('headers_too_large', `A request must have at most ${maxHeaders} headers.`)
  }
  return ambiguous(raw)
}

/**
 * The path and query of the request target: without a scheme and host that repeat `Host`
 * (absolute-form, RFC 9112, 3.2.2), and without the path of PUBLIC_URL, which a proxy may keep. A
 * target of another host is returned as is, and rejected later.
 */
export function targetOf(base: string): (request: Pick<IncomingMessage, 'url' | 'headers'>) => string {
  return ({ url = '/', headers }) => {
    const target = url.startsWith('/') ? url : originForm(url, headers.host)
    if (base === '' || !target.startsWith(base)) return target
    const rest = target.slice(base.length)
    if (rest === '' || rest.startsWith('?')) return `/${rest}`
    return rest.startsWith('/') ? rest : target
  }
}

function originForm(url: string, host: string | undefined): string {
  const [, authority, rest = ''] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(url) ?? []
  if (authority === undefined || authority.toLowerCase() !== host?.toLowerCase()) return url
  return rest.startsWith('/') ? rest : `/${rest}`
}

function ambiguous({
  rawHeaders,
  headers,
  url = '',
  method,
  httpVersion,
}: IncomingMessage): AppError | undefined {
  let seen = 0
  for (let n = 0; n < rawHeaders.length; n += 2) {
    const name = rawHeaders[n] as string
    const known = singular[name.length]
    if (known === undefined || name.toLowerCase() !== known) continue
    const bit = 1 << name.length
    if (seen & bit) return bad(`The header "${name}" is repeated. Send it once.`)
    seen |= bit
  }
  const { host, expect, 'transfer-encoding': encoding } = headers
  if (encoding !== undefined && encoding.toLowerCase() !== 'chunked')
    return bad('The header "Transfer-Encoding" must be "chunked". Send the body uncompressed.')
  if (expect !== undefined && expect.toLowerCase() !== '100-continue')
    return bad('The header "Expect" must be "100-continue".')
  if (host === undefined && httpVersion !== '1.0') return bad('The header "Host" is required.')
  if (host !== undefined && !hostField.test(host))
    return bad('The header "Host" must be a host name and an optional port.')
  if (url.startsWith('/') || (url === '*' && method === 'OPTIONS')) return undefined
  return bad('The host of the request target must be that of the header "Host".')
}

function bad(message: string): AppError {
  return new AppError('bad_request', message)
}

function byLength(names: readonly string[]): (string | undefined)[] {
  const table: (string | undefined)[] = []
  for (const name of names) table[name.length] = name
  return table
}
