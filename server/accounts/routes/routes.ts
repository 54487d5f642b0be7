import type { FastifyReply, FastifyRequest } from 'fastify'
import { emailSha256 } from '../../audit.ts'
import type { Context } from '../../context.ts'
import { AppError, brokenRules } from '../../errors.ts'
import { readJson } from '../../http/json-body.ts'
import { jsonMediaType } from '../../http/json-reply.ts'
import type { Contract } from '../../http/register.ts'
import type { Route } from '../../http/route.ts'
import { network } from '../../limits/network.ts'
import { ref, type Schema } from '../../openapi/operation.ts'
import { changePassword } from '../../pages/account-pages.ts'
import type { Accounts } from '../accounts.ts'
import {
  byAccount,
  byAddress,
  byProof,
  byRecipient,
  bySignIn,
  type Count,
  giveBackAttempt,
  takeAttempt,
} from '../attempts.ts'
import { clientAddressHeader } from '../client-address.ts'
import { decoded, readCookies, reSignCookies, reSignLink } from '../cookies.ts'
import type { Device } from '../devices.ts'
import { canonicalEmail } from '../email.ts'
import { redirectFields } from '../redirects.ts'
import { revokeTokensOf } from '../users.ts'
import { accountCalls, type Call } from './calls.ts'
import { schemas } from './schemas.ts'

// Signing up and in: Better Auth's calls, those of them that Duly offers, each guarded before Better Auth sees it.

export const accounts: Contract = {
  name: 'accounts',
  about:
    'Signing up and in, with Better Auth. A session is a cookie (`HttpOnly`, `SameSite=Lax`), which only these calls take; `GET /api/auth/token` turns it into a token for all others. From a page, its origin must be this server’s or one of CORS_ORIGINS.',
  statuses: { broken_rule: 400, not_json: 400 },
  errorSchema: ref('AuthError'),
  errorBody: ({ code, message }) => ({ code: code.toUpperCase(), message }),
  schemas,
  routes: [...accountCalls.map(routeOf), changePassword],
}

function routeOf(call: Call): Route {
  const { method, path, id, audited, summary, description, body, parameters, answers } = call
  return {
    method,
    path,
    operation: {
      id,
      summary,
      description: description ?? `${summary}.`,
      ...(parameters ? { parameters } : {}),
      ...(body ? { body } : {}),
      answers,
      ...(audited ? { audited } : {}),
      ...(call.session ? { security: 'session' } : {}),
      fails: [
        'database_away',
        ...(method === 'GET'
          ? []
          : ([
              'database_full',
              'outcome_unknown',
              'origin_not_trusted',
              'broken_rule',
              'not_json',
              'unsupported_media_type',
            ] as const)),
        ...(call.attempts ? (['too_many_requests'] as const) : []),
        ...(call.hashes ? (['busy'] as const) : []),
        ...(call.choosesPassword ? (['password_compromised'] as const) : []),
      ],
      // Better Auth has refusals of its own at every call.
      refusals: [400, 401, 403, 404, 409, 422],
    },
    async handle(request, reply, { accounts: people, db, tokens }) {
      if (!people) throw new AppError('route_not_found', 'There are no accounts here.')
      const response = await answer(call, request, people, db)
      if (method === 'POST') tokens.recheck()
      return forward(withSafeLocation(call, response, people), reply)
    },
  }
}

async function answer(
  call: Call,
  request: FastifyRequest,
  people: Accounts,
  db: Context['db'],
): Promise<Response> {
  const fields = call.method === 'GET' ? undefined : readFields(call, request, people)
  const chosen = call.choosesPassword && fields?.[call.choosesPassword]
  if (typeof chosen === 'string') await people.refuseBreached(chosen)
  const email = typeof fields?.email === 'string' ? fields.email : undefined
  const forIssuer = requestFor(call, request, fields, people)
  if (forIssuer instanceof Response) return forIssuer
  const { cookie: cookies } = request.headers
  const device =
    email !== undefined && (call.attempts === 'account' || call.attempts === 'proof')
      ? await people.devices.find(cookies, { email })
      : undefined
  const counts = countsOf(call, request, fields, device)
  const ask = async (endTurn?: () => void) => {
    const isQuiet = await takeAttempt(db, [...counts.guesses, ...counts.work])
    const caller = { cookies, isQuiet, ...(endTurn && { endTurn }) }
    return (await people.issuer()).handle(forIssuer, caller)
  }
  request.auditFacts = { emailSha256: email && emailSha256(email) }
  // A request that finds no room is not counted as an attempt.
  const { response, user } = await (call.hashes
    ? people.inTurn(turnKeys(request, fields, device), ask)
    : ask())
  request.auditFacts = { ...request.auditFacts, user, beginsSession: beginsSession(response) }
  if (fields?.revokeTokens === true && response.status === 200 && user !== undefined)
    await revokeTokensOf(db, user)
  if (call.attempts === 'account' && response.status === 200) {
    await giveBackAttempt(db, counts.guesses).catch(error =>
      request.log.warn({ reqId: request.id, err: error }, 'an attempt could not be given back'),
    )
  }
  const isKnown = beginsSession(response) || (call.choosesPassword === 'newPassword' && response.ok)
  const known = isKnown && user !== undefined ? await people.devices.write(user) : undefined
  if (known !== undefined) response.headers.append('set-cookie', known)
  return response
}

