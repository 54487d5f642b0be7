import type { IncomingMessage } from 'node:http'
import type { onRequestHookHandler } from 'fastify'
import { AppError } from '../errors.ts'
import { oversized } from './request-size.ts'

// What is refused by its request line and headers alone, before a byte of the body is read.

/** Fields that have one value: two proxies that read a repeated one differently see different requests. By length, which tells them apart. */
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

/** A hook that refuses requests whose head is too large, or can be read in two ways (RFC 9112, 3.2 and 11.2). */
export const refuseUnsoundHead: onRequestHookHandler = ({ raw }, _reply, done) => {
  const refusal = oversized(raw) ?? ambiguous(raw)
  if (refusal) done(refusal)
  else done()
}

/**
 * The target as routes know it: without a scheme and host that repeat `Host` (absolute-form, RFC 9112, 3.2.2), and without the path
 * of PUBLIC_URL, which a proxy may have left. A target of another host stays as it is, and is refused.
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
    if (seen & bit) return bad(`The header ${name} is sent more than once. Send it once.`)
    seen |= bit
  }
  const { host } = headers
  if (host === undefined && httpVersion !== '1.0') return bad('The header Host is missing.')
  if (host !== undefined && !hostField.test(host)) return bad('The header Host is not a host name and port.')
  if (url.startsWith('/') || (url === '*' && method === 'OPTIONS')) return undefined
  return bad('The request target names another host than the header Host.')
}

function bad(message: string): AppError {
  return new AppError('bad_request', message)
}

function byLength(names: readonly string[]): (string | undefined)[] {
  const table: (string | undefined)[] = []
  for (const name of names) table[name.length] = name
  return table
}
