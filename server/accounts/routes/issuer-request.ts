import type { FastifyRequest } from 'fastify'
import { AppError } from '../../errors.ts'
import type { Accounts } from '../accounts.ts'
import { clientAddressHeader } from '../client-address.ts'
import { readCookies, reSignCookies, reSignLink } from '../cookies.ts'
import { redirectFields } from '../redirects.ts'
import type { Call } from './call.ts'
import { rejectedRedirect } from './issuer-response.ts'
import type { Fields } from './read-fields.ts'

const fetchMetadata = ['sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-dest']

/** A path parameter: the name of a provider or the token of an email. */
function parameter(request: FastifyRequest, name: string): string {
  const value = (request.params as Readonly<Record<string, string>>)[name] ?? ''
  if (/^[\w-]{1,128}$/.test(value)) return value
  throw new AppError('route_not_found', `The path parameter "${name}" is not valid.`)
}

/** The request for Better Auth, or the response if a redirect target is not allowed. */
export function issuerRequest(
  call: Call,
  request: FastifyRequest,
  fields: Fields | undefined,
  accounts: Accounts,
): Request | Response {
  let sent = fields
  const headers = new Headers()
  // Browsers send all Sec-Fetch headers. Node's `fetch` sends only one of them.
  const page = request.headers['sec-fetch-site'] === undefined ? [] : fetchMetadata
  for (const name of ['origin', 'referer', 'user-agent', ...page]) {
    const value = request.headers[name]
    if (typeof value === 'string') headers.set(name, value)
  }
  // The origin matches a pattern of CORS_ORIGINS. It may call (see `readFields`), but is no
  // redirect target.
  const { origin } = request.headers
  if (origin !== undefined && accounts.trusts(origin) && !accounts.origins().includes(origin)) {
    headers.set('origin', accounts.publicUrl().origin)
  }
  const { cookie } = request.headers
  if (cookie !== undefined && readCookies(cookie).length > 0)
    headers.set('cookie', reSignCookies(cookie, accounts.cookieKeys))
  headers.set(clientAddressHeader, request.ip)
  if (fields) headers.set('content-type', 'application/json')
  // Built from the call and its parameters, so dots and backslashes in the request's URL cannot
  // lead to another path.
  const path = call.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => parameter(request, name))
  const url = new URL(request.server.base + path, accounts.publicUrl())
  const query = request.url.indexOf('?')
  url.search = query < 0 ? '' : request.url.slice(query)
  const token = url.searchParams.get('token')
  if (token !== null) url.searchParams.set('token', reSignLink(token, accounts.cookieKeys))
  for (const [name, code] of Object.entries(redirectFields)) {
    const given = [...url.searchParams.getAll(name), ...(fields && name in fields ? [fields[name]] : [])]
    if (given.length === 0 || (given.length === 1 && given[0] === '')) continue
    const target = given.length === 1 ? accounts.redirectTarget(String(given[0])) : undefined
    if (target === undefined) return rejectedRedirect(code)
    if (fields && name in fields) sent = { ...sent, [name]: target }
    else url.searchParams.set(name, target)
  }
  return new Request(url, {
    method: request.method === 'HEAD' ? 'GET' : request.method,
    headers,
    ...(sent ? { body: JSON.stringify(sent) } : {}),
  })
}