/** The body, checked; what is not known is left out, so that Better Auth sees nothing that is not described. */
function readFields(
  call: Call,
  request: FastifyRequest,
  people: Accounts,
): Readonly<Record<string, unknown>> {
  const origin = request.headers.origin
  if (origin !== undefined && !people.trusts(origin)) {
    throw new AppError('origin_not_trusted', 'This page’s origin is not one of CORS_ORIGINS.')
  }
  const isEmpty = !Buffer.isBuffer(request.body) || request.body.length === 0
  if (isEmpty && !call.body?.required) return {}
  // A form of another site can be sent without asking, JSON cannot.
  const type = (request.headers['content-type'] ?? '').replace(/;.*$/s, '').trim().toLowerCase()
  if (type !== 'application/json') {
    throw new AppError('unsupported_media_type', 'Send Content-Type: application/json.')
  }
  const sent = readJson(request)
  if (!call.body) return {}
  const schema = call.body.schema as { properties: Readonly<Record<string, Schema>> }
  const given = Object.keys(schema.properties).filter(
    name => Object.hasOwn(sent, name) && sent[name] !== undefined,
  )
  const fields = Object.fromEntries(given.map(name => [name, canonical(name, sent[name])]))
  const validate = request.compileValidationSchema(schema)
  if (!validate(fields)) {
    const problems = (validate.errors ?? []).map(
      ({ instancePath = '', message = 'is not valid', params }) => {
        const field = instancePath.slice(1) || String(params?.missingProperty ?? '')
        return {
          field,
          message: `${field === '' ? 'The body' : field} ${params?.missingProperty ? 'is required' : message}.`,
        }
      },
    )
    throw brokenRules(problems)
  }
  if (!isStorable(fields))
    throw brokenRules([
      { field: '', message: 'Something has characters that cannot be stored, or is nested too deeply.' },
    ])
  return fields
}

/** @throws AppError `broken_rule` where it should be an email address and is none */
function canonical(name: string, value: unknown): unknown {
  if ((name !== 'email' && name !== 'newEmail') || typeof value !== 'string') return value
  const email = canonicalEmail(value)
  if (email !== undefined) return email
  throw brokenRules([{ field: name, message: `${name} must be an email address.` }])
}

const deepest = 8

/** Whether PostgreSQL can hold every text in it, and nothing is nested deeper than anything that is sent here. */
function isStorable(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  if (typeof value !== 'object' || value === null) return true
  if (depth === deepest) return false
  return Object.entries(value).every(([name, field]) => isStorable(name) && isStorable(field, depth + 1))
}

interface Counts {
  /** Given back where the right password was sent. */
  readonly guesses: readonly Count[]
  readonly work: readonly Count[]
}

function countsOf(
  { id, attempts }: Call,
  { ip }: FastifyRequest,
  fields: Readonly<Record<string, unknown>> | undefined,
  device: Device | undefined,
): Counts {
  const email = String(fields?.email ?? fields?.newEmail ?? '')
  switch (attempts) {
    case 'address':
      return { guesses: [byAddress(ip)], work: [] }
    case 'recipient':
      return { guesses: byRecipient(id, email, ip), work: [] }
    case 'proof':
      return { guesses: byProof(id, email, ip, device), work: [] }
    case 'account':
      return { guesses: byAccount(email, ip, device), work: bySignIn(email, ip, device) }
    case undefined:
      return { guesses: [], work: [] }
    default:
      return attempts satisfies never
  }
}

/** Among whom turns at hashing passwords are shared: the caller's network, and the account, session or link. */
function turnKeys(
  { ip, headers }: FastifyRequest,
  fields: Readonly<Record<string, unknown>> | undefined,
  device: Device | undefined,
): string[] {
  if (device) return [`device ${device.userId} ${device.id}`]
  const account = fields?.email ?? fields?.token ?? sessionIn(headers.cookie)
  return [`network ${network(ip)}`, `account ${String(account)}`]
}

/** Whether the answer brings the cookie of a session; who has yet to give a second factor gets none. */
function beginsSession({ headers }: Response): boolean {
  return headers.getSetCookie().some(cookie => /better-auth\.session_token=[^;]/.test(cookie))
}

