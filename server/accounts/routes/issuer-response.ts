import type { FastifyReply } from 'fastify'
import { jsonMediaType } from '../../http/json-reply.ts'
import type { Accounts } from '../accounts.ts'
import type { Call } from './call.ts'

/** Whether it sets the cookie of a session. It does not while a two-factor code is missing. */
export function beginsSession({ headers }: Response): boolean {
  return headers.getSetCookie().some(cookie => /better-auth\.session_token=[^;]/.test(cookie))
}

/** The response of Better Auth to a redirect target that is not allowed. */
export function rejectedRedirect(code: string): Response {
  const message = `${code.charAt(0)}${code.slice(1).toLowerCase().replaceAll('_', ' ').replace('url', 'URL')}`
  return Response.json({ code, message }, { status: 403 })
}

/** Sign-in pages of providers, to which browsers are redirected with our `state`. */
const providers: ReadonlySet<string> = new Set(['https://github.com', 'https://accounts.google.com'])

/** Checks the redirect target of every response, also of those that Better Auth builds itself. */
export function withSafeLocation(call: Call, response: Response, accounts: Accounts): Response {
  const location = response.headers.get('location')
  if (location === null) return response
  const target = accounts.redirectTarget(location)
  if (target !== undefined) response.headers.set('location', target)
  else if (!call.toProvider || !URL.canParse(location) || !providers.has(new URL(location).origin)) {
    return rejectedRedirect('INVALID_CALLBACK_URL')
  }
  return response
}

/** Sends a response of Better Auth. */
export async function forward(response: Response, reply: FastifyReply): Promise<FastifyReply> {
  reply.code(response.status)
  for (const name of ['content-type', 'location', 'set-auth-jwt', 'retry-after']) {
    const value = response.headers.get(name)
    if (value !== null) reply.header(name, value)
  }
  for (const cookie of response.headers.getSetCookie()) reply.header('set-cookie', cookie)
  const body = await response.text()
  // Some error responses of Better Auth have no body.
  if (response.status >= 400 && body === '') {
    const message = response.statusText || 'The request was rejected.'
    return reply.header('content-type', jsonMediaType).send(JSON.stringify({ message }))
  }
  const plain = plainErrors.find(
    ({ status, code }) => response.status === status && body.includes(`"${code}"`),
  )
  return reply.send(plain ? JSON.stringify({ code: plain.code, message: plain.message }) : body)
}

/** Messages instead of Better Auth's, which do not tell a user what to do. */
const plainErrors = [
  {
    status: 400,
    code: 'INVALID_TOKEN',
    message: 'This link has expired or was used before. Request a new one.',
  },
  {
    status: 403,
    code: 'SESSION_NOT_FRESH',
    message: 'You signed in more than a day ago. Sign out and in again to do this.',
  },
]
