import type { FastifyRequest } from 'fastify'
import type { Context } from '../../context.ts'
import { AppError } from '../../errors.ts'
import type { JsonObject } from '../../http/json-body.ts'
import type { Accounts } from '../accounts.ts'
import { clientAddressHeader } from '../client-address.ts'
import type { Handled } from '../issuer.ts'
import { askIssuer } from '../routes/answer-call.ts'
import type { Call } from '../routes/call.ts'
import { accountCalls } from '../routes/calls.ts'
import { validFields } from '../routes/read-fields.ts'

/** One call of Better Auth on behalf of a front end. */
export interface Question {
  /** The operation id of the call. */
  readonly call: string
  readonly fields: JsonObject
  /** Of an earlier response. The client's own cookies are never used. */
  readonly cookies?: string
}

/**
 * Asks Better Auth. Limits, lockouts, the hashing queue and the audit log are those of its own
 * call.
 */
export function ask(
  { call: id, fields: sent, cookies }: Question,
  request: FastifyRequest,
  accounts: Accounts,
  db: Context['db'],
): Promise<Handled> {
  const call = callOf(id)
  const fields = validFields(call.body?.schema ?? {}, sent, request)
  const url = new URL(request.server.base + call.path, accounts.publicUrl())
  const headers = new Headers({ 'content-type': 'application/json', [clientAddressHeader]: request.ip })
  const { 'user-agent': agent } = request.headers
  if (agent !== undefined) headers.set('user-agent', agent)
  if (cookies !== undefined) {
    headers.set('cookie', cookies)
    headers.set('origin', accounts.publicUrl().origin)
  }
  const forIssuer = new Request(url, { method: call.method, headers, body: JSON.stringify(fields) })
  return askIssuer({ call, request, fields, forIssuer, caller: { isBearer: true } }, accounts, db)
}

/** The cookies that a response sets, as a client sends them back. */
export function cookiesOf({ headers }: Response): string {
  return headers
    .getSetCookie()
    .filter(line => !/;\s*Max-Age=0/i.test(line))
    .map(line => line.replace(/;.*/s, ''))
    .join('; ')
}

/** The error for a rejection by Better Auth, by its code. */
export async function rejectionOf(response: Response): Promise<AppError> {
  const { code } = (await response.json().catch(() => ({}))) as { code?: string }
  const known = rejections[code ?? '']
  if (known) return new AppError(...known)
  if (response.status < 500) return new AppError('bad_request', 'The request was rejected.')
  throw new Error(`Better Auth answered with ${response.status} ${code}`)
}

const taken = 'This email address is taken. Sign in, or use another one.'
const wrongCode = 'The two-factor code is wrong. Send the current one as "code".'

const rejections: Readonly<Record<string, readonly [AppError['code'], string]>> = {
  INVALID_EMAIL_OR_PASSWORD: ['sign_in_failed', 'The email address or the password is wrong.'],
  EMAIL_NOT_VERIFIED: [
    'sign_in_forbidden',
    'Confirm your email address first: open the link in the email that you have received.',
  ],
  USER_DISABLED: ['sign_in_forbidden', 'This account is disabled.'],
  EMAIL_PASSWORD_SIGN_UP_DISABLED: ['sign_in_forbidden', 'Sign-up is closed on this server.'],
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: ['email_taken', taken],
  // A simultaneous sign-up has taken it.
  FAILED_TO_CREATE_USER: ['email_taken', taken],
  INVALID_CODE: ['code_required', wrongCode],
  INVALID_BACKUP_CODE: ['code_required', wrongCode],
  BACKUP_CODES_NOT_ENABLED: ['code_required', wrongCode],
  // A password reset has ended this sign-in.
  INVALID_TWO_FACTOR_COOKIE: ['sign_in_failed', 'The sign-in has ended. Sign in again.'],
}

function callOf(id: string): Call {
  const call = accountCalls.find(known => known.id === id)
  if (!call) throw new Error(`There is no call "${id}".`)
  return call
}