/** The session's token, however it is encoded and signed. */
function sessionIn(header: string | undefined): string {
  const [, value = ''] =
    readCookies(header).find(([name]) => name.endsWith('better-auth.session_token')) ?? []
  return decoded(value.replaceAll('"', '')).replace(/\.[^.]*$/, '')
}

const fetchMetadata = ['sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-dest']

/** Names of providers and tokens of emails alone. */
function parameter(request: FastifyRequest, name: string): string {
  const value = (request.params as Readonly<Record<string, string>>)[name] ?? ''
  if (/^[\w-]{1,128}$/.test(value)) return value
  throw new AppError('route_not_found', 'There is nothing at this address.')
}

function requestFor(
  call: Call,
  request: FastifyRequest,
  fields: Readonly<Record<string, unknown>> | undefined,
  people: Accounts,
): Request | Response {
  let sent = fields
  const headers = new Headers()
  // Node's own `fetch` sends one of the Sec-Fetch headers, as if it were a page; pages send all of them.
  const page = request.headers['sec-fetch-site'] === undefined ? [] : fetchMetadata
  for (const name of ['origin', 'referer', 'user-agent', ...page]) {
    const value = request.headers[name]
    if (typeof value === 'string') headers.set(name, value)
  }
  // An origin that matches a pattern of CORS_ORIGINS: it may call, as `readFields` has seen, and be led to nowhere.
  const { origin } = request.headers
  if (origin !== undefined && people.trusts(origin) && !people.origins().includes(origin)) {
    headers.set('origin', people.publicUrl().origin)
  }
  const { cookie } = request.headers
  if (cookie !== undefined && readCookies(cookie).length > 0)
    headers.set('cookie', reSignCookies(cookie, people.cookieKeys))
  headers.set(clientAddressHeader, request.ip)
  if (fields) headers.set('content-type', 'application/json')
  // The address is made anew from the call and its parameters: what a parser makes of dots and backslashes leads nowhere else.
  const path = call.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => parameter(request, name))
  const url = new URL(request.server.base + path, people.publicUrl())
  const question = request.url.indexOf('?')
  url.search = question < 0 ? '' : request.url.slice(question)
  const token = url.searchParams.get('token')
  if (token !== null) url.searchParams.set('token', reSignLink(token, people.cookieKeys))
  for (const [name, code] of Object.entries(redirectFields)) {
    const given = [...url.searchParams.getAll(name), ...(fields && name in fields ? [fields[name]] : [])]
    if (given.length === 0 || (given.length === 1 && given[0] === '')) continue
    const target = given.length === 1 ? people.redirectTarget(String(given[0])) : undefined
    if (target === undefined) return refusedRedirect(code)
    if (fields && name in fields) sent = { ...sent, [name]: target }
    else url.searchParams.set(name, target)
  }
  return new Request(url, {
    method: request.method === 'HEAD' ? 'GET' : request.method,
    headers,
    ...(sent ? { body: JSON.stringify(sent) } : {}),
  })
}

/** As Better Auth refuses it. */
function refusedRedirect(code: string): Response {
  const message = `${code.charAt(0)}${code.slice(1).toLowerCase().replaceAll('_', ' ').replace('url', 'URL')}`
  return Response.json({ code, message }, { status: 403 })
}

/** The sign-in pages of providers, to which a browser is sent with a `state` of ours. */
const providers: ReadonlySet<string> = new Set(['https://github.com', 'https://accounts.google.com'])

/**
 * Checks where an answer leads, whatever it was made from: the last word on redirects, also for those that Better Auth
 * builds itself.
 */
function withSafeLocation(call: Call, response: Response, people: Accounts): Response {
  const location = response.headers.get('location')
  if (location === null) return response
  const target = people.redirectTarget(location)
  if (target !== undefined) response.headers.set('location', target)
  else if (!call.toProvider || !URL.canParse(location) || !providers.has(new URL(location).origin)) {
    return refusedRedirect('INVALID_CALLBACK_URL')
  }
  return response
}

async function forward(response: Response, reply: FastifyReply): Promise<FastifyReply> {
  reply.code(response.status)
  for (const name of ['content-type', 'location', 'set-auth-jwt', 'retry-after']) {
    const value = response.headers.get(name)
    if (value !== null) reply.header(name, value)
  }
  for (const cookie of response.headers.getSetCookie()) reply.header('set-cookie', cookie)
  const body = await response.text()
  // Some of Better Auth's refusals come without a word.
  if (response.status >= 400 && body === '') {
    const message = response.statusText || 'It is refused.'
    return reply.header('content-type', jsonMediaType).send(JSON.stringify({ message }))
  }
  return reply.send(body)
}
